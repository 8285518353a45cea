"""Every error a user can meet.

RetouchError
├── UsageError (ValueError)          2  an option or value that cannot be meant
│   └── UnknownName                  2  a name that no registry has
├── PictureError (ValueError)        3  a picture or mask that cannot be read or used
├── OutputError (OSError)            4  a file that cannot be written
├── BundleError (ValueError)         5  a model that is missing, damaged or does not fit
├── ProviderError (RuntimeError)     6  a device or provider that does not load
│   └── MissingExtra (ImportError)   6  an optional part that is not installed
├── GenerationError (RuntimeError)   7  a run that failed on the way
├── ExportError (RuntimeError)       8  an export that failed or did not prove itself
└── Cancelled                      130  the user stopped the run

The numbers are the command line's exit codes; 1 is a defect of the product itself.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar


class RetouchError(Exception):
    """Root of the tree; the message is one line: what is wrong, then how to mend it."""

    exit_code: ClassVar[int] = 1


class UsageError(RetouchError, ValueError):
    """An option or value that cannot be meant."""

    exit_code = 2


class UnknownName(UsageError):
    """A name that is not among the known ones."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        """Say what is known and which of it the user probably meant."""
        names = sorted(known)
        near = get_close_matches(name, names, n=1, cutoff=0.5)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        super().__init__(f"unknown {kind} {name!r}; use one of {', '.join(names)}.{hint}")
        self.kind = kind
        self.name = name
        self.suggestion = near[0] if near else None


class PictureError(RetouchError, ValueError):
    """A picture or mask that cannot be read or used."""

    exit_code = 3


class OutputError(RetouchError, OSError):
    """A file that cannot be written."""

    exit_code = 4


class BundleError(RetouchError, ValueError):
    """A model bundle that is missing, damaged, too new or does not fit."""

    exit_code = 5


class ProviderError(RetouchError, RuntimeError):
    """A device or provider that does not load."""

    exit_code = 6


class MissingExtra(ProviderError, ImportError):
    """An optional part of the product that is not installed."""

    def __init__(self, purpose: str, extra: str) -> None:
        """Name the command that installs `extra`."""
        super().__init__(f"{purpose} needs an optional part; install it with: pip install 'retouch[{extra}]'")
        self.extra = extra


class GenerationError(RetouchError, RuntimeError):
    """A run that failed on the way."""

    exit_code = 7


class ExportError(RetouchError, RuntimeError):
    """An export that failed or did not prove itself."""

    exit_code = 8


class Cancelled(RetouchError):
    """The user stopped the run."""

    exit_code = 130

    def __init__(self, message: str = "cancelled") -> None:
        """Cancel with a short reason."""
        super().__init__(message)
