"""How a run uses memory: a ladder from quick to frugal, and the choice of its rung."""

import ctypes
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

MemoryMode = Literal["low", "auto", "high"]


@dataclass(frozen=True, kw_only=True)
class MemoryPlan:
    """One rung of the ladder."""

    in_turn: bool = False
    """Open, use and free one graph after the other instead of keeping all open."""
    two_calls: bool = False
    """Run guidance as two calls of the UNet instead of one of twice the size."""
    tile: int | None = None
    """Largest side, in pixels, that the VAE sees at once; larger pictures go through it in tiles."""
    folded: bool = False
    """Leave weights as they are stored, mapped from their files, and unfold each where it is used."""

    def words(self) -> str:
        """Say it to the user."""
        tiles = f", the VAE in tiles of {self.tile} pixels" if self.tile else ""
        weights = ", weights unfolded at every use" if self.folded else ""
        return f"{'one graph at a time' if self.in_turn else 'all graphs open'}{tiles}{weights}"


EVERYTHING_OPEN = MemoryPlan()
LADDER = (
    EVERYTHING_OPEN,
    MemoryPlan(in_turn=True, two_calls=True, tile=512),
    MemoryPlan(in_turn=True, two_calls=True, tile=256),
    MemoryPlan(in_turn=True, two_calls=True, tile=256, folded=True),
)

_MMAP_THRESHOLD = -3
"""glibc's number of that option (malloc.h)."""
SHARE = 0.8
"""Part of the free memory that `auto` uses."""


def ladder_of(mode: MemoryMode, *, folds: bool = True) -> tuple[MemoryPlan, ...]:
    """Return the rungs that a mode may use, quickest first: `high` asks for the first, `low` leaves it out.

    `folds` says whether the device can leave weights as they are stored.
    """
    rungs = LADDER[1:] if mode == "low" else LADDER
    return rungs if folds else tuple(rung for rung in rungs if not rung.folded)


def from_the_first_that_fits(
    rungs: tuple[MemoryPlan, ...], need: Callable[[MemoryPlan], float], limit_bytes: float | None
) -> tuple[MemoryPlan, ...]:
    """Return the rungs from the first whose need fits the limit; the last alone if none does."""
    fitting = (i for i, rung in enumerate(rungs) if limit_bytes is None or need(rung) <= limit_bytes)
    return rungs[next(fitting, len(rungs) - 1) :]


def free_bytes() -> float | None:
    """Memory that this process may have, what it holds and its container's limit included; None if nobody says."""
    known = [value for value in (_system_bytes(), _container_bytes()) if value is not None]
    return min(known) * SHARE + held_bytes() if known else None


def held_bytes() -> float:
    """Resident memory of this process; 0 where the system does not say."""
    try:
        return float(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1]) * 4096
    except (OSError, ValueError, IndexError):
        return 0.0


def give_back() -> None:
    """Hand memory that was freed back to the system, which glibc keeps otherwise; nothing to do elsewhere."""
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def return_large_blocks() -> None:
    """From now on take memory of a mebibyte and more from the system and hand it back when it is freed.

    glibc keeps such blocks once some were freed, in pieces that later ones do not fit into. For engines that allocate
    tensors as they go; nothing to do elsewhere.
    """
    settle = _of_glibc("mallopt")
    if settle is not None:
        settle(_MMAP_THRESHOLD, 2**20)


@cache
def _trim() -> Callable[[int], int] | None:
    return _of_glibc("malloc_trim")


def _of_glibc(name: str) -> Callable[..., int] | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        found: Callable[..., int] = getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError):  # another C library
        return None
    return found


def _system_bytes() -> float | None:
    try:
        for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("MemAvailable:"):
                return float(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None


def _container_bytes() -> float | None:
    try:
        most = Path("/sys/fs/cgroup/memory.max").read_text(encoding="utf-8").strip()
        used = float(Path("/sys/fs/cgroup/memory.current").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return None if most == "max" else float(most) - used
