"""What is worked on: document, history, fix list and options, and how pictures of the history become the document.

As in `document`, methods that end in -ing work out what would be, in a thread if need be, and change nothing.
"""

from dataclasses import dataclass, replace
from math import floor
from typing import Any, Literal

import numpy as np

from retouch.arrays import RGB
from retouch.errors import UsageError
from retouch.geometry import Box
from retouch_tui.document import Document
from retouch_tui.engine import Draft, draft_from_data
from retouch_tui.fixlist import FixList
from retouch_tui.history import Entry, History, thumbnail
from retouch_tui.landing import Landing
from retouch_tui.layers import Mask8, Point
from retouch_tui.refine import areas
from retouch_tui.session import SessionFolder
from retouch_tui.shapes import outline, to_amount


@dataclass(frozen=True, eq=False)
class Opening:
    """A picture ready to be worked on."""

    document: Document
    small: RGB
    """Its thumbnail."""

    @classmethod
    def of(cls, pixels: RGB, empty: Mask8 | None = None) -> "Opening":
        """Make a picture ready; `empty` marks its transparent parts, which become the mask."""
        document = Document(pixels)
        if empty is not None and empty.any():
            document.replace_mask(empty, "transparent parts", ("+ alpha",))
        return cls(document, thumbnail(pixels))


@dataclass(frozen=True, eq=False)
class Taking:
    """A picture of the history ready to be gone on with, and what that does to mask and strokes."""

    picture: RGB
    landing: Landing | None


@dataclass(frozen=True, eq=False)
class TakingArea:
    """A picture in which one area is of a result and all else as it was."""

    picture: RGB
    small: RGB
    entry: Entry
    landing: Landing | None


@dataclass(frozen=True, eq=False)
class Travelling:
    """A step taken back or done again, and the key of the picture that is worked on then."""

    landing: Landing
    key: str


