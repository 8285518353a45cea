"""The results of an edit: a tree of pictures, each with what it was made with, kept as files in the session."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any, Literal

import cv2
import numpy as np
from PIL import Image

from retouch.arrays import RGB
from retouch.errors import OutputError, PictureError

THUMBNAIL_PX = 96
CACHE_BYTES = 256 * 2**20

Kind = Literal["original", "candidate", "rough", "frame", "merged", "opened"]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One picture of the history; its pixels are in the file `KEY.png` of the session."""

    key: str
    kind: Kind
    parent: str | None = None
    """The picture it was made from."""
    taken: bool = False
    """Whether work went on from it."""
    prompt: str = ""
    seed: int | None = None
    seconds: float = 0.0
    recipe: dict[str, Any] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    """The mask it was made with, in the mask language."""

    @property
    def number(self) -> int:
        """The number under the thumbnail."""
        return int(self.key)


class PictureStore:
    """Pictures by key: written once, cached while there is room."""

    def __init__(self, folder: Path) -> None:
        """Keep files in `folder`."""
        self.folder = folder
        self._cache: OrderedDict[str, RGB] = OrderedDict()
        self._lock = Lock()

    def path(self, key: str) -> Path:
        """Return the file of a picture."""
        return self.folder / f"{key}.png"

    def put(self, key: str, pixels: RGB) -> None:
        """Keep a picture in memory; `write` brings it to disk."""
        with self._lock:
            self._cache[key] = pixels
            self._shed()

    def at_hand(self, key: str) -> RGB | None:
        """Return the pixels of a picture that is in memory; None for one that must be read."""
        with self._lock:
            if key in self._cache:
                self._cache.move_to_end(key)
            return self._cache.get(key)

    def write(self, key: str, pixels: RGB) -> None:
        """Write a picture whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.path(key).with_suffix(".partial")
        try:
            Image.fromarray(pixels).save(partial, format="PNG", compress_level=1)
            partial.replace(self.path(key))
        except OSError as error:
            raise OutputError(f"{self.path(key)}: cannot keep the picture ({error}); free some disk space") from None

    def get(self, key: str) -> RGB:
        """Return the pixels of a picture; PictureError when its file is gone."""
        known = self.at_hand(key)
        if known is not None:
            return known
        try:
            with Image.open(self.path(key)) as image:
                pixels = np.asarray(image.convert("RGB"))
        except (OSError, ValueError) as error:
            raise PictureError(f"{self.path(key)}: this picture of the history is lost ({error})") from None
        self.put(key, pixels)
        return pixels

    def _shed(self) -> None:
        while len(self._cache) > 2 and sum(p.nbytes for p in self._cache.values()) > CACHE_BYTES:
            for key in list(self._cache)[:-1]:
                if self.path(key).exists():  # never drop what is not on disk yet
                    del self._cache[key]
                    break
            else:
                return


class History:
    """Entries in the order they came, the one that is worked on, and their pixels."""

    def __init__(self, folder: Path) -> None:
        """Begin empty; pictures go to `folder`."""
        self.entries: dict[str, Entry] = {}
        self.base: str = ""
        """Key of the picture that is worked on."""
        self.pictures = PictureStore(folder)
        self._thumbnails: dict[str, RGB] = {}

    def __len__(self) -> int:
        """Count the entries."""
        return len(self.entries)

    def __iter__(self) -> Iterator[Entry]:
        """Oldest first."""
        return iter(list(self.entries.values()))

    def next_key(self) -> str:
        """Return the key that `add` will give."""
        return str(max((int(k) for k in self.entries), default=-1) + 1)

    def add(self, pixels: RGB, entry: Entry, small: RGB | None = None) -> Entry:
        """Add a picture under a new key and return its entry; `small` is its `thumbnail`, where that is known."""
        added = replace(entry, key=self.next_key())
        self.entries[added.key] = added
        self.pictures.put(added.key, pixels)
        self._thumbnails[added.key] = thumbnail(pixels) if small is None else small
        return added

    def take(self, key: str) -> None:
        """Go on from a picture."""
        self.entries[key] = replace(self.entries[key], taken=True)
        self.base = key

    def thumbnail(self, key: str) -> RGB:
        """Return a small picture of an entry."""
        if key not in self._thumbnails:
            self._thumbnails[key] = thumbnail(self.pictures.get(key))
        return self._thumbnails[key]

    def thumbnail_at_hand(self, key: str) -> RGB | None:
        """Return a small picture of an entry if it is known already."""
        return self._thumbnails.get(key)

    def line_of(self, key: str) -> list[Entry]:
        """Return the way from the first picture to this one."""
        line: list[Entry] = []
        at: str | None = key
        while at is not None and at in self.entries:
            line.append(self.entries[at])
            at = self.entries[at].parent
        return line[::-1]


def thumbnail(pixels: RGB) -> RGB:
    """Shrink a picture to at most `THUMBNAIL_PX` a side."""
    scale = min(1.0, THUMBNAIL_PX / max(pixels.shape[:2]))
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
