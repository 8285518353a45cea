"""The part of the editor that generates: plan, run, progress, results, fix list."""

from textual import on
from textual.timer import Timer

from retouch.errors import RetouchError
from retouch.geometry import Box
from retouch_tui.engine import draft_from_data
from retouch_tui.history import Entry
from retouch_tui.job import Event, Job
from retouch_tui.messages import ResultChosen
from retouch_tui.screens.editor_options import Optioning
from retouch_tui.screens.editor_tools import LARGE_PX
from retouch_tui.settings import save_draft
from retouch_tui.terminal.link import LinkedApp
from retouch_tui.terminal.pacer import Preview
from retouch_tui.widgets.filmstrip import Filmstrip, Frame
from retouch_tui.widgets.options import OptionsPanel
from retouch_tui.widgets.run_line import RunLine

POLL_SECONDS = 0.08
PLAN_DELAY_SECONDS = 0.15
LEAST_PACE, MOST_PACE = 0.02, 50.0
"""Limits of what one run may teach about the next."""


class Generating(Optioning):
    """Running the engine and looking at what came out."""

    _poll: Timer | None = None
    _fixing = False
    _reading = False
    _starting = False
    _last_step: Event | None = None
    _foretold: float | None = None

    # -- running ----------------------------------------------------------------------------------------------

    def action_generate(self) -> None:
        """Repaint the mask."""
        if self.workspace.busy:
            self.notify("a run is under way; Escape stops it", severity="warning")
            return
        if self.shown_key:
            self.look_at(self.workspace.history.base)
        self._start(fix=False)

    def _start(self, *, fix: bool) -> None:
        """Hand a job to the worker; a large picture is written in a thread."""
        if self._starting:
            return
        self._fixing, self._starting = fix, True
        task = self.workspace.run_next_fix if fix else self.workspace.generate
        if self.document.mask.size > LARGE_PX:
            self.aside(task, self._started, self._not_started)
            return
        try:
            job = task()
        except RetouchError as error:
            self._not_started()
            self.notify(str(error), severity="warning", timeout=8)
        else:
            self._started(job)

    def _not_started(self) -> None:
        self._fixing = self._starting = False

    def _started(self, job: Job | None) -> None:
        self._starting = False
        if job is None:
            self._fixing = False
            self.notify("all regions of the fix list have run")
            return
        save_draft(self.config, self.workspace.draft)
        self.query_one(OptionsPanel).show(self.workspace.draft)
        self._foretold = self._estimate()
        self.follow_run("starting")
        self.canvas.focus()

    def _estimate(self) -> float | None:
        """Return the seconds of the plan in view, as foretold without what earlier runs taught."""
        plan = self.status.plan
        return None if plan is None or plan.seconds is None else plan.seconds / self.settings.pace

    def follow_run(self, words: str) -> None:
        """Watch the running job."""
        self._last_step = None
        self.query_one(RunLine).begin(words)
        if self._poll is None:
            self._poll = self.set_interval(POLL_SECONDS, self._progress)
        self.add_class("-running")

    def cancel_run(self) -> None:
        """Stop at the next step; what there is stays."""
        if self.workspace.busy:
            self._fixing = False
            self.workspace.cancel()
            self.notify("stopping at the next step; what is finished stays")

    def _progress(self) -> None:
        """Look for news; those of a large picture are read in a thread."""
        if self.document.mask.size <= LARGE_PX:
            self._news(list(self.workspace.progress()))
        elif not self._reading:
            self._reading = True
            self.aside(lambda: list(self.workspace.progress()), self._news, lambda: None)

    def _news(self, news: list[tuple[Event, Entry | None]]) -> None:
        self._reading = False
        for event, entry in news:
            if event.kind == "step":
                self._last_step = event
            if event.kind in {"step", "stage", "queued"}:
                self.query_one(RunLine).show(event)
            if entry is not None:
                self._result(entry)
            if event.ends:
                self._ended(event)
                return
        self._show_preview()

    def _show_preview(self) -> None:
        event, tail = self._last_step, self.workspace.tail
        if event is None or tail is None or not event.preview or event.box is None:
            return
        if not self._bears_preview(event, Box(*event.box)):
            return
        self._last_step = None
        box = Box(*event.box)
        self.preview = (tail.job.load_preview(event.preview), box)
        self.show_tint()
        self.canvas.update(box.clamp(self.document.size), self.scene())

    def _bears_preview(self, event: Event, box: Box) -> bool:
        """Whether the line to the terminal bears a preview at this step: fewer steps show one on a slow line."""
        app = self.app
        if not isinstance(app, LinkedApp) or app.is_headless:
            return True
        level = app.pacer.preview(max(event.seconds / max(event.step, 1), POLL_SECONDS))
        if level is Preview.TEXT:
            return False
        view = self.canvas.view
        cells = min(box.width * view.zoom, view.columns) * min(box.height * view.zoom / 2, view.rows)
        every = max(1, round(cells / max(level.columns * level.rows, 1)))
        return event.step % every == 0 or event.step == event.steps

    def _ended(self, event: Event) -> None:
        if self._poll is not None:
            self._poll.stop()
            self._poll = None
        self.query_one(RunLine).end()
        self.remove_class("-running")
        self.preview = None
        foretold = self._foretold or self._estimate()
        if event.kind == "finished" and foretold and event.seconds > 0:
            pace = event.seconds / foretold
            self.set_settings(pace=round(min(max(pace, LEAST_PACE), MOST_PACE), 3))
            self.ask_plan()
        if event.kind == "failed":
            self._fixing = False
            self.notify(event.text, title="The run failed", severity="error", timeout=15)
        elif event.kind == "cancelled":
            self.notify("stopped")
        self.show_all()
        self.show_results()
        self.autosave_soon()
        if self._fixing:
            self._next_fix()

    def _result(self, entry: Entry) -> None:
        """Show a candidate that just came; on the fix list it becomes the picture to go on with."""
        self.preview = None
        if self._fixing:
            if self.workspace.goes_on_from(entry.key):
                self.workspace.take(entry.key)
            self.look_at(entry.key)
        else:
            self.look_at(entry.key)
            self.set_status(hint="a takes it · , . look at others · o before")

    def _next_fix(self) -> None:
        self._start(fix=True)

    def run_fixes(self) -> None:
        """Run all waiting regions of the fix list."""
        self._start(fix=True)

    # -- results ----------------------------------------------------------------------------------------------

    def show_results(self) -> None:
        """Draw the filmstrip."""
        history = self.workspace.history
        names = {"original": "original", "frame": "canvas", "merged": "part taken", "opened": "opened"}
        frames = tuple(
            Frame(
                e.key,
                f"{e.number} {names.get(e.kind, 'rough' if e.kind == 'rough' else '')}"
                + (" ●" if e.key == history.base else " ✓" if e.taken and e.kind == "candidate" else ""),
                history.thumbnail(e.key),
            )
            for e in history
        )
        self.query_one(Filmstrip).show(frames, self.shown_key or history.base)
        self.set_class(len(history) > 1, "-results")

    @on(ResultChosen)
    def chosen(self, event: ResultChosen) -> None:
        """Look at a result, or take it."""
        if event.take:
            self.take(event.key)
        else:
            self.look_at(event.key)

    def action_browse(self, steps: int) -> None:
        """Look at the neighbour of the result in view."""
        keys = [e.key for e in self.workspace.history]
        at = keys.index(self.shown_key or self.workspace.history.base)
        self.look_at(keys[min(max(at + steps, 0), len(keys) - 1)])

    def action_take(self) -> None:
        """Go on from the result in view."""
        if not self.shown_key:
            self.set_status(hint="this is the picture you work on; , and . look at the results")
            return
        self.take(self.shown_key)

    def take(self, key: str) -> None:
        """Go on from a result; the mask stays."""
        try:
            self.workspace.take(key)
        except RetouchError as error:
            self.notify(str(error), severity="error")
            return
        self.document.clear_sketch()
        self.look_at(key)
        self.set_status(hint="taken; the mask stays (C clears it) · F10 saves")
        self.ask_plan()
        self.autosave_soon()

    def action_take_area(self) -> None:
        """Take only the masked area under the cursor from the result in view."""
        if not self.shown_key:
            self.set_status(hint="look at a result first (, and .), then point at the area to take")
            return
        key = self.shown_key
        try:
            self.workspace.take_area(key, self.cursor.at)
        except RetouchError as error:
            self.notify(str(error), severity="warning")
            return
        self.look_at(self.workspace.history.base)
        self.look_at(key)
        self.set_status(hint="area taken and unmasked; the others are still masked")
        self.ask_plan()

    def action_reuse(self) -> None:
        """Set the options to those of the result in view."""
        try:
            self.workspace.reuse(self.shown_key or self.workspace.history.base)
        except RetouchError as error:
            self.set_status(hint=str(error))
            return
        self.show_draft()
        self.set_status(hint="options taken over, the seed is locked")

    def recipe_draft(self, entry: Entry) -> str:
        """Return the prompt of an entry for copying."""
        data = entry.recipe.get("draft")
        return entry.prompt if data is None else draft_from_data(data).request.prompt

    # -- what the other part does -----------------------------------------------------------------------------

    def autosave_soon(self) -> None:
        """Save the session in a moment."""
