"""Paces frames by the terminal's own acknowledgement, and learns how fast the link is.

After every frame the terminal is asked where its cursor is (DSR 6, ECMA-48 §8.3.35). It answers once it
has drawn everything before, so unanswered frames are exactly what is still on the way. Without this,
thirty frames queue on a slow link and the picture lags seconds behind the hand.
"""

from collections import deque
from collections.abc import Callable
from enum import Enum
from time import monotonic
from typing import NamedTuple

QUERY = "\x1b[6n"
"""Asks for the cursor's place; the answer acknowledges the frame before it."""

LEAST_WINDOW = 2_048
MOST_WINDOW = 65_536
FIRST_WINDOW = 8_192
"""Bytes that may be unanswered before another frame starts; the last one until the rate is known."""

WINDOW_SECONDS = 0.05
"""How long what is on the way may take the link: less than a person notices."""

TELLING_BYTES = 4_096
"""A frame of this many bytes tells something about the rate, a smaller one about the round trip."""

ASSUMED_RATE = 1_000_000.0
"""Bytes per second taken for granted where the terminal does not answer."""

SLOWEST_RATE = 10_000.0
"""Bytes per second of the slowest link whose answers are waited for before its rate is known."""

PATIENCE_S = 5.0
"""An answer that takes this long beyond the expected, itself taken four times, is lost."""

MISSES = 3
"""After so many lost answers in a row frames are paced by the clock."""


class Preview(Enum):
    """How much of a step's preview the link bears: (columns, rows, bytes of a frame)."""

    LARGE = (64, 32, 70_000)
    SMALL = (32, 16, 18_000)
    FEW_COLOURS = (32, 16, 6_000)
    TEXT = (0, 0, 0)

    @property
    def columns(self) -> int:
        """Width in cells; 0 for text only."""
        return self.value[0]

    @property
    def rows(self) -> int:
        """Height in cells; 0 for text only."""
        return self.value[1]


PREVIEW_SHARE = 0.25
"""A preview may take this part of a step's time."""

COARSENESS = ((0, 36), (8, 19), (16, 13), (32, 8), (64, 5))
"""Tolerance of runs of similar colour, and the bytes of a cell it leads to (measured on photos)."""

REPAINT_SECONDS = 0.25
"""A full repaint is made coarser until it takes no longer, then refined when the link is idle."""


class _Frame(NamedTuple):
    size: int
    sent_at: float


class Pacer:
    """Knows what the terminal has not drawn yet."""

    def __init__(
        self,
        *,
        acknowledges: bool = True,
        round_trip_s: float | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Start with an idle link; the clock gives seconds."""
        self._clock = clock
        self._acknowledges = acknowledges
        self._waiting: deque[_Frame] = deque()
        self._answered_at = clock()
        self._missed = 0
        self._rate: float | None = None
        self._round_trip = round_trip_s
        self._shortest = round_trip_s

    @property
    def acknowledges(self) -> bool:
        """Whether frames should end with QUERY: the terminal answers."""
        return self._acknowledges

    @property
    def rate(self) -> float | None:
        """Bytes per second that the link and the terminal take, None until a large frame was answered."""
        return self._rate

    @property
    def round_trip_s(self) -> float | None:
        """Seconds from a small frame to its answer, None until one came."""
        return self._round_trip

    @property
    def unanswered(self) -> int:
        """Bytes that the terminal has not acknowledged."""
        return sum(frame.size for frame in self._waiting)

    @property
    def window(self) -> int:
        """Bytes that may be unanswered when another frame starts."""
        if self._rate is None:
            return FIRST_WINDOW
        return int(min(max(self._rate * WINDOW_SECONDS, LEAST_WINDOW), MOST_WINDOW))

    def ready(self) -> bool:
        """Whether another frame may be written."""
        self._give_up_on_lost()
        return self.unanswered <= self.window

    def sent(self, size: int) -> None:
        """A frame of so many bytes was written, with QUERY behind it if the terminal acknowledges."""
        self._waiting.append(_Frame(size, self._clock()))

    def acknowledged(self) -> None:
        """An answer came: the oldest frame is on the screen."""
        if not self._waiting:
            return
        now = self._clock()
        frame = self._waiting.popleft()
        self._missed = 0
        self._learn(frame, now)
        self._answered_at = now

    def patience_s(self) -> float:
        """Seconds after which a frame that is held back should ask again whether it may go."""
        return 0.05 if not self._acknowledges else min(max(2 * (self._round_trip or 0.1), 0.1), PATIENCE_S)

    def tolerance(self, cells: int) -> int:
        """How coarse a repaint of so many cells should be at first: the tolerance of `colour.hold`."""
        if self._rate is None:
            return 0
        fitting = [tolerance for tolerance, size in COARSENESS if cells * size <= self._rate * REPAINT_SECONDS]
        return fitting[0] if fitting else COARSENESS[-1][0]

    def preview_bytes(self, step_s: float) -> int | None:
        """Return what a preview may cost that takes a quarter of a step; None until the link is known."""
        return None if self._rate is None else int(self._rate * step_s * PREVIEW_SHARE)

    def preview(self, step_s: float) -> Preview:
        """Return the best preview that takes at most a quarter of a step of so many seconds."""
        budget = (ASSUMED_RATE if self._rate is None else self._rate) * step_s * PREVIEW_SHARE
        return next(preview for preview in Preview if preview.value[2] <= budget)

    def _learn(self, frame: _Frame, now: float) -> None:
        if frame.size < TELLING_BYTES:
            if frame.sent_at >= self._answered_at:
                trip = now - frame.sent_at
                self._round_trip = trip if self._round_trip is None else 0.7 * self._round_trip + 0.3 * trip
                self._shortest = trip if self._shortest is None else min(self._shortest, trip)
            return
        begun = max(frame.sent_at, self._answered_at)
        idle = 0.0 if frame.sent_at < self._answered_at or self._shortest is None else self._shortest
        rate = frame.size / max(now - begun - idle, 1e-3)
        self._rate = rate if self._rate is None else 0.6 * self._rate + 0.4 * rate

    def _give_up_on_lost(self) -> None:
        if not self._waiting:
            return
        frame, now = self._waiting[0], self._clock()
        expected_s = frame.size / (SLOWEST_RATE if self._rate is None else self._rate / 4)
        begun = max(frame.sent_at, self._answered_at)
        if not self._acknowledges:
            while self._waiting and now - begun >= self._waiting[0].size / ASSUMED_RATE:
                begun = self._answered_at = max(begun, self._waiting[0].sent_at) + (
                    self._waiting.popleft().size / ASSUMED_RATE
                )
        elif now - begun > PATIENCE_S + expected_s:
            self._waiting.clear()
            self._missed += 1
            self._acknowledges = self._missed < MISSES
