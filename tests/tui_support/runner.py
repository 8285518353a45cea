"""A runner of jobs without a process."""

from retouch_tui.engine import Engine
from retouch_tui.job import Job
from retouch_tui.worker import Running
from tui_support.engine import StandIn


class AtOnce:
    """A runner that has finished before `submit` returns."""

    def __init__(self, engine: Engine | None = None) -> None:
        """Use the stand-in unless another engine is given."""
        self._engine = StandIn() if engine is None else engine

    def submit(self, job: Job) -> None:
        """Run it."""
        Running(job, self._engine).run()

    def alive(self) -> bool:
        """Whether it can take jobs: always."""
        return True

    def close(self) -> None:
        """Nothing to close."""
        return
