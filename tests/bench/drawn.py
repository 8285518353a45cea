"""What an engine gives for one turn, and the watch that measures it from within."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias


@dataclass(frozen=True)
class Drawn:
    """What one turn gave."""

    picture: Any
    """Has `save(path)`: a Pillow picture."""
    steps: list[float]
    """Seconds of each step but the first, the sampler's work and guidance included."""
    steps_cpu: list[float]
    """CPU seconds of the same steps, all threads together."""
    phases: Mapping[str, float] = field(default_factory=dict)
    """Seconds of `text`, `encode` and `decode`; `load` is what was opened only now."""


Draw: TypeAlias = Callable[[], Drawn]
"""Does the task once, warm."""


class Stopwatch:
    """Notes when steps end and how long other things take."""

    def __init__(self) -> None:
        """Nothing has happened."""
        self._ends: list[tuple[float, float]] = []
        self.phases: dict[str, float] = {}

    def start(self) -> None:
        """Begin anew."""
        self._ends, self.phases = [], {}

    def tick(self) -> None:
        """A step has ended."""
        self._ends.append((time.perf_counter(), time.process_time()))

    def timed(self, phase: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """Return the same function, its time added to a phase."""

        def wrapped(*args: Any, **more: Any) -> Any:
            begun = time.perf_counter()
            done = work(*args, **more)
            self.phases[phase] = self.phases.get(phase, 0.0) + time.perf_counter() - begun
            return done

        return wrapped

    def drawn(self, picture: Any, phases: Mapping[str, float] | None = None) -> Drawn:
        """Put together what was seen; `phases` stands in for those timed here."""
        pairs = list(zip(self._ends, self._ends[1:], strict=False))
        walls, cpus = ([after[clock] - before[clock] for before, after in pairs] for clock in (0, 1))
        return Drawn(picture, walls, cpus, dict(self.phases if phases is None else phases))
