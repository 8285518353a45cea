"""A runner of jobs without a process."""

from retouch_tui.job import Job
from retouch_tui.worker import Running
from tui_support.engine import StandIn


class AtOnce:
    """A runner that has finished before `submit` returns."""

    def submit(self, job: Job) -> None:
        """Run it."""
        Running(job, StandIn()).run()

    def alive(self) -> bool:
        """Whether it can take jobs: always."""
        return True

    def close(self) -> None:
        """Nothing to close."""
        return
