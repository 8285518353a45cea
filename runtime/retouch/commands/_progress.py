"""How a run is told on stderr: a bar on a terminal, JSON lines for programs, one line per picture otherwise."""

import json
import sys
import time
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from retouch.progress import Progress

BAR = 28


class Narrator:
    """Writes to stderr only; stdout stays free for the paths."""

    def __init__(self, *, as_json: bool, quiet: bool, stream: TextIO | None = None) -> None:
        """`quiet` keeps notes and errors, and drops progress."""
        self._stream = sys.stderr if stream is None else stream
        self._json = as_json
        self._quiet = quiet
        self._bar = not as_json and not quiet and self._stream.isatty()
        self._start = time.monotonic()
        self._drawn = False

    def note(self, text: str) -> None:
        """Tell something the user should know."""
        if self._json:
            self._line({"event": "note", "text": text})
        else:
            self._clear()
            self._stream.write(f"retouch: {text}\n")
            self._stream.flush()

    def info(self, text: str, **facts: Any) -> None:
        """Tell a fact of the run; dropped by `--quiet`."""
        if self._json:
            self._line({"event": "info", "text": text, **facts})
        elif not self._quiet:
            self._clear()
            self._stream.write(f"{text}\n")
            self._stream.flush()

    def begin(self) -> None:
        """Start the clock of one picture."""
        self._start = time.monotonic()

    def __call__(self, progress: "Progress") -> None:
        """Report progress."""
        seconds = time.monotonic() - self._start
        if self._json:
            self._line(
                {
                    "event": "progress",
                    "phase": progress.phase,
                    "region": progress.region,
                    "regions": progress.regions,
                    "step": progress.step,
                    "steps": progress.steps,
                    "seconds": round(seconds, 3),
                    **({"draft": progress.draft, "drafts": progress.drafts} if progress.drafts else {}),
                }
            )
        elif self._bar:
            self._draw(progress, seconds)

    def finish(self, path: str, **facts: Any) -> None:
        """Tell that one picture is written."""
        seconds = time.monotonic() - self._start
        if self._json:
            self._line({"event": "written", "path": path, "seconds": round(seconds, 3), **facts})
        elif not self._quiet:
            self._clear()
            told = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in facts.items())
            self._stream.write(f"{told}, {seconds:.1f} s\n")
            self._stream.flush()

    def _draw(self, progress: "Progress", seconds: float) -> None:
        filled = round(BAR * progress.fraction)
        draft = f" draft {progress.draft}/{progress.drafts}" if progress.drafts else ""
        region = f" region {progress.region + 1}/{progress.regions}" if progress.regions > 1 else ""
        step = f" step {progress.step}/{progress.steps}" if progress.steps else f" {progress.phase}"
        self._stream.write(f"\r\x1b[K[{'#' * filled}{'.' * (BAR - filled)}]{draft}{region}{step} {seconds:.1f} s")
        self._stream.flush()
        self._drawn = True

    def _clear(self) -> None:
        if self._drawn:
            self._stream.write("\r\x1b[K")
            self._drawn = False

    def _line(self, data: dict[str, Any]) -> None:
        self._stream.write(json.dumps(data, ensure_ascii=False) + "\n")
        self._stream.flush()