class Project:
    """Everything of a session that has to do with pictures."""

    def __init__(self, session: SessionFolder) -> None:
        """Begin without a picture; `open` brings one."""
        self.session = session
        self.document = Document(np.full((1, 1, 3), 127, np.uint8))
        self.history = History(session.pictures)
        self.fixes = FixList()
        self.draft = Draft()
        self.source = ""
        self.saved_key = ""

    @property
    def touched(self) -> bool:
        """Whether there is anything worth keeping."""
        return bool(self.history.entries) and (bool(self.source) or self.document.revision > 0 or len(self.history) > 1)

    @property
    def unsaved(self) -> bool:
        """Whether the picture worked on is one that no file of the user holds."""
        entry = self.history.entries.get(self.history.base)
        return entry is not None and entry.kind not in {"original", "opened"} and entry.key != self.saved_key

    def open(self, pixels: RGB, source: str, empty: Mask8 | None = None) -> None:
        """Begin with a picture; `empty` marks its transparent parts, which become the mask."""
        self.begin(Opening.of(pixels, empty), source)

    def begin(self, opening: Opening, source: str) -> None:
        """Begin with a picture that was made ready."""
        self.history = History(self.session.pictures)
        self.fixes = FixList()
        self.source = source
        self.saved_key = ""
        self.document = opening.document
        entry = Entry(key="", kind="original", taken=True)
        self.history.base = self.history.add(opening.document.picture, entry, opening.small).key

    # -- results ----------------------------------------------------------------------------------------------

    def taking(self, key: str, *, wipe: bool = False) -> Taking:
        """Go on from a picture of the history; the mask stays unless the size differs, colour strokes unless wiped."""
        pixels, document = self.history.pictures.get(key), self.document
        if pixels.shape == document.picture.shape:
            return Taking(pixels, document.wiping() if wipe else None)
        return Taking(pixels, document.reframing(pixels, np.zeros(pixels.shape[:2], np.uint8), "branch", ""))

    def took(self, key: str, taking: Taking) -> None:
        """Put in place what `taking` made ready."""
        self.document.land(taking.landing)
        self.document.rebase(taking.picture)
        self.history.take(key)

    def take(self, key: str) -> None:
        """Go on from a picture of the history."""
        self.took(key, self.taking(key))

    def taking_area(self, key: str, at: Point) -> TakingArea | None:
        """Take only the masked area under a point from a result, and unmask it; other areas stay to be mended.

        None where there is no picture; UsageError where there is no mask.
        """
        pixels, document = self.history.pictures.get(key), self.document
        x, y = floor(at[0]), floor(at[1])
        if pixels.shape != document.picture.shape:
            raise UsageError("that result has another size; take it whole")
        if not (0 <= x < document.size.width and 0 <= y < document.size.height):
            return None
        _, labels = areas(document.mask)
        if labels[y, x] == 0:
            raise UsageError("no mask here; point at the masked area you want to take")
        chosen = labels == labels[y, x]
        merged = np.where(chosen[:, :, None], pixels, document.picture)
        entry = replace(self.history.entries[key], kind="merged", parent=self.history.base, taken=True)
        line = outline(to_amount(chosen)).text(document.ground)
        rest = np.where(chosen, 0, document.mask).astype(np.uint8)
        landing = document.replacing(rest, "take area", (*document.lines, f"- {line}"))
        return TakingArea(merged, thumbnail(merged), entry, landing)

    def took_area(self, taking: TakingArea) -> Box | None:
        """Put in place what `taking_area` made ready."""
        box = self.document.land(taking.landing)
        self.document.rebase(taking.picture)
        self.history.base = self.history.add(taking.picture, taking.entry, taking.small).key
        return box

    def take_area(self, key: str, at: Point) -> Box | None:
        """Take one area of a result."""
        taking = self.taking_area(key, at)
        return None if taking is None else self.took_area(taking)

    # -- the size ---------------------------------------------------------------------------------------------

    def frame(self, picture: RGB, mask: Mask8, label: str, line: str, shift: tuple[int, int]) -> None:
        """Go on with a picture on a new canvas, on which the old one lies `shift` further right and down."""
        self.framed(self.document.reframing(picture, mask, label, line), thumbnail(picture), shift)

    def framed(self, landing: Landing, small: RGB, shift: tuple[int, int]) -> None:
        """Put a new canvas in place."""
        self.document.land(landing)
        self.fixes.shift(*shift)
        recipe = {"shift": list(shift)}
        parent = self.history.base
        entry = Entry(key="", kind="frame", parent=parent, taken=True, prompt=landing.label, recipe=recipe)
        self.history.base = self.history.add(self.document.picture, entry, small).key

    def travelling(self, way: Literal["undo", "redo"]) -> Travelling | None:
        """Take the last step back, or do the next one again; None if there is none."""
        landing = self.document.undoing() if way == "undo" else self.document.redoing()
        if landing is None:
            return None
        picture = self.document.picture if landing.layers is None else landing.layers.picture
        same = picture.shape == self.document.picture.shape
        return Travelling(landing, self.history.base if same else self._key_of(picture))

    def travelled(self, travelling: Travelling) -> Box | None:
        """Put in place what `travelling` made ready; a picture of another size is named as the one worked on."""
        box = self.document.land(travelling.landing)
        self._go_to(travelling.key)
        return box

    def follow_size(self) -> None:
        """After an undo that brought back a picture of another size: name it as the one worked on."""
        self._go_to(self._key_of(self.document.picture))

    def _key_of(self, picture: RGB) -> str:
        for entry in reversed(list(self.history)):
            pixels = self.history.pictures.get(entry.key)
            if pixels is picture or (pixels.shape == picture.shape and np.array_equal(pixels, picture)):
                return entry.key
        return self.history.base

    def _go_to(self, key: str) -> None:
        left, entry = self.history.entries[self.history.base], self.history.entries[key]
        self.history.base = key
        if left.parent == entry.key and "shift" in left.recipe:
            dx, dy = left.recipe["shift"]
            self.fixes.shift(-dx, -dy)
        elif entry.parent == left.key and "shift" in entry.recipe:
            self.fixes.shift(*entry.recipe["shift"])

    def reuse(self, key: str) -> Draft:
        """Set the options to what a result was made with."""
        data: dict[str, Any] | None = self.history.entries[key].recipe.get("draft")
        if data is None:
            raise UsageError("this picture was not generated here; there are no options to reuse")
        self.draft = replace(draft_from_data(data), seed_locked=True, candidates=self.draft.candidates)
        return self.draft
