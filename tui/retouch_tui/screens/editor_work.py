"""What keeps the editor's event loop free: actions in turn, and long work in threads."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from textual import work

from retouch.errors import RetouchError
from retouch_tui.terminal.link import PacedScreen
from retouch_tui.turns import Errand, Turns, at_once
from retouch_tui.widgets.status_line import StatusLine

Result = TypeVar("Result")


class Working(PacedScreen[None]):
    """A screen whose actions come one after another while the event loop goes on."""

    def __init__(self) -> None:
        """Begin idle."""
        super().__init__()
        self.turns = Turns(self.call_later)

    def work_out(
        self,
        errand: Errand[Result],
        then: Callable[[Result], object],
        failed: Callable[[], object] = lambda: None,
    ) -> None:
        """Work something out, in a thread if it looks at many pixels; meanwhile other actions wait for their turn.

        What goes wrong is told in words.
        """
        if at_once(errand.pixels):
            try:
                result = errand.run()
            except RetouchError as error:
                self._tell(str(error), failed)
            else:
                then(result)
            return
        self.turns.begin()
        self._go_apart(errand.run, then, failed, self.turns.end)

    def aside(self, task: Callable[[], Result], then: Callable[[Result], object], failed: Callable[[], object]) -> None:
        """Do something slow in a thread that nothing else waits for."""
        self._go_apart(task, then, failed, lambda landing: landing())

    @work(group="aside")
    async def _go_apart(
        self,
        task: Callable[[], Result],
        then: Callable[[Result], object],
        failed: Callable[[], object],
        land: Callable[[Callable[[], object]], object],
    ) -> None:
        try:
            result = await asyncio.to_thread(task)
        except RetouchError as error:
            problem = str(error)
            land(lambda: self._tell(problem, failed))
        else:
            land(lambda: then(result) if self.is_there else None)

    def _tell(self, problem: str, failed: Callable[[], object]) -> None:
        if self.is_there:
            self.notify(problem, severity="error", timeout=12)
            failed()

    @property
    def is_there(self) -> bool:
        """Whether the editor is neither still made nor about to close."""
        return self.is_attached and bool(self.query(StatusLine))
