"""The part of the editor that generates: plan, run, progress, results, fix list."""

from dataclasses import replace

from textual import on, work
from textual.timer import Timer
from textual.worker import get_current_worker

from retouch.errors import RetouchError
from retouch.geometry import Box
from retouch_tui.engine import Plan, draft_from_data
from retouch_tui.history import Entry
from retouch_tui.job import Event
from retouch_tui.messages import ActionAsked, DraftEdited, ModelChosen, PromptEdited, ResultChosen
from retouch_tui.refine import to_float
from retouch_tui.screens.editor_base import EditorBase
from retouch_tui.settings import load_draft, save_draft
from retouch_tui.terminal.link import LinkedApp
from retouch_tui.terminal.pacer import Preview
from retouch_tui.widgets.filmstrip import Filmstrip, Frame
from retouch_tui.widgets.options import OptionsPanel
from retouch_tui.widgets.prompt import PromptBox, PromptLine
from retouch_tui.widgets.run_line import RunLine

POLL_SECONDS = 0.08
PLAN_DELAY_SECONDS = 0.15
LEAST_PACE, MOST_PACE = 0.02, 50.0
"""Limits of what one run may teach about the next."""


class Generating(EditorBase):
    """Running the engine and looking at what came out."""

    _poll: Timer | None = None
    _planning: Timer | None = None
    _fixing = False
    _last_step: Event | None = None
    _foretold: float | None = None

    # -- options ----------------------------------------------------------------------------------------------

    def show_draft(self) -> None:
        """Put the draft into all its places."""
        draft = self.workspace.draft
        self.query_one(OptionsPanel).show(draft)
        self.query_one(PromptBox).show(draft.request.prompt)
        self.query_one(PromptLine).show(draft.request.prompt)

    @on(PromptEdited)
    def prompted(self, event: PromptEdited) -> None:
        """Take the prompt."""
        if event.text != self.workspace.draft.request.prompt:
            self.workspace.draft = self.workspace.draft.with_request(prompt=event.text)
            self.query_one(PromptBox).show(event.text)
            self.query_one(PromptLine).show(event.text)
            self.query_one(OptionsPanel).hold(self.workspace.draft)

    @on(DraftEdited)
    def edited(self, event: DraftEdited) -> None:
        """Take the options."""
        self.workspace.draft = event.draft
        self.ask_plan()

    @on(ModelChosen)
    def model_chosen(self, event: ModelChosen) -> None:
        """Change the model: the options last used with it come back, the prompt stays."""
        draft = self.workspace.draft
        save_draft(self.config, draft)
        known = load_draft(self.config, event.name)
        prompt = draft.request.prompt
        self.workspace.draft = replace(known or replace(draft, model=event.name), model=event.name).with_request(
            prompt=prompt
        )
        self.show_draft()
        self.ask_plan()

    @on(ActionAsked)
    async def asked(self, event: ActionAsked) -> None:
        """Do what something clickable stands for."""
        await self.run_action(event.action)

    def action_dice(self) -> None:
        """Draw another seed."""
        workspace = self.workspace
        locked = workspace.draft.seed_locked
        workspace.draft = replace(workspace.draft, seed_locked=False)
        workspace.draft = replace(workspace.roll_seed(), seed_locked=locked)
        self.show_draft()

    def action_lock(self) -> None:
        """Keep the seed, or draw a new one each time."""
        draft = self.workspace.draft
        self.workspace.draft = replace(draft, seed_locked=not draft.seed_locked)
        self.show_draft()

    # -- the plan ---------------------------------------------------------------------------------------------

    def ask_plan(self) -> None:
        """Work the plan out anew when nothing changed for a moment."""
        if self._planning is not None:
            self._planning.stop()
        self._planning = self.set_timer(PLAN_DELAY_SECONDS, self._plan)

    def _plan(self) -> None:
        document = self.document
        if document.mask.any():
            self._work_out_plan(document.revision)
        else:
            self.set_status(plan=None, problem="", hint=self.status.hint)

    @work(thread=True, exclusive=True, group="plan")
    def _work_out_plan(self, revision: int) -> None:
        document, draft = self.document, self.workspace.draft
        plan: Plan | None = None
        problem = ""
        try:
            plan = self.engine.plan(document.size, to_float(document.mask), draft)
            if plan.seconds is not None:
                plan = replace(plan, seconds=plan.seconds * self.settings.pace)
        except RetouchError as error:
            problem = str(error)
        if not get_current_worker().is_cancelled and revision == document.revision:
            self.app.call_from_thread(self.set_status, plan=plan, problem=problem)

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
        self._fixing = fix
        try:
            job = self.workspace.run_next_fix() if fix else self.workspace.generate()
        except RetouchError as error:
            self._fixing = False
            self.notify(str(error), severity="warning", timeout=8)
            return
        if job is None:
            self._fixing = False
            self.notify("all regions of the fix list have run")
            return
        save_draft(self.config, self.workspace.draft)
        self.query_one(OptionsPanel).show(self.workspace.draft)
        plan = self.status.plan
        self._foretold = None if plan is None or plan.seconds is None else plan.seconds / self.settings.pace
        self.follow_run("starting")
        self.canvas.focus()

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
        for event, entry in self.workspace.progress():
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
        if event.kind == "finished" and self._foretold and event.seconds > 0:
            pace = event.seconds / self._foretold
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

    def set_settings(self, **changes: object) -> None:
        """Change some settings and keep them."""
