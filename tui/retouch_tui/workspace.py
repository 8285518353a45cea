"""One editing session without its screen: document, history, fix list, options, jobs, and how they act together."""

from collections.abc import Iterator
from dataclasses import replace
from math import floor
from random import SystemRandom
from typing import Any

import numpy as np

from retouch.arrays import RGB
from retouch.errors import PictureError, UsageError
from retouch.geometry import Box
from retouch_tui.document import Document
from retouch_tui.engine import Draft, draft_from_data
from retouch_tui.fixlist import FixList, Region
from retouch_tui.history import Entry, History
from retouch_tui.job import Event, Job, Tail
from retouch_tui.layers import Mask8, Point
from retouch_tui.refine import areas
from retouch_tui.runner import Runner
from retouch_tui.session import Saved, SessionFolder
from retouch_tui.shapes import outline, to_amount

LARGEST_RANDOM_SEED = 2**32 - 1


class Workspace:
    """Everything that is saved, resumed and shown."""

    def __init__(self, session: SessionFolder, runner: Runner) -> None:
        """Begin without a picture; `open` brings one."""
        self.session = session
        self.runner = runner
        self.document = Document(np.full((1, 1, 3), 127, np.uint8))
        self.history = History(session.pictures)
        self.fixes = FixList()
        self.draft = Draft()
        self.source = ""
        self.saved_key = ""
        self.tail: Tail | None = None
        """The job that is followed, None when nothing runs."""
        self._region: int | None = None
        self._seen: set[str] = set()

    @property
    def busy(self) -> bool:
        """Whether a job is under way."""
        return self.tail is not None

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
        self.history = History(self.session.pictures)
        self.fixes = FixList()
        self.source = source
        self.saved_key = ""
        self.document = Document(pixels)
        entry = self.history.add(pixels, Entry(key="", kind="original", taken=True))
        self.history.base = entry.key
        if empty is not None and empty.any():
            self.document.replace_mask(empty, "transparent parts", ("+ alpha",))

    def replace_mask(self, mask: Mask8, label: str, line: str) -> Box | None:
        """Load a mask from elsewhere."""
        return self.document.replace_mask(mask, label, (line,))

    # -- generating -------------------------------------------------------------------------------------------

    def roll_seed(self) -> Draft:
        """Draw a new seed unless it is locked, and return the draft that will run."""
        if not self.draft.seed_locked:
            self.draft = self.draft.with_request(seed=SystemRandom().randint(0, LARGEST_RANDOM_SEED))
        return self.draft

    def generate(self) -> Job:
        """Start a run on the mask; UsageError when there is nothing to do or one runs already."""
        if not self.document.mask.any():
            raise UsageError("nothing is masked yet; paint over what should change, then generate")
        return self._submit(self.document.mask, self.roll_seed(), None)

    def run_next_fix(self) -> Job | None:
        """Start the next waiting region of the fix list; None when all have run."""
        region = self.fixes.next_waiting()
        if region is None:
            return None
        self.roll_seed()
        own = region.draft(self.draft)
        self.fixes.change(region.number, state="running", note="", result="")
        return self._submit(region.mask(self.document.size.height, self.document.size.width), own, region)

    def _submit(self, mask: Mask8, draft: Draft, region: Region | None) -> Job:
        if self.busy:
            raise UsageError("a run is under way; press Escape to cancel it first")
        numbers = [int(p.name) for p in self.session.jobs.glob("*") if p.name.isdigit()]
        job = Job(self.session.jobs / f"{max(numbers, default=0) + 1:04d}")
        note = {
            "base": self.history.base,
            "region": None if region is None else region.number,
            "lines": list(self.document.lines) if region is None else [],
        }
        seen, plain = self.document.composite(), self.document.picture
        job.write(seen, mask.copy(), draft, note, None if seen is plain else plain)
        self._region = None if region is None else region.number
        self.tail = Tail(job)
        self.runner.submit(job)
        return job

    def cancel(self) -> None:
        """Ask the running job to stop at its next step."""
        if self.tail is not None:
            self.tail.job.cancel()

    def progress(self) -> Iterator[tuple[Event, Entry | None]]:
        """Yield what happened since the last call; a result comes with its entry in the history."""
        tail = self.tail
        if tail is None:
            return
        for event in tail.events():
            entry = self._absorb(tail.job, event) if event.kind == "result" else None
            if event.ends:
                self._finish(tail.job, event)
            yield event, entry
        if self.tail is tail and not (self.runner.alive() or tail.job.worked_on):
            text = f"the worker stopped unexpectedly; its last words are in {self.session.folder / 'worker.log'}"
            event = Event(kind="failed", text=text)
            self._finish(tail.job, event)
            yield event, None

    def _absorb(self, job: Job, event: Event) -> Entry:
        note, recipe = job.note(), event.recipe or {}
        request = recipe.get("draft", {}).get("request", {})
        entry = Entry(
            key="",
            kind="rough" if event.rough else "candidate",
            parent=note["base"],
            prompt=request.get("prompt", ""),
            seed=request.get("seed"),
            seconds=event.seconds,
            recipe={**recipe, "job": job.folder.name, "candidate": event.candidate},
            lines=tuple(note.get("lines", ())),
        )
        added = self.history.add(job.load_result(event.result), entry)
        number = note.get("region")
        if number is not None and number in {r.number for r in self.fixes}:
            self._fixed(self.fixes[number], event, added)
        return added

    def _fixed(self, region: Region, event: Event, entry: Entry) -> None:
        """Note what came for a region of the fix list: the list goes on from the candidate that is to be taken."""
        if not event.rough:
            self.fixes.change(region.number, state="done")
            if event.candidate + 1 == min(region.take, max(event.candidates, 1)):
                self.fixes.change(region.number, result=entry.key)

    def goes_on_from(self, key: str) -> bool:
        """Whether the fix list goes on from a result."""
        return any(region.result == key for region in self.fixes)

    def steps_of(self, entry: Entry) -> list[RGB]:
        """Return the previews of the steps that a result came from, first to last."""
        name, candidate = entry.recipe.get("job"), entry.recipe.get("candidate", 0)
        return [] if name is None else Job(self.session.jobs / name).previews(candidate)

    def _finish(self, job: Job, event: Event) -> None:
        self._seen.add(job.folder.name)
        self.tail = None
        number, self._region = self._region, None
        if number is not None and number in {r.number for r in self.fixes}:
            state = self.fixes[number].state
            if state == "running":
                self.fixes.change(number, state="failed", note=event.text or event.kind)

    def find_left_jobs(self) -> int:
        """After a resume: bring in results that came while nobody looked; follow a job that still runs."""
        count = 0
        for folder in sorted(self.session.jobs.glob("*")):
            job = Job(folder)
            if folder.name in self._seen or not job.complete:
                continue
            events = list(Tail(job).events())
            if events and events[-1].ends:
                results = [e for e in events if e.kind == "result"]
                for event in results:
                    self._absorb(job, event)
                count += len(results)
                self._seen.add(folder.name)
            else:
                self.tail = Tail(job)
                self._region = job.note().get("region")
        return count

    # -- results ----------------------------------------------------------------------------------------------

    def take(self, key: str) -> None:
        """Go on from a picture of the history; the mask stays unless the size differs."""
        pixels = self.history.pictures.get(key)
        if pixels.shape == self.document.picture.shape:
            self.document.rebase(pixels)
        else:
            self.document.reframe(pixels, np.zeros(pixels.shape[:2], np.uint8), "branch", "")
        self.history.take(key)

    def take_area(self, key: str, at: Point) -> Box | None:
        """Take only the masked area under a point from a result, and unmask it; other areas stay to be mended."""
        pixels = self.history.pictures.get(key)
        document = self.document
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
        base = self.history.base
        entry = replace(self.history.entries[key], kind="merged", parent=base, taken=True)
        document.rebase(merged)
        self.history.base = self.history.add(merged, entry).key
        line = outline(to_amount(chosen)).text(document.ground)
        rest = np.where(chosen, 0, document.mask).astype(np.uint8)
        return document.replace_mask(rest, "take area", (*document.lines, f"- {line}"))

    def frame(self, picture: RGB, mask: Mask8, label: str, line: str, shift: tuple[int, int]) -> None:
        """Go on with a picture on a new canvas, on which the old one lies `shift` further right and down."""
        self.document.reframe(picture, mask, label, line)
        self.fixes.shift(*shift)
        recipe = {"shift": list(shift)}
        entry = Entry(key="", kind="frame", parent=self.history.base, taken=True, prompt=label, recipe=recipe)
        self.history.base = self.history.add(picture, entry).key

    def follow_size(self) -> None:
        """After an undo that brought back a picture of another size: name it as the one worked on."""
        left = self.history.entries[self.history.base]
        shape = self.document.picture.shape
        for entry in reversed(list(self.history)):
            pixels = self.history.pictures.get(entry.key)
            if pixels is self.document.picture or (
                pixels.shape == shape and np.array_equal(pixels, self.document.picture)
            ):
                self.history.base = entry.key
                if left.parent == entry.key and "shift" in left.recipe:
                    dx, dy = left.recipe["shift"]
                    self.fixes.shift(-dx, -dy)
                elif entry.parent == left.key and "shift" in entry.recipe:
                    self.fixes.shift(*entry.recipe["shift"])
                return

    def reuse(self, key: str) -> Draft:
        """Set the options to what a result was made with."""
        data: dict[str, Any] | None = self.history.entries[key].recipe.get("draft")
        if data is None:
            raise UsageError("this picture was not generated here; there are no options to reuse")
        self.draft = replace(draft_from_data(data), seed_locked=True, candidates=self.draft.candidates)
        return self.draft

    # -- the session ------------------------------------------------------------------------------------------

    def saved(self) -> Saved:
        """Copy everything that the autosave writes, so that it can be written elsewhere."""
        document = self.document
        return Saved(
            source=self.source,
            mask=document.mask.copy(),
            sketch=None if document.sketch is None else document.sketch.copy(),
            lines=document.lines,
            draft=self.draft,
            base=self.history.base,
            entries=tuple(self.history),
            regions=tuple(self.fixes),
            seen_jobs=tuple(sorted(self._seen)),
            saved_key=self.saved_key,
        )

    def write_pictures(self) -> None:
        """Bring pictures that are only in memory to disk; called outside the UI's thread."""
        pictures = self.history.pictures
        for entry in self.history:
            if not pictures.path(entry.key).exists():
                pictures.write(entry.key, pictures.get(entry.key))

    def resume(self) -> int:
        """Read the session back; returns how many results came while nobody looked."""
        saved = self.session.load()
        self.history = History(self.session.pictures)
        self.history.entries = {e.key: e for e in saved.entries}
        self.history.base = saved.base
        picture = self.history.pictures.get(saved.base)
        if picture.shape[:2] != saved.mask.shape:
            raise PictureError(f"{self.session.folder}: picture and mask of this session do not belong together")
        self.document = Document(picture)
        self.document.mask = saved.mask
        self.document.sketch = saved.sketch
        self.document.lines = saved.lines
        self.fixes = FixList()
        for region in saved.regions:
            self.fixes.restore(region)
        self.draft = saved.draft
        self.source = saved.source
        self.saved_key = saved.saved_key
        self._seen = set(saved.seen_jobs)
        return self.find_left_jobs()
