"""Laws of the document: every step can be taken back, and the script draws the mask again."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from retouch_tui.document import Document
from retouch_tui.hand import Hand
from retouch_tui.refine import REFINEMENTS
from retouch_tui.script import drawn
from retouch_tui.undo import LARGEST_COUNT
from tui_support.pictures import landscape

PICTURE = landscape(48, 32)
PLACES = st.tuples(st.floats(-8, 56).map(lambda v: round(v, 1)), st.floats(-8, 40).map(lambda v: round(v, 1)))
TOOLS = ["brush", "eraser", "line", "rectangle", "ellipse", "lasso", "polygon", "fill", "wand", "colour"]
GESTURES = st.tuples(
    st.sampled_from(TOOLS), st.lists(PLACES, min_size=1, max_size=5), st.integers(1, 30), st.booleans()
)
STEPS = st.lists(st.one_of(GESTURES, st.sampled_from(sorted(REFINEMENTS))), min_size=1, max_size=8)


def gesture(hand: Hand, tool: str, points: list[tuple[float, float]], size_px: int, erase: bool) -> None:
    """Perform a whole gesture as the mouse would."""
    hand.choose(tool)
    hand.set_size(size_px)
    hand.press(points[0], erase=erase)
    for point in points[1:]:
        if hand.tool.gesture == "corners":
            hand.press(point)
        else:
            hand.move(point)
    if hand.tool.gesture == "corners":
        hand.close()
    else:
        hand.release(points[-1])


def perform(document: Document, hand: Hand, step: object) -> None:
    """Do one step of a test."""
    if isinstance(step, str):
        refinement = REFINEMENTS[step]
        lines = () if step == "clear" else (*document.lines, refinement.line)
        document.replace_mask(refinement(document.mask), refinement.label, lines)
    else:
        gesture(hand, *step)  # type: ignore[misc]


def state(document: Document) -> tuple[bytes, bytes, tuple[str, ...]]:
    """Everything a step may change; a sketch of nothing is no sketch."""
    sketch = b"" if document.sketch is None or not document.sketch.any() else document.sketch.tobytes()
    return document.mask.tobytes(), sketch, document.lines


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_undoing_everything_and_redoing_it_passes_through_the_same_states(steps: list[object]) -> None:
    document = Document(PICTURE)
    hand = Hand(document)
    states = [state(document)]
    for step in steps:
        before = len(document.timeline)
        perform(document, hand, step)
        if len(document.timeline) > before:
            states.append(state(document))
        assert state(document) == states[-1], "what is not recorded must not change anything"
    for expected in reversed(states[:-1]):
        assert document.undo() is not None
        assert state(document) == expected
    assert document.undo() is None
    for expected in states[1:]:
        assert document.redo() is not None
        assert state(document) == expected
    assert document.redo() is None


@settings(max_examples=60, deadline=None)
@example([("brush", [(0.0, 0.0), (1.0, 0.0), (0.0, -1.0)], 1, False)])  # the finest pen, between pixel middles
@given(STEPS)
def test_the_lines_draw_the_mask_that_was_painted(steps: list[object]) -> None:
    document = Document(PICTURE)
    hand = Hand(document)
    for step in steps:
        perform(document, hand, step)
    again = drawn(document.lines, PICTURE)
    # one grey level: the language works in float32, the painter rounds to 8 bits after each step
    np.testing.assert_allclose(again.astype(int), document.mask.astype(int), atol=len(document.lines))


def test_painting_never_changes_the_picture() -> None:
    document = Document(landscape())
    hand = Hand(document)
    before = document.picture.copy()
    gesture(hand, "brush", [(10, 10), (30, 30)], 12, False)
    gesture(hand, "colour", [(40, 10), (60, 30)], 12, False)
    np.testing.assert_array_equal(document.picture, before)
    assert document.mask.any()
    assert (document.composite() != before).any()


def test_colour_strokes_never_become_mask() -> None:
    document = Document(landscape())
    gesture(Hand(document), "colour", [(40, 10), (60, 30)], 12, False)
    assert not document.mask.any()
    assert not drawn(document.lines, document.picture).any()


def test_a_path_paints_the_same_however_often_it_was_reported() -> None:
    coarse, fine = Document(landscape()), Document(landscape())
    gesture(Hand(coarse), "brush", [(10, 10), (50, 30)], 9, False)
    gesture(Hand(fine), "brush", [(10 + 4 * i, 10 + 2 * i) for i in range(11)], 9, False)
    np.testing.assert_array_equal(coarse.mask, fine.mask)


def test_the_oldest_of_201_steps_is_forgotten_and_the_rest_is_small() -> None:
    document = Document(np.full((512, 512, 3), 90, np.uint8))
    hand = Hand(document)
    for number in range(LARGEST_COUNT + 1):
        gesture(hand, "brush", [(2.5 * number, 10), (500 - 2 * number, 500)], 40, bool(number % 3 == 0))
    assert len(document.timeline) == LARGEST_COUNT
    assert document.timeline.weight() < 2_000_000


@pytest.mark.parametrize("erase", [False, True], ids=["paint", "erase"])
def test_an_abandoned_stroke_leaves_nothing(erase: bool) -> None:
    document = Document(landscape())
    hand = Hand(document)
    gesture(hand, "rectangle", [(10, 10), (30, 30)], 5, False)
    before = state(document)
    hand.choose("brush")
    hand.press((20, 20), erase=erase)
    hand.move((60, 40))
    assert state(document) != before
    hand.cancel()
    assert state(document) == before


def test_swapped_buttons_paint_with_the_other_one() -> None:
    document = Document(landscape())
    hand = Hand(document, swapped=True)
    hand.press((20, 20), erase=True)
    hand.release((20, 20))
    assert document.mask[20, 20] == 255
    hand.press((20, 20), erase=False)
    hand.release((20, 20))
    assert document.mask[20, 20] == 0


def test_each_tool_keeps_its_own_size() -> None:
    hand = Hand(Document(landscape()))
    hand.set_size(50)
    hand.choose("eraser")
    hand.set_size(8)
    hand.choose("brush")
    assert hand.pen.size_px == 50


def test_another_size_can_be_undone() -> None:
    document = Document(landscape())
    gesture(Hand(document), "brush", [(10, 10)], 9, False)
    before = state(document)
    larger = np.zeros((100, 120, 3), np.uint8)
    document.reframe(larger, np.full((100, 120), 255, np.uint8), "canvas", "+ all")
    assert document.size == (120, 100)
    document.undo()
    assert state(document) == before
    assert document.size == (96, 64)
    document.redo()
    assert document.size == (120, 100)
    assert document.mask.all()


def test_the_picker_takes_the_colour_that_is_seen() -> None:
    document = Document(landscape())
    hand = Hand(document)
    hand.choose("picker")
    hand.press((72, 16))
    assert hand.colour == tuple(document.picture[16, 72])
