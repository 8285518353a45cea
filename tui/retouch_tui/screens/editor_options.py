"""The part of the editor that sets options: prompt, panel, seed, and the plan that follows from them."""

import asyncio
from dataclasses import replace

import cv2
from textual import on, work
from textual.timer import Timer

from retouch.errors import RetouchError
from retouch.geometry import Size
from retouch_tui.engine import Draft, Plan
from retouch_tui.layers import Mask8
from retouch_tui.messages import ActionAsked, DraftEdited, ModelChosen, PromptEdited
from retouch_tui.refine import to_float
from retouch_tui.screens.editor_base import EditorBase
from retouch_tui.settings import load_draft, save_draft
from retouch_tui.widgets.options import OptionsPanel
from retouch_tui.widgets.prompt import PromptBox, PromptLine

PLAN_DELAY_SECONDS = 0.15


class Optioning(EditorBase):
    """Options and plan."""

    _planning: Timer | None = None

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
        before = self.workspace.draft.request.prompt
        if event.text != before:
            if bool(event.text.strip()) != bool(before.strip()):
                self.ask_plan()  # without a prompt there is nothing to compare drafts with
            self.workspace.draft = self.workspace.draft.with_request(prompt=event.text)
            for box in (self.query_one(PromptBox), self.query_one(PromptLine)):
                if not box.has_focus:  # where somebody types there may be more by now than the message knows
                    box.show(event.text)
            self.query_one(OptionsPanel).hold(self.workspace.draft)

    @on(DraftEdited)
    def edited(self, event: DraftEdited) -> None:
        """Take the options; the prompt has a place of its own and may have been typed meanwhile."""
        prompt = self.workspace.draft.request.prompt
        self.workspace.draft = event.draft.with_request(prompt=prompt)
        self.query_one(OptionsPanel).hold(self.workspace.draft)
        self.ask_plan()

    @on(ModelChosen)
    def model_chosen(self, event: ModelChosen) -> None:
        """Change the model: the options last used with it come back, the prompt stays."""
        draft = self.workspace.draft
        save_draft(self.config, draft)
        self.set_settings(model=event.name)
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
        self.ask_plan()  # a seed that is free may be one of several drafts

    # -- the plan ---------------------------------------------------------------------------------------------

    def ask_plan(self) -> None:
        """Work the plan out anew when nothing changed for a moment."""
        if self._planning is not None:
            self._planning.stop()
        self._planning = self.set_timer(PLAN_DELAY_SECONDS, self._plan)

    @work(exclusive=True, group="plan")
    async def _plan(self) -> None:
        """Work the plan out in a thread; one that comes after another change is forgotten."""
        document, draft = self.document, self.workspace.draft
        revision, mask = document.revision, document.mask
        plan, problem = await asyncio.to_thread(self._planned, document.size, mask, draft)
        if revision == document.revision and self.is_there:
            self.set_status(plan=plan, problem=problem)

    def _planned(self, size: Size, mask: Mask8, draft: Draft) -> tuple[Plan | None, str]:
        """Return the plan of a run on a mask, and what stands against it, in words."""
        if cv2.countNonZero(mask) == 0:
            return None, ""
        try:
            plan = self.engine.plan(size, to_float(mask), draft)
        except RetouchError as error:
            return None, str(error)
        return replace(plan, seconds=None if plan.seconds is None else plan.seconds * self.settings.pace), ""

    def set_settings(self, **changes: object) -> None:
        """Change some settings and keep them; the part that deals with files does it."""
