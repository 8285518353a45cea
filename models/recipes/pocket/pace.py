"""How fast a training learns: cosine cycles with warm restarts, paced by steps or by the clock."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What of the current cycle is used up; it goes on from here after a stop."""

    cycle: int = 0
    steps: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Pace:
    """One cycle is a whole training: it ends cooled down and can be shipped (SGDR, Loshchilov & Hutter 2017)."""

    peak: float
    steps: int | None = None
    """Length of a cycle in steps: the same on every machine."""
    minutes: float | None = None
    """Length of a cycle by the clock: what a rented machine needs. One of the two is given."""
    warm_up: int = 300
    """Steps."""
    floor: float = 0.02
    """Least rate, as a share of the peak."""
    decay: float = 0.75
    """The peak of each cycle, as a share of the one before."""

    def progress(self, spent: Spent) -> float:
        """Share of the cycle that is over; 1 or more is its end."""
        if self.steps is not None:
            return spent.steps / self.steps
        if self.minutes is not None:
            return spent.seconds / (60 * self.minutes)
        raise ValueError("a pace needs a number of steps or of minutes")

    def rate(self, spent: Spent) -> float:
        """The learning rate of the next step."""
        warmth = min(1.0, (spent.steps + 1) / self.warm_up)
        fall = 0.5 * (1 + math.cos(math.pi * min(1.0, self.progress(spent))))
        return self.peak * self.decay**spent.cycle * warmth * (self.floor + (1 - self.floor) * fall)
