"""The part of the editor that generates: plan, run, progress, results, fix list."""

from textual import on
from textual.timer import Timer

from retouch.errors import RetouchError
from retouch.geometry import Box
from retouch_tui.engine import draft_from_data
from retouch_tui.history import Entry
from retouch_tui.job import Event
from retouch_tui.messages import ResultChosen
from retouch_tui.preview import Preview
from retouch_tui.project import Taking, TakingArea
from retouch_tui.screens.editor_options import Optioning
from retouch_tui.settings import save_draft
from retouch_tui.terminal.link import LinkedApp
from retouch_tui.terminal.pacer import Preview as PreviewSize
from retouch_tui.turns import Errand, at_once, in_turn
from retouch_tui.widgets.filmstrip import Filmstrip, Frame
from retouch_tui.widgets.options import OptionsPanel
from retouch_tui.widgets.run_line import RunLine
from retouch_tui.workspace import News, Started

POLL_SECONDS = 0.08
PLAN_DELAY_SECONDS = 0.15
LEAST_PACE, MOST_PACE = 0.02, 50.0
"""Limits of what one run may teach about the next."""


class Generating(Optioning):
    """Running the engine and looking at what came out."""

    _poll: Timer | None = None
    _fixing = False
    _reading = False
    _shrinking = False
    _last_step: Event | None = None
    _foretold: float | None = None

    # -- running ----------------------------------------------------------------------------------------------

    @in_turn
    def action_generate(self) -> None:
        """Repaint the mask."""
        if self.workspace.busy:
            self.notify("a run is under way; Escape stops it", severity="warning")
            return
        if self.shown_key:
            self.look_at(self.workspace.history.base)
        self._start(fix=False)

    @in_turn
    def _start(self, *, fix: bool) -> None:
        """Hand a job to the worker."""
        self._fixing = fix
        task = self.workspace.starting_fix if fix else self.workspace.starting
        self.work_out(Errand(3 * self.document.size.area, task), self._started, self._not_started)

    def _not_started(self) -> None:
        self._fixing = False

    def _started(self, start: Started | None) -> None:
        if start is None:
            self._fixing = False
            self.notify("all regions of the fix list have run")
            return
        self.workspace.started(start)
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

    def cancel_run(self) -> None:
        """Stop at the next step; what there is stays."""
        if self.workspace.busy:
            self._fixing = False
            self.workspace.cancel()
            self.notify("stopping at the next step; what is finished stays")

    def _progress(self) -> None:
        """Look for news; those of a large picture are read in a thread."""
        if at_once(self.document.size.area):
            self._hear(self.workspace.reading())
        elif not self._reading:
            self._reading = True
            self.aside(self.workspace.reading, self._hear, self._lost)

    def _lost(self) -> None:
        self._reading = False

    @in_turn
    def _hear(self, told: list[News]) -> None:
        """Take in what the job said."""
        self._reading = False
        for news in told:
            draft = self.workspace.draft
            event, entry = news.event, self.workspace.heard(news)
            if self.workspace.draft is not draft:
                self.query_one(OptionsPanel).show(self.workspace.draft)
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
        if not self._bears_preview(event):
            return
        self._last_step = None
        first, box = self.preview is None, Box(*event.box)
        self.preview = Preview(tail.job.load_preview(event.preview), box)
        if first:
            self.show_all()
        else:
            self.canvas.lay(box.clamp(self.document.size), self.scene())

    def _bears_preview(self, event: Event) -> bool:
        """Whether the line to the terminal bears a preview at all; a slow line gets coarser ones."""
        app = self.app
        if not isinstance(app, LinkedApp) or app.is_headless:
            return True
        step_s = max(event.seconds / max(event.step, 1), POLL_SECONDS)
        self.canvas.afford(app.pacer.preview_bytes(step_s))
        return app.pacer.preview(step_s) is not PreviewSize.TEXT

    def _ended(self, event: Event) -> None:
        if self._poll is not None:
            self._poll.stop()
            self._poll = None
        self.query_one(RunLine).end()
        self.canvas.afford(None)
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
        if not self._fixing:
            self.look_at(entry.key)
            self.set_status(hint="a takes it · , . look at others · o before")
        elif self.workspace.goes_on_from(entry.key):
            self._take(entry.key, wipe=False)
        else:
            self.look_at(entry.key)

    def _next_fix(self) -> None:
        self._start(fix=True)

    def run_fixes(self) -> None:
        """Run all waiting regions of the fix list."""
        self._start(fix=True)

    # -- results ----------------------------------------------------------------------------------------------

    def show_results(self) -> None:
        """Draw the filmstrip; after a resume its pictures come one by one."""
        history = self.workspace.history
        unknown = [e.key for e in history if history.thumbnail_at_hand(e.key) is None]
        if at_once(len(unknown) * self.document.size.area):
            for key in unknown:
                history.thumbnail(key)
        elif not self._shrinking:
            self._shrinking = True
            self.aside(lambda: history.thumbnail(unknown[0]), lambda _: self._shrunk(), self._not_shrunk)
        names = {"original": "original", "frame": "canvas", "merged": "part taken", "opened": "opened"}
        frames = tuple(
            Frame(
                e.key,
                f"{e.number} {names.get(e.kind, 'rough' if e.kind == 'rough' else '')}"
                + (" ●" if e.key == history.base else " ✓" if e.taken and e.kind == "candidate" else ""),
                history.thumbnail_at_hand(e.key),
            )
            for e in history
        )
        strip = self.query_one(Filmstrip)
        strip.show(frames, self.shown_key or history.base)
        strip.set_class(len(history) > 1, "-results")

    def _shrunk(self) -> None:
        self._shrinking = False
        self.show_results()

    def _not_shrunk(self) -> None:
        """A picture of the history is lost: it stays blank, and the ones after it too."""

    @on(ResultChosen)
    def chosen(self, event: ResultChosen) -> None:
        """Look at a result, or take it."""
        if event.take:
            self.take(event.key)
        else:
            self.look_at(event.key)

    @in_turn
    def action_browse(self, steps: int) -> None:
        """Look at the neighbour of the result in view."""
        keys = [e.key for e in self.workspace.history]
        at = keys.index(self.shown_key or self.workspace.history.base)
        self.look_at(keys[min(max(at + steps, 0), len(keys) - 1)])

    @in_turn
    def action_take(self) -> None:
        """Go on from the result in view."""
        if not self.shown_key:
            self.set_status(hint="this is the picture you work on; , and . look at the results")
            return
        self.take(self.shown_key)

    def take(self, key: str) -> None:
        """Go on from a result; the mask stays, colour strokes have done their work."""
        self._take(key, wipe=True)
        self.turns.take(lambda: self.set_status(hint="taken; the mask stays (C clears it) · F10 saves"))

    @in_turn
    def _take(self, key: str, *, wipe: bool) -> None:
        workspace = self.workspace
        ready = workspace.history.pictures.at_hand(key) is not None and not (wipe and self.document.sketch is not None)

        def took(taking: Taking) -> None:
            workspace.took(key, taking)
            self.look_at(key)
            self.ask_plan()
            self.autosave_soon()

        pixels = 0 if ready else 5 * self.document.size.area
        self.work_out(Errand(pixels, lambda: workspace.taking(key, wipe=wipe)), took)

    @in_turn
    def action_take_area(self) -> None:
        """Take only the masked area under the cursor from the result in view."""
        if not self.shown_key:
            self.set_status(hint="look at a result first (, and .), then point at the area to take")
            return
        key, at, workspace = self.shown_key, self.cursor.at, self.workspace

        def took(taking: TakingArea | None) -> None:
            if taking is not None:
                self.show_change(workspace.took_area(taking))
            self.look_at(workspace.history.base)
            self.look_at(key)
            self.set_status(hint="area taken and unmasked; the others are still masked")
            self.ask_plan()

        self.work_out(Errand(4 * self.document.size.area, lambda: workspace.taking_area(key, at)), took)

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
