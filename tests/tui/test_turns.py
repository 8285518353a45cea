"""Laws of turns: whatever takes long, actions end in the order in which they were asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retouch_tui.document import Document
from retouch_tui.hand import Hand
from retouch_tui.landing import Landing
from retouch_tui.refine import REFINEMENTS
from retouch_tui.turns import Errand, Turns, in_turn
from tui_support.pictures import landscape


@dataclass(frozen=True)
class Program:
    """An action: what it asks for itself, and whether it is worked out elsewhere meanwhile."""

    name: int
    long: bool
    asks: tuple["Program", ...] = ()


LEAVES = st.builds(Program, st.integers(0, 99), st.booleans())
PROGRAMS = st.lists(
    st.recursive(LEAVES, lambda inner: st.builds(Program, st.integers(0, 99), st.booleans(), st.tuples(inner, inner))),
    min_size=1,
    max_size=6,
)


class Elsewhere:
    """Work that ends, and an event loop that goes on, when they are told to."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], object]] = []
        self.called: list[Callable[[], object]] = []
        self.turns = Turns(self.called.append)

    @property
    def busy(self) -> bool:
        return bool(self.waiting or self.called)

    def begin(self, landing: Callable[[], object]) -> None:
        self.turns.begin()
        self.waiting.append(landing)

    def go_on(self) -> None:
        if self.called:
            self.called.pop(0)()
        else:
            self.turns.end(self.waiting.pop(0))


def run(programs: list[Program], *, at_once: bool, patience: Random) -> list[str]:
    """Perform programs and return what happened; long ones end at once, or at any moment."""
    elsewhere = Elsewhere()
    turns, log = elsewhere.turns, []

    def act(program: Program) -> None:
        log.append(f"begin {program.name}")

        def land() -> None:
            log.append(f"land {program.name}")
            for asked in program.asks:
                turns.take(lambda asked=asked: act(asked))  # type: ignore[misc]

        if program.long and not at_once:
            elsewhere.begin(land)
        else:
            land()

    for program in programs:
        turns.take(lambda program=program: act(program))  # type: ignore[misc]
        while elsewhere.busy and (at_once or patience.random() < 0.4):
            elsewhere.go_on()
    while elsewhere.busy:
        elsewhere.go_on()
    assert not turns.busy
    return log


@settings(deadline=None)
@given(PROGRAMS, st.integers(0, 999))
def test_work_that_takes_its_time_changes_nothing_in_the_order(programs: list[Program], seed: int) -> None:
    assert run(programs, at_once=False, patience=Random(seed)) == run(programs, at_once=True, patience=Random(0))


def test_an_action_that_fails_lets_the_next_one_have_its_turn() -> None:
    turns, log = Turns(), []

    def fails() -> None:
        raise ZeroDivisionError

    turns.begin()
    turns.take(lambda: log.append("next"))
    with pytest.raises(ZeroDivisionError):
        turns.end(fails)
    turns.take(lambda: log.append("last"))
    assert log == ["next", "last"]


class Desk:
    """A document whose errands end when they are told to, as those of a large picture do."""

    def __init__(self) -> None:
        self.turns = Turns()
        self.document = Document(landscape(64, 48))
        self.hand = Hand(self.document)
        self.running: list[tuple[Errand[Landing | None], Landing | None]] = []

    @in_turn
    def act(self, name: str) -> None:
        if name in REFINEMENTS:
            refinement, document = REFINEMENTS[name], self.document
            lines = (*document.lines, refinement.line)
            self.work(Errand(1, lambda: document.replacing(refinement(document.mask), refinement.label, lines)))
        elif name == "undo":
            self.work(Errand(1, self.document.undoing))
        elif name == "redo":
            self.work(Errand(1, self.document.redoing))
        else:
            self.hand.choose(name)
            self.hand.begin((10.0, 12.0))
            for place in [(40.0, 30.0), (50.0, 8.0)]:
                self.hand.begin(place) if name == "polygon" else self.hand.move(place)
            errand = self.hand.finish()
            if errand is not None:
                self.work(errand)

    def work(self, errand: Errand[Landing | None]) -> None:
        """Work it out now, as a thread would at some moment; land it later."""
        self.turns.begin()
        self.running.append((errand, errand.run()))

    def land(self) -> None:
        _, outcome = self.running.pop(0)
        self.turns.end(lambda: self.document.land(outcome))

    def state(self) -> tuple[object, ...]:
        document = self.document
        sketch = b"" if document.sketch is None else document.sketch.tobytes()
        return document.mask.tobytes(), sketch, document.lines, len(document.timeline), len(document.timeline.future)


NAMES = st.lists(
    st.sampled_from(["brush", "wand", "fill", "rectangle", "polygon", "colour", "invert", "feather", "undo", "redo"]),
    min_size=1,
    max_size=8,
)


@settings(deadline=None, max_examples=60)
@given(NAMES, st.integers(0, 999))
def test_hasty_actions_make_the_document_that_patient_ones_do(names: list[str], seed: int) -> None:
    hasty, patient, dice = Desk(), Desk(), Random(seed)
    for name in names:
        patient.act(name)
        while patient.running:
            patient.land()
        hasty.act(name)
        while hasty.running and dice.random() < 0.3:
            hasty.land()
    while hasty.running:
        hasty.land()
    assert hasty.state() == patient.state()


@pytest.mark.parametrize("limit", [0, 10**9], ids=["swapped", "in place"])
def test_a_step_is_the_same_whether_it_changes_hands_or_is_written_in_place(
    limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retouch_tui.turns.AT_ONCE_PX", limit)
    document = Document(landscape(64, 48))
    hand = Hand(document)
    for tool in ("wand", "colour", "rectangle"):
        hand.choose(tool)
        hand.press((10.0, 10.0))
        hand.release((30.0, 30.0))
    painted = document.mask.copy()
    assert document.sketch is not None
    coloured = document.sketch.copy()
    document.land(document.clearing("clear", ()))
    assert not document.mask.any()
    assert not document.sketch.any()
    document.undo()
    np.testing.assert_array_equal(document.mask, painted)
    np.testing.assert_array_equal(document.sketch, coloured)
    document.undo()
    document.redo()
    np.testing.assert_array_equal(document.mask, painted)
