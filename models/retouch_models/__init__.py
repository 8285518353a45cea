"""What export and runtime share: the bundle contract, the errors, the registry and the bundled model."""

from retouch_models.version import __version__

__all__ = ["__version__"]
