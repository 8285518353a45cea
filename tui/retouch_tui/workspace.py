"""One editing session without its screen: the project, its jobs, and how it is saved and resumed."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from random import SystemRandom
from typing import Any

import cv2

from retouch.arrays import RGB
from retouch.errors import PictureError, UsageError
from retouch_tui.autosave import Autosave, Moment, write_pictures
from retouch_tui.document import Document
from retouch_tui.engine import Draft
from retouch_tui.fixlist import FixList, Region
from retouch_tui.history import Entry, History, thumbnail
from retouch_tui.job import Event, Job, Tail
from retouch_tui.layers import Mask8
from retouch_tui.project import Project
from retouch_tui.runner import Runner
from retouch_tui.session import Saved, SessionFolder

LARGEST_RANDOM_SEED = 2**32 - 1


@dataclass(frozen=True, eq=False)
class Started:
    """A job that was handed to the runner, and the options that it has."""

    job: Job
    draft: Draft
    region: int | None


@dataclass(frozen=True, eq=False)
class News:
    """What a job said; a result comes with its pixels and their thumbnail."""

    job: Job
    event: Event
    note: dict[str, Any]
    pixels: RGB | None = None
    small: RGB | None = None


class Workspace(Project):
    """Everything that is saved, resumed and shown."""

    def __init__(self, session: SessionFolder, runner: Runner) -> None:
        """Begin without a picture; `open` brings one."""
        super().__init__(session)
        self.runner = runner
        self.tail: Tail | None = None
        """The job that is followed, None when nothing runs."""
        self._region: int | None = None
        self._seen: set[str] = set()
        self._autosave = Autosave()
        self._moments = count(1)

    @property
    def busy(self) -> bool:
        """Whether a job is under way."""
        return self.tail is not None

    # -- generating -------------------------------------------------------------------------------------------

    def roll_seed(self) -> Draft:
        """Draw a new seed unless it is locked, and return the draft that will run."""
        self.draft = rolled(self.draft)
        return self.draft

    def generate(self) -> Job:
        """Start a run on the mask; UsageError when there is nothing to do or one runs already."""
        return self.started(self.starting())

    def starting(self) -> Started:
        """Hand a run on the mask to the runner; `started` must follow. UsageError when there is nothing to do."""
        mask = self.document.mask
        if cv2.countNonZero(mask) == 0:
            raise UsageError("nothing is masked yet; paint over what should change, then generate")
        draft = rolled(self.draft)
        return self._submit(mask, draft, draft, None)

    def run_next_fix(self) -> Job | None:
        """Start the next waiting region of the fix list; None when all have run."""
        start = self.starting_fix()
        return None if start is None else self.started(start)

    def starting_fix(self) -> Started | None:
        """Hand the next waiting region of the fix list to the runner; None when all have run."""
        region = self.fixes.next_waiting()
        if region is None:
            return None
        draft, size = rolled(self.draft), self.document.size
        return self._submit(region.mask(size.height, size.width), region.draft(draft), draft, region)

    def _submit(self, mask: Mask8, own: Draft, draft: Draft, region: Region | None) -> Started:
        if self.busy:
            raise UsageError("a run is under way; press Escape to cancel it first")
        numbers = [int(p.name) for p in self.session.jobs.glob("*") if p.name.isdigit()]
        job = Job(self.session.jobs / f"{max(numbers, default=0) + 1:04d}")
        number = None if region is None else region.number
        note = {
            "base": self.history.base,
            "region": number,
            "lines": list(self.document.lines) if region is None else [],
        }
        seen, plain = self.document.composite(), self.document.picture
        job.write(seen, mask, own, note, None if seen is plain else plain)
        self.runner.submit(job)
        return Started(job, draft, number)

    def started(self, start: Started) -> Job:
        """Follow a job that was started."""
        self.draft = self.draft.with_request(seed=start.draft.request.seed)
        self._region = start.region
        self.tail = Tail(start.job)
        if start.region is not None:
            self.fixes.change(start.region, state="running", note="", result="")
        return start.job

    def cancel(self) -> None:
        """Ask the running job to stop at its next step."""
        if self.tail is not None:
            self.tail.job.cancel()

    def progress(self) -> Iterator[tuple[Event, Entry | None]]:
        """Yield what happened since the last call; a result comes with its entry in the history."""
        for news in self.reading():
            yield news.event, self.heard(news)

    def reading(self) -> list[News]:
        """Read what the job said since the last call, with its results; `heard` must follow for each."""
        tail = self.tail
        if tail is None:
            return []
        events = list(tail.events())
        if not (any(event.ends for event in events) or self.runner.alive() or tail.job.worked_on):
            text = f"the worker stopped unexpectedly; its last words are in {self.session.folder / 'worker.log'}"
            events.append(Event(kind="failed", text=text))
        note = tail.job.note() if events else {}
        return [_read(tail.job, event, note) for event in events]

    def heard(self, news: News) -> Entry | None:
        """Take in what a job said; a result comes with its entry in the history."""
        entry = None if news.pixels is None else self._absorb(news, news.pixels)
        if news.event.ends:
            self._finish(news.job, news.event)
        return entry

    def _absorb(self, news: News, pixels: RGB) -> Entry:
        event, note, recipe = news.event, news.note, news.event.recipe or {}
        request = recipe.get("draft", {}).get("request", {})
        entry = Entry(
            key="",
            kind="rough" if event.rough else "candidate",
            parent=note["base"],
            prompt=request.get("prompt", ""),
            seed=request.get("seed"),
            seconds=event.seconds,
            recipe={**recipe, "job": news.job.folder.name, "candidate": event.candidate},
            lines=tuple(note.get("lines", ())),
        )
        added = self.history.add(pixels, entry, news.small)
        number = note.get("region")
        if number is None and entry.seed is not None and event.candidates == 1 and not self.draft.seed_locked:
            self.draft = self.draft.with_request(seed=entry.seed)  # of several drafts another one may have been kept
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
                news = [_read(job, event, job.note()) for event in events if event.kind == "result"]
                for one in news:
                    self.heard(one)
                count += len(news)
                self._seen.add(folder.name)
            else:
                self.tail = Tail(job)
                self._region = job.note().get("region")
        return count

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
        """Bring pictures that are only in memory to disk."""
        write_pictures(self.history.pictures, tuple(self.history))

    def moment(self) -> Moment:
        """Copy all that the autosave writes."""
        return Moment(next(self._moments), self.session, self.history.pictures, self.saved())

    def keep(self, moment: Moment | None = None) -> None:
        """Write a moment of the session, the present one if none is given; OutputError if it cannot be."""
        self._autosave.write(self.moment() if moment is None else moment)

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


def rolled(draft: Draft) -> Draft:
    """Return the draft with a new seed, unless it is locked."""
    return draft if draft.seed_locked else draft.with_request(seed=SystemRandom().randint(0, LARGEST_RANDOM_SEED))


def _read(job: Job, event: Event, note: dict[str, Any]) -> News:
    if event.kind != "result":
        return News(job, event, note)
    pixels = job.load_result(event.result)
    return News(job, event, note, pixels, thumbnail(pixels))
