"""Counts the pixels that are touched on the event loop: a law about its pauses that needs no clock."""

import threading
import traceback
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from retouch_tui.document import Document
from retouch_tui.history import PictureStore

CV2 = (
    "absdiff",
    "boundingRect",
    "connectedComponents",
    "connectedComponentsWithStats",
    "copyMakeBorder",
    "countNonZero",
    "dilate",
    "distanceTransform",
    "findContours",
    "floodFill",
    "remap",
    "resize",
)
"""Functions of OpenCV that look at whole arrays."""

READING = ("all", "any", "argmax", "astype", "copy", "flatten", "max", "mean", "min", "nonzero", "sum", "tobytes")
"""Methods of arrays that do."""


class Touches:
    """What touched more pixels at once than may be, on the thread that made this."""

    def __init__(self, limit: int) -> None:
        """Count on this thread."""
        self.limit = limit
        self.thread = threading.get_ident()
        self.found: list[str] = []

    def note(self, pixels: int, what: str) -> None:
        """Remember one that touched too many."""
        if pixels > self.limit and threading.get_ident() == self.thread:
            lines = [f for f in traceback.extract_stack() if "retouch_tui" in f.filename]
            where = " < ".join(f"{f.name}:{f.lineno}" for f in reversed(lines[-6:]))
            self.found.append(f"{what} of {pixels} pixels: {where}")


touches = Touches(1 << 60)


def _pixels(value: object) -> int:
    if isinstance(value, np.ndarray) and value.ndim >= 2:
        return int(value.shape[0] * value.shape[1])
    if isinstance(value, (list, tuple)):
        return max((_pixels(part) for part in value), default=0)
    return 0


def _plain(value: Any) -> Any:
    if isinstance(value, Watched):
        return value.view(np.ndarray)
    return type(value)(map(_plain, value)) if isinstance(value, (list, tuple)) else value


class Watched(np.ndarray):
    """An array that tells how many of its pixels are touched, as do all that are made from it."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        touches.note(_pixels(inputs), ufunc.__name__)
        if "out" in options:
            options["out"] = _plain(options["out"])
        return watched(getattr(ufunc, method)(*_plain(inputs), **options))

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        touches.note(_pixels([*args, *kwargs.values()]), func.__name__)
        return watched(func(*_plain(tuple(args)), **{k: _plain(v) for k, v in kwargs.items()}))

    def __setitem__(self, key: Any, value: Any) -> None:
        touches.note(_pixels(self.view(np.ndarray)[key]), "assignment")
        self.view(np.ndarray)[key] = _plain(value)

    def __getitem__(self, key: Any) -> Any:
        found = self.view(np.ndarray)[key]
        if isinstance(found, np.ndarray) and found.base is None:  # a copy: the index was an array
            touches.note(_pixels(found), "choice")
        return watched(found)


def _reading(name: str) -> Callable[..., Any]:
    def method(self: Watched, *args: Any, **options: Any) -> Any:
        touches.note(_pixels(self), name)
        return watched(getattr(self.view(np.ndarray), name)(*args, **options))

    return method


for _name in READING:
    setattr(Watched, _name, _reading(_name))


def watched(value: Any) -> Any:
    """Watch an array; leave everything else as it is."""
    return value.view(Watched) if isinstance(value, np.ndarray) and value.ndim >= 2 else value


def _noting(what: str, run: Callable[..., Any], count: Callable[..., int]) -> Callable[..., Any]:
    def noting(*args: Any, **options: Any) -> Any:
        touches.note(count(*args), what)
        return run(*map(_plain, args), **options)

    return noting


@contextmanager
def counting(patch: pytest.MonkeyPatch, limit: int) -> Iterator[Touches]:
    """Watch all documents and pictures that are made from now on, and what looks at any picture."""
    global touches
    touches = Touches(limit)
    make, put = Document.__init__, PictureStore.put

    def made(self: Document, picture: np.ndarray) -> None:
        make(self, watched(picture))
        self.mask = watched(self.mask)

    def kept(self: PictureStore, key: str, pixels: np.ndarray) -> None:
        put(self, key, watched(pixels))

    patch.setattr(Document, "__init__", made)
    patch.setattr(PictureStore, "put", kept)
    for name in CV2:
        patch.setattr(cv2, name, _noting(name, getattr(cv2, name), lambda *args: _pixels(args)))
    patch.setattr(zlib, "compress", _noting("compress", zlib.compress, lambda data, *_: memoryview(data).nbytes))
    patch.setattr(zlib, "decompress", _noting("decompress", zlib.decompress, lambda data, *_: len(data)))
    patch.setattr(Image, "fromarray", _noting("a picture file", Image.fromarray, lambda pixels, *_: _pixels(pixels)))
    patch.setattr(Image.Image, "load", _loading(Image.Image.load))
    yield touches
    touches = Touches(1 << 60)


def _loading(load: Callable[[Image.Image], Any]) -> Callable[[Image.Image], Any]:
    def noting(image: Image.Image) -> Any:
        touches.note(image.width * image.height, "decoding")
        return load(image)

    return noting
