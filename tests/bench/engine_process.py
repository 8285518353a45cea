"""One engine of the comparison as processes: started cold for one picture, or kept open and asked again and again."""

import json
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from task import Task, words_for_retouch

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

PRODUCT = {"retouch": "cpu", "retouch-openvino": "openvino", "retouch-openvino-bf16": "openvino:bf16"}
"""Engines that are the product itself, and the device that each asks for."""


class EngineFailed(Exception):
    """An engine did not draw; the text is the last that it said."""


@dataclass(frozen=True)
class Engine:
    """How an engine is started."""

    name: str
    python: str
    model: Path
    task: Task
    threads: int

    def command(self, *more: str) -> list[str]:
        """The worker's command line."""
        files = [str(self.task.picture), str(self.task.mask)]
        options = ["--threads", str(self.threads), "--steps", str(self.task.steps), "--sampler", self.task.sampler]
        options += ["--side", str(self.task.side)]
        return [self.python, str(HERE / "worker.py"), self.name, str(self.model), *files, *options, *more]

    def cold_command(self, output: Path) -> list[str]:
        """What a person would start: the product's own command line, a short script for the others."""
        provider = PRODUCT.get(self.name)
        if provider is None:
            return self.command("--once", str(output))
        words = words_for_retouch(self.task, output, str(self.model), provider)
        return [self.python, "-m", "retouch", *words, "--threads", str(self.threads)]

    def environment(self) -> dict[str, str]:
        """The sources of the product, and caches that are empty when the comparison begins."""
        caches = self.task.picture.parent
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in ("runtime", "models", "export")),
            "RETOUCH_CACHE": str(caches / "retouch-cache"),
            "TORCHINDUCTOR_CACHE_DIR": str(caches / "inductor-cache"),
        }


def last_line(said: str) -> str:
    """What a traceback ends with."""
    lines = [line for line in said.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it said nothing"


def cold_run(engine: Engine, output: Path) -> tuple[float, float, float]:
    """Return wall seconds, CPU seconds and peak bytes of one process that draws one picture."""
    output.unlink(missing_ok=True)
    with tempfile.TemporaryFile("w+", errors="replace") as said:
        start = time.perf_counter()
        process = subprocess.Popen(
            engine.cold_command(output), stdout=subprocess.DEVNULL, stderr=said, env=engine.environment()
        )
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0 or not output.exists():
            said.seek(0)
            raise EngineFailed(last_line(said.read()))
    return seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024.0


def reported_run(engine: Engine, output: Path) -> dict[str, Any]:
    """Run the worker for one picture; returns what it tells, and `wall`, the seconds of the whole process."""
    output.unlink(missing_ok=True)
    start = time.perf_counter()
    done = subprocess.run(
        engine.command("--once", str(output)), capture_output=True, text=True, check=False, env=engine.environment(),
        errors="replace",
    )  # fmt: skip
    seconds = time.perf_counter() - start
    told = [line for line in done.stdout.splitlines() if line.startswith('{"seconds"')]
    if done.returncode != 0 or not told:
        raise EngineFailed(last_line(done.stderr))
    found: dict[str, Any] = json.loads(told[-1])
    return {**found, "wall": seconds}


class Worker:
    """An open engine that draws on demand."""

    def __init__(self, engine: Engine) -> None:
        """Start it."""
        self._process = subprocess.Popen(
            engine.command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env=engine.environment(),
        )  # fmt: skip

    def draw(self) -> dict[str, Any]:
        """Draw once; returns seconds, CPU seconds, seconds of the steps and the peak so far."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            stdin.write("\n")
            stdin.flush()
        except BrokenPipeError:
            raise EngineFailed("its process ended") from None
        answer = stdout.readline()
        if not answer:
            raise EngineFailed("its process ended while it drew")
        found: dict[str, Any] = json.loads(answer)
        return found

    def close(self) -> None:
        """Let it end."""
        self._process.communicate()
