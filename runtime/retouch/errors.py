"""The error tree of the product, re-exported for users of the runtime."""

from retouch_models.errors import (
    BundleError,
    Cancelled,
    ExportError,
    GenerationError,
    MissingExtra,
    OutputError,
    PictureError,
    ProviderError,
    RetouchError,
    UnknownName,
    UsageError,
)

__all__ = [
    "BundleError",
    "Cancelled",
    "ExportError",
    "GenerationError",
    "MissingExtra",
    "OutputError",
    "PictureError",
    "ProviderError",
    "RetouchError",
    "UnknownName",
    "UsageError",
]
