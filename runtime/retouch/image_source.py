"""Where pictures come from: files and streams, opened with errors that say how to mend them."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, TypeAlias

from retouch.errors import PictureError

Source: TypeAlias = Path | BinaryIO
"""A file, or an open stream such as standard input, which is read to its end."""


def name_of(source: Source) -> str:
    """What errors call the source."""
    return str(source) if isinstance(source, Path) else "standard input"


@contextmanager
def opened(source: Source) -> Iterator[BinaryIO]:
    """A seekable stream of the source; PictureError for everything that is not a readable file."""
    if not isinstance(source, Path):
        yield BytesIO(source.read())
        return
    with _open_file(source) as stream:
        yield stream if stream.seekable() else BytesIO(stream.read())


def _open_file(path: Path) -> BinaryIO:
    try:
        kind = path.stat().st_mode
        if stat.S_ISDIR(kind):
            raise PictureError(f"{path} is a folder; name a picture file in it")
        if stat.S_ISCHR(kind) or stat.S_ISBLK(kind):
            raise PictureError(f"{path} is a device, not a picture file")
        return path.open("rb")
    except FileNotFoundError:
        raise PictureError(f"{path} does not exist; check the path (the current folder is {Path.cwd()})") from None
    except PermissionError:
        raise PictureError(f"{path} may not be read; give yourself the right with: chmod u+r {path}") from None
    except OSError as problem:
        reason = os.strerror(problem.errno) if problem.errno else str(problem)
        raise PictureError(f"{path} cannot be opened ({reason}); check the path") from None
    except ValueError as problem:
        if isinstance(problem, PictureError):
            raise
        raise PictureError(f"{str(path)!r} cannot be a path ({problem}); check it") from None
