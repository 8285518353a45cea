"""A job: one run of the engine as a folder, so that it outlives the terminal that asked for it.

job.json        the draft, written last: a folder with it is complete
picture.npy     (H, W, 3) uint8          mask.npy   (H, W) uint8
plain.npy       the picture without the colour strokes, if there are any
progress.jsonl  one event a line, appended by the worker
preview-C-S.npy small picture of candidate C after step S
result-C.png    candidate C
cancel          a request to stop; its presence is enough
worker          process number of the worker
"""

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from retouch.arrays import RGB
from retouch_tui.engine import Draft, draft_from_data
from retouch_tui.layers import Mask8

VERSION = 1

Kind = Literal["queued", "stage", "step", "result", "failed", "cancelled", "finished"]


@dataclass(frozen=True, kw_only=True)
class Event:
    """One line of progress."""

    kind: Kind
    candidate: int = 0
    """From 0."""
    candidates: int = 1
    step: int = 0
    steps: int = 0
    seconds: float = 0.0
    """Since the worker began the job."""
    text: str = ""
    """What is going on, or what went wrong and how to mend it."""
    preview: str = ""
    """File of the preview."""
    box: tuple[int, int, int, int] | None = None
    """Where in the picture the preview lies: left, top, right, bottom."""
    result: str = ""
    """File of the candidate."""
    rough: bool = False
    """The candidate was stopped before its last step."""
    recipe: dict[str, Any] | None = None

    def to_line(self) -> str:
        """Return the event as a line of JSON, leaving out what says nothing."""
        plain = Event(kind=self.kind)
        said = {k: v for k, v in vars(self).items() if k == "kind" or v != getattr(plain, k)}
        return json.dumps(said, ensure_ascii=False) + "\n"

    @property
    def ends(self) -> bool:
        """Whether nothing follows."""
        return self.kind in {"failed", "cancelled", "finished"}


@dataclass(frozen=True)
class Job:
    """A job folder."""

    folder: Path

    @property
    def complete(self) -> bool:
        """Whether everything the worker needs is there."""
        return (self.folder / "job.json").is_file()

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked to stop."""
        return (self.folder / "cancel").exists()

    def cancel(self) -> None:
        """Ask the worker to stop at the next step."""
        (self.folder / "cancel").touch()

    @property
    def worked_on(self) -> bool:
        """Whether the process that took the job lives."""
        try:
            return process_lives(int((self.folder / "worker").read_text(encoding="ascii")))
        except (OSError, ValueError):
            return False

    def claim(self) -> None:
        """Say that this process works on the job."""
        (self.folder / "worker").write_text(str(os.getpid()), encoding="ascii")

    def write(self, picture: RGB, mask: Mask8, draft: Draft, note: dict[str, Any], plain: RGB | None = None) -> None:
        """Fill the folder; `note` is the caller's own (base, region) and comes back unread.

        `plain` is what lies outside the mask in the results; None for the picture itself.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        np.save(self.folder / "picture.npy", picture)
        np.save(self.folder / "mask.npy", mask)
        if plain is not None:
            np.save(self.folder / "plain.npy", plain)
        data = {"version": VERSION, "draft": draft.to_data(), "note": note}
        partial = self.folder / "job.json.partial"
        partial.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
        partial.replace(self.folder / "job.json")

    def read(self) -> tuple[RGB, Mask8, Draft]:
        """Return picture, mask and draft."""
        data = json.loads((self.folder / "job.json").read_text(encoding="utf-8"))
        return (
            np.load(self.folder / "picture.npy", allow_pickle=False),
            np.load(self.folder / "mask.npy", allow_pickle=False),
            draft_from_data(data["draft"]),
        )

    def without_sketch(self, pixels: RGB, mask: Mask8) -> RGB:
        """Return a result whose part outside the mask never saw the colour strokes."""
        path = self.folder / "plain.npy"
        if not path.exists():
            return pixels
        plain = np.load(path, allow_pickle=False)
        kept: RGB = np.where((mask > 0)[:, :, None], pixels, plain)
        return kept

    def note(self) -> dict[str, Any]:
        """Return what the caller wrote down for itself."""
        note: dict[str, Any] = json.loads((self.folder / "job.json").read_text(encoding="utf-8"))["note"]
        return note

    def lines(self) -> tuple[str, ...]:
        """Return the mask as lines, if the caller knew them."""
        return tuple(self.note().get("lines", ()))

    def report(self, event: Event) -> None:
        """Append an event; a line is written in one go."""
        with (self.folder / "progress.jsonl").open("a", encoding="utf-8") as file:
            file.write(event.to_line())

    def save_preview(self, candidate: int, step: int, preview: RGB) -> str:
        """Keep a preview of a step and return its file name."""
        name = f"preview-{candidate}-{step}.npy"
        np.save(self.folder / name, preview)
        return name

    def load_preview(self, name: str) -> RGB:
        """Return a kept preview."""
        pixels: RGB = np.load(self.folder / name, allow_pickle=False)
        return pixels

    def previews(self, candidate: int) -> list[RGB]:
        """Return the kept previews of a candidate, first to last."""
        found = self.folder.glob(f"preview-{candidate}-*.npy")
        return [self.load_preview(p.name) for p in sorted(found, key=lambda p: int(p.stem.rpartition("-")[2]))]

    def save_result(self, candidate: int, pixels: RGB) -> str:
        """Write a candidate whole or not at all and return its file name."""
        name = f"result-{candidate}.png"
        partial = self.folder / f"{name}.partial"
        Image.fromarray(pixels).save(partial, format="PNG", compress_level=1)
        partial.replace(self.folder / name)
        return name

    def load_result(self, name: str) -> RGB:
        """Return a candidate."""
        with Image.open(self.folder / name) as image:
            return np.asarray(image.convert("RGB"))

    def drop_inputs(self) -> None:
        """Remove what a finished job no longer needs."""
        for name in ("picture.npy", "mask.npy", "plain.npy"):
            (self.folder / name).unlink(missing_ok=True)


def process_lives(process: int) -> bool:
    """Whether a process with this number runs."""
    if sys.platform == "win32":  # a signal of 0 would end it there
        return _lives_on_windows(process)
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is there, and not ours
        return True
    return True


def _lives_on_windows(process: int) -> bool:
    import ctypes

    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009 - other systems' ctypes has none
    handle = kernel.OpenProcess(0x1000, False, process)  # PROCESS_QUERY_LIMITED_INFORMATION
    if not handle:
        return False
    code = ctypes.c_ulong()
    kernel.GetExitCodeProcess(handle, ctypes.byref(code))
    kernel.CloseHandle(handle)
    return code.value == 259  # STILL_ACTIVE


class Tail:
    """Reads a job's progress as it grows."""

    def __init__(self, job: Job) -> None:
        """Start at the first line."""
        self.job = job
        self._offset = 0

    def events(self) -> Iterator[Event]:
        """Yield the whole lines written since the last call."""
        path = self.job.folder / "progress.jsonl"
        if not path.exists():
            return
        with path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.splitlines():
            yield Event(**json.loads(line))
