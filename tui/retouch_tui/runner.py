"""Starting jobs: in a process that survives the terminal, or in a thread."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from queue import SimpleQueue
from typing import Protocol

from retouch_tui.engine import Engine
from retouch_tui.job import Event, Job
from retouch_tui.worker import Running

DETACHED = 0 if sys.platform != "win32" else 0x00000208
"""On Windows: no console of its own, and not ended with ours (DETACHED_PROCESS, CREATE_NEW_PROCESS_GROUP)."""


class Runner(Protocol):
    """Something that works through jobs in order."""

    def submit(self, job: Job) -> None:
        """Queue a job."""
        ...

    def alive(self) -> bool:
        """Whether submitted jobs can still make progress."""
        ...

    def close(self) -> None:
        """Take no more jobs; the running one is finished."""
        ...


class ProcessRunner:
    """Runs jobs in one detached process; a process that died is replaced at the next job."""

    def __init__(self, engine: str, log: Path) -> None:
        """`engine` is `module:name`; what the process says goes to the file `log`."""
        self._engine = engine
        self._log = log
        self._process: subprocess.Popen[str] | None = None

    def submit(self, job: Job) -> None:
        """Hand a job to the worker, starting it if need be."""
        job.report(Event(kind="queued", text="starting the worker" if not self.alive() else ""))
        if not self.alive():
            self._start()
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(f"{job.folder}\n")
            self._process.stdin.flush()

    def _start(self) -> None:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "retouch_tui.worker", self._engine]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                text=True,
                start_new_session=True,
                creationflags=DETACHED,
                env=environment,
            )

    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def close(self) -> None:
        """Close the pipe: the worker finishes its job and ends."""
        if self._process is not None and self._process.stdin is not None:
            try:
                self._process.stdin.close()
            except OSError:  # the worker died first
                return


class ThreadRunner:
    """Runs jobs in a thread of this process."""

    def __init__(self, engine: Engine) -> None:
        """Nothing starts before the first job."""
        self._engine = engine
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def submit(self, job: Job) -> None:
        """Queue a job, starting the thread if need be."""
        job.report(Event(kind="queued"))
        self._queue.put(job)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="retouch-jobs", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            Running(job, self._engine).run()

    def alive(self) -> bool:
        """A thread does not die of a job."""
        return True

    def close(self) -> None:
        """Let the thread end after what is queued."""
        self._queue.put(None)
