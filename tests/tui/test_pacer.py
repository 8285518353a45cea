"""The pacer's arithmetic, on a clock of its own."""

import pytest

from retouch_tui.terminal.pacer import (
    FIRST_WINDOW,
    MISSES,
    MOST_WINDOW,
    PATIENCE_S,
    SLOWEST_RATE,
    WINDOW_SECONDS,
    Pacer,
    Preview,
)


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        """Start at a time that is not zero."""
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def pass_(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


class Link:
    """A line of some bytes per second and a round trip, with a pacer in front of it."""

    def __init__(self, rate: float, trip_s: float) -> None:
        """Start idle."""
        self.clock = Clock()
        self.pacer = Pacer(clock=self.clock)
        self.rate, self.trip_s = rate, trip_s
        self.free_at = self.clock.now
        self.answers: list[float] = []

    def send(self, size: int) -> None:
        """Write a frame."""
        self.pacer.sent(size)
        self.free_at = max(self.free_at, self.clock.now) + size / self.rate
        self.answers.append(self.free_at + self.trip_s)

    def pass_(self, seconds: float) -> None:
        """Let time pass, and answers arrive."""
        end = self.clock.now + seconds
        while self.answers and self.answers[0] <= end:
            self.clock.now = max(self.clock.now, self.answers.pop(0))
            self.pacer.acknowledged()
        self.clock.now = end

    @property
    def queued_s(self) -> float:
        """How long what was written will take to get out."""
        return max(self.free_at - self.clock.now, 0.0)


@pytest.mark.parametrize("rate", [20_000, 125_000, 1_250_000, 12_500_000], ids=str)
@pytest.mark.parametrize("trip_s", [0.001, 0.04, 0.3, 1.0], ids=str)
def test_at_most_one_large_frame_is_on_the_way(rate: float, trip_s: float) -> None:
    link = Link(rate, trip_s)
    large = 300_000
    for _ in range(1500):
        if link.pacer.ready():
            assert link.pacer.unanswered <= MOST_WINDOW < large
            link.send(large)
        link.pass_(1 / 60)
    assert sum(answer > link.clock.now for answer in link.answers) <= 1


@pytest.mark.parametrize("trip_s", [0.02, 0.3], ids=str)
def test_small_frames_do_not_wait_for_a_far_terminal(trip_s: float) -> None:
    link = Link(1_250_000, trip_s)
    link.send(200_000)
    link.pass_(5)
    sent = 0
    for _ in range(60):
        if link.pacer.ready():
            link.send(1_000)
            sent += 1
        link.pass_(1 / 60)
        assert link.queued_s <= WINDOW_SECONDS
    assert sent == 60


def test_the_rate_is_learned_from_large_frames() -> None:
    link = Link(125_000, 0.05)
    for _ in range(6):
        link.send(500)
        link.pass_(1)
        link.send(50_000)
        link.pass_(3)
    assert link.pacer.round_trip_s == pytest.approx(0.054, rel=0.01)
    # The 4 ms of the small frame itself are part of the trip that is taken off.
    assert link.pacer.rate == pytest.approx(125_000, rel=0.02)


def test_the_window_is_a_moment_of_the_link() -> None:
    link = Link(125_000, 0.0)
    assert link.pacer.window == FIRST_WINDOW
    link.send(125_000)
    link.pass_(2)
    assert link.pacer.window == pytest.approx(125_000 * WINDOW_SECONDS, rel=0.01)


def test_an_answer_that_is_lost_stops_nothing_for_good() -> None:
    clock = Clock()
    pacer = Pacer(clock=clock)
    for missed in range(MISSES):
        assert pacer.acknowledges
        pacer.sent(100_000)
        assert not pacer.ready()
        clock.pass_(PATIENCE_S + 100_000 / SLOWEST_RATE + 1)
        assert pacer.ready(), f"after {missed} lost answers"
    assert not pacer.acknowledges


def test_a_terminal_that_never_answers_is_paced_by_the_clock() -> None:
    clock = Clock()
    pacer = Pacer(acknowledges=False, clock=clock)
    pacer.sent(500_000)
    assert not pacer.ready()
    clock.pass_(0.4)
    assert not pacer.ready()
    clock.pass_(0.2)
    assert pacer.ready()
    assert pacer.unanswered == 0


def test_an_answer_nobody_asked_for_changes_nothing() -> None:
    pacer = Pacer()
    pacer.acknowledged()
    assert (pacer.rate, pacer.round_trip_s, pacer.ready()) == (None, None, True)


@pytest.mark.parametrize(
    ("rate", "step_s", "expected"),
    [
        (12_500_000, 0.5, Preview.LARGE),
        (125_000, 10.0, Preview.LARGE),
        (125_000, 1.0, Preview.SMALL),
        (125_000, 0.3, Preview.FEW_COLOURS),
        (20_000, 0.5, Preview.TEXT),
    ],
    ids=["fast", "long steps", "1 Mbit", "1 Mbit, short steps", "modem"],
)
def test_a_preview_takes_a_quarter_of_a_step_at_most(rate: float, step_s: float, expected: Preview) -> None:
    link = Link(rate, 0.0)
    link.send(200_000)
    link.pass_(60)
    assert link.pacer.preview(step_s) is expected
    assert expected.value[2] / rate <= step_s / 4


def test_a_slower_link_gets_a_coarser_repaint() -> None:
    tolerances = []
    for rate in (50_000_000, 1_000_000, 500_000, 125_000, 20_000):
        link = Link(rate, 0.0)
        link.send(100_000)
        link.pass_(60)
        tolerances.append(link.pacer.tolerance(9_280))
    assert tolerances == sorted(tolerances)
    assert (tolerances[0], tolerances[-1]) == (0, 64)
    assert Pacer().tolerance(9_280) == 0


def test_a_preview_may_take_a_quarter_of_a_step() -> None:
    pacer = Pacer()
    assert pacer.preview_bytes(1.0) is None, "nothing is known of the link yet"
    pacer._rate = 100_000.0
    assert pacer.preview_bytes(0.4) == 10_000
