"""The autosave: a session as a folder that can be read back after a crash, a lost line or a closed laptop.

session.json  everything but pixels; names the mask and sketch files that belong to it and is replaced last
mask-N.png    the mask of save N          sketch-N.png  the colour strokes of save N
pictures/     one PNG for each picture of the history
jobs/         one folder for each run, see `job`
owner         process number of the UI that works on it
"""

import base64
import json
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from retouch.errors import OutputError, PictureError
from retouch.geometry import Box
from retouch_tui.engine import Draft, draft_from_data
from retouch_tui.fixlist import Region
from retouch_tui.history import Entry
from retouch_tui.job import process_lives
from retouch_tui.layers import Mask8, Sketch

VERSION = 1
KEPT_SESSIONS = 12
EMPTY_FOR_SECONDS = 3600
REGION_FIELDS = frozenset(f.name for f in fields(Region))


@dataclass(frozen=True, kw_only=True, eq=False)
class Saved:
    """A session as it is written."""

    source: str = ""
    """Path of the picture that was opened; empty for the sample."""
    mask: Mask8
    sketch: Sketch | None = None
    lines: tuple[str, ...] = ()
    draft: Draft = field(default_factory=Draft)
    base: str = ""
    entries: tuple[Entry, ...] = ()
    regions: tuple[Region, ...] = ()
    seen_jobs: tuple[str, ...] = ()
    """Jobs whose results are in the history."""
    saved_key: str = ""
    """The history entry that the user last saved to a file."""


class SessionFolder:
    """One session on disk."""

    def __init__(self, folder: Path) -> None:
        """Nothing is written before the first save."""
        self.folder = folder

    @property
    def pictures(self) -> Path:
        """Folder of the history's pictures."""
        return self.folder / "pictures"

    @property
    def jobs(self) -> Path:
        """Folder of the jobs."""
        return self.folder / "jobs"

    @property
    def exists(self) -> bool:
        """Whether it was saved at least once."""
        return (self.folder / "session.json").is_file()

    def own(self) -> None:
        """Mark the session as being worked on by this process."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "owner").write_text(str(os.getpid()), encoding="ascii")

    def disown(self) -> None:
        """Let others resume the session."""
        (self.folder / "owner").unlink(missing_ok=True)

    @property
    def owned(self) -> bool:
        """Whether another living process works on it."""
        try:
            process = int((self.folder / "owner").read_text(encoding="ascii"))
        except (OSError, ValueError):
            return False
        return process != os.getpid() and process_lives(process)

    @property
    def orphaned(self) -> bool:
        """Whether the process that worked on it is gone without having closed it."""
        return (self.folder / "owner").exists() and not self.owned

    def save(self, saved: Saved) -> None:
        """Write the session; a crash at any moment leaves the one before whole. OutputError if it cannot be."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            turn = time.time_ns()
            mask_file = f"mask-{turn}.png"
            _write_png(self.folder / mask_file, saved.mask)
            sketch_file = "" if saved.sketch is None else f"sketch-{turn}.png"
            if saved.sketch is not None:
                _write_png(self.folder / sketch_file, saved.sketch)
            text = json.dumps(_to_data(saved, mask_file, sketch_file), ensure_ascii=False)
            partial = self.folder / "session.json.partial"
            partial.write_text(text, encoding="utf-8")
            partial.replace(self.folder / "session.json")
            for old in (*self.folder.glob("mask-*.png"), *self.folder.glob("sketch-*.png")):
                if old.name not in {mask_file, sketch_file}:
                    old.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{self.folder}: the session cannot be saved ({error}); free some disk space") from None

    def load(self) -> Saved:
        """Read the session back; PictureError says what is wrong with it."""
        try:
            data = json.loads((self.folder / "session.json").read_text(encoding="utf-8"))
            version = data["version"]
            if version > VERSION:
                raise PictureError(f"{self.folder}: saved by a newer retouch; upgrade with: pip install -U retouch")
            mask = _read_png(self.folder / data["mask"], "L")
            sketch = _read_png(self.folder / data["sketch"], "RGBA") if data["sketch"] else None
            return _from_data(data, mask, sketch)
        except (OSError, KeyError, TypeError, json.JSONDecodeError) as error:
            raise PictureError(
                f"{self.folder}: this session cannot be read back ({type(error).__name__}: {error}); "
                "its pictures are in the folder pictures"
            ) from None


def new_session(root: Path) -> SessionFolder:
    """Name a session after the time; a folder that is there belongs to another one."""
    stem = time.strftime("%Y%m%d-%H%M%S")
    for number in count(1):
        folder = root / "sessions" / (stem if number == 1 else f"{stem}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            cure = "set RETOUCH_STATE_DIR to a folder that can be written"
            raise OutputError(f"{root}: sessions cannot be kept there ({error}); {cure}") from None
        return SessionFolder(folder)
    raise AssertionError("there is always a next number")


def prune(root: Path, keep: int = KEPT_SESSIONS) -> None:
    """Remove sessions that nobody works on: empty ones, and the oldest beyond `keep`."""
    for old in resumable(root)[keep:]:
        shutil.rmtree(old.folder, ignore_errors=True)
    for folder in (root / "sessions").glob("*"):
        session = SessionFolder(folder)
        if not session.exists and not session.owned and time.time() - folder.stat().st_mtime > EMPTY_FOR_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def resumable(root: Path) -> list[SessionFolder]:
    """Sessions that nobody works on, the latest first."""
    found = [SessionFolder(p) for p in (root / "sessions").glob("*")]
    free = [s for s in found if s.exists and not s.owned]
    return sorted(free, key=lambda s: (s.folder / "session.json").stat().st_mtime_ns, reverse=True)


def _write_png(path: Path, pixels: np.ndarray) -> None:
    partial = path.with_suffix(".partial")
    Image.fromarray(pixels).save(partial, format="PNG", compress_level=1)
    partial.replace(path)


def _read_png(path: Path, mode: str) -> np.ndarray:
    with Image.open(path) as image:
        return np.array(image.convert(mode), np.uint8)


def _to_data(saved: Saved, mask: str, sketch: str) -> dict[str, Any]:
    return {
        "version": VERSION,
        "source": saved.source,
        "mask": mask,
        "sketch": sketch,
        "lines": saved.lines,
        "draft": saved.draft.to_data(),
        "base": saved.base,
        "entries": [vars(e) for e in saved.entries],
        "regions": [{**vars(r), "packed": base64.b64encode(r.packed).decode("ascii")} for r in saved.regions],
        "seen_jobs": saved.seen_jobs,
        "saved_key": saved.saved_key,
    }


def _from_data(data: Mapping[str, Any], mask: Mask8, sketch: Sketch | None) -> Saved:
    return Saved(
        source=data["source"],
        mask=mask,
        sketch=sketch,
        lines=tuple(data["lines"]),
        draft=draft_from_data(data["draft"]),
        base=data["base"],
        entries=tuple(Entry(**{**e, "lines": tuple(e["lines"])}) for e in data["entries"]),
        regions=tuple(_region(r) for r in data["regions"]),
        seen_jobs=tuple(data["seen_jobs"]),
        saved_key=data["saved_key"],
    )


def _region(data: Mapping[str, Any]) -> Region:
    known = {name: value for name, value in data.items() if name in REGION_FIELDS}
    own = tuple((name, value) for name, value in data.get("own", ()))
    return Region(**{**known, "packed": base64.b64decode(data["packed"]), "box": Box(*data["box"]), "own": own})
