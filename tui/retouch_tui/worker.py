"""The process that generates: takes job folders from its standard input and finishes the last one even when left alone.

The UI starts `python -m retouch_tui.worker MODULE:NAME` in a session of its own and writes one folder a line.
The model stays loaded between jobs. When the terminal goes away the pipe closes: the running job is finished,
its result lies in its folder, and the process ends.
"""

import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np

from retouch.arrays import RGB
from retouch.errors import Cancelled, RetouchError
from retouch_tui.engine import Draft, Engine, StepReport
from retouch_tui.job import Event, Job
from retouch_tui.layers import Mask8
from retouch_tui.preview import laid_over
from retouch_tui.refine import to_float
from retouch_tui.script import mask_lines

LARGEST_PREVIEW_PX = 256


def small(preview: RGB) -> RGB:
    """Shrink a preview to what a terminal can show."""
    scale = LARGEST_PREVIEW_PX / max(preview.shape[:2])
    if scale >= 1:
        return preview
    size = (max(1, round(preview.shape[1] * scale)), max(1, round(preview.shape[0] * scale)))
    return np.asarray(cv2.resize(preview, size, interpolation=cv2.INTER_AREA), np.uint8)


class Running:
    """One job being worked on."""

    def __init__(self, job: Job, engine: Engine) -> None:
        """Begin the clock."""
        self.job = job
        self.engine = engine
        self._began = time.monotonic()
        self._last: StepReport | None = None

    def _seconds(self) -> float:
        return round(time.monotonic() - self._began, 3)

    def run(self) -> None:
        """Work through the candidates; every way to end is an event."""
        try:
            self.job.claim()
            picture, mask, draft = self.job.read()
            for index in range(draft.candidates):
                self._candidate(index, picture, mask, draft)
            self.job.report(Event(kind="finished", candidates=draft.candidates, seconds=self._seconds()))
            self.job.drop_inputs()
        except Cancelled:
            self.job.report(Event(kind="cancelled", seconds=self._seconds()))
        except RetouchError as error:
            self.job.report(Event(kind="failed", text=str(error), seconds=self._seconds()))
        except MemoryError:
            text = "out of memory; choose a smaller work area, fewer candidates or a smaller model"
            self.job.report(Event(kind="failed", text=text, seconds=self._seconds()))
        except Exception as error:  # noqa: BLE001  the worker outlives any defect and says what it was
            text = f"unexpected {type(error).__name__}: {error}; please report it with the file {self.job.folder}"
            self.job.report(Event(kind="failed", text=text, seconds=self._seconds()))

    def _candidate(self, index: int, picture: RGB, mask: Mask8, draft: Draft) -> None:
        seed = (draft.request.seed + index * (draft.best_of or 1)) % 2**64
        own = draft.with_request(seed=seed)
        self._last = None

        def on_step(report: StepReport) -> None:
            self._last = report if report.preview is not None else self._last
            self._tell_step(index, own.candidates, report)
            if self.job.cancelled:
                raise Cancelled

        def on_stage(text: str) -> None:
            event = Event(kind="stage", candidate=index, candidates=own.candidates, text=text)
            self.job.report(replace(event, seconds=self._seconds()))

        if self.job.cancelled:
            raise Cancelled
        try:
            expression = " ".join(mask_lines(self.job.lines()))
            outcome = self.engine.generate(picture, to_float(mask), own, on_step, on_stage, expression)
        except Cancelled:
            self._keep_rough(index, picture, mask, own)
            raise
        name = self.job.save_result(index, self.job.without_sketch(outcome.pixels, mask))
        made = replace(own, best_of=None).with_request(seed=outcome.recipe.get("seed", seed))
        self._tell_result(index, made, name, recipe=outcome.recipe)

    def _tell_step(self, index: int, candidates: int, report: StepReport) -> None:
        preview = report.preview
        name = "" if preview is None else self.job.save_preview(index, report.step, small(preview))
        self.job.report(
            Event(
                kind="step",
                candidate=index,
                candidates=candidates,
                step=report.step,
                steps=report.steps,
                seconds=self._seconds(),
                preview=name,
                box=report.box,
                text=report.what,
            )
        )

    def _tell_result(self, index: int, draft: Draft, name: str, *, recipe: Mapping[str, Any]) -> None:
        self.job.report(
            Event(
                kind="result",
                candidate=index,
                candidates=draft.candidates,
                seconds=self._seconds(),
                result=name,
                recipe={**recipe, "draft": draft.to_data()},
                rough=bool(recipe.get("rough", False)),
            )
        )

    def _keep_rough(self, index: int, picture: RGB, mask: Mask8, draft: Draft) -> None:
        """Keep what a stopped run had so far: its last preview, laid under the mask."""
        last = self._last
        if last is None or last.preview is None or last.box is None:
            return
        result = self.job.without_sketch(laid_over(picture, mask, last.preview, last.box), mask)
        name = self.job.save_result(index, result)
        note = {"rough": True, "stopped_at": last.step, "of_steps": last.steps}
        self._tell_result(index, draft, name, recipe=note)


def named_engine(name: str) -> Engine:
    """Import an engine by `module:name` and make it."""
    module, _, attribute = name.partition(":")
    return cast("Engine", getattr(import_module(module), attribute)())


def main(arguments: list[str], lines: Iterable[str]) -> None:
    """Run the jobs named on the lines, one after another."""
    engine = named_engine(arguments[0])
    for line in lines:
        job = Job(Path(line.strip()))
        if job.complete:
            Running(job, engine).run()


if __name__ == "__main__":
    main(sys.argv[1:], iter(sys.stdin.readline, ""))
