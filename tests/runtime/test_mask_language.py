"""The mask language: what is written reads back, what is wrong is pointed at, and nothing else ever happens."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from retouch.mask import MaskError, parse
from retouch.mask import expression as ex
from retouch.mask.parser import _FILTERS, _SHAPES, DEEPEST
from support.mask_expressions import expressions

WORDS = (
    st.sampled_from(
        ["rect", "ellipse", "poly", "brush", "soft", "alpha", "color", "flood", "file", "all", "none", "invert"]
    )
    | st.sampled_from(
        ["expand", "shrink", "feather", "out", "fill-holes", "drop-specks", "threshold", "x", "#ff0000", '"a.png"']
    )
    | st.sampled_from(
        ["(", ")", "+", "-", "&", "|", ";", ",", "0", "1", "-2.5", "30%", "4px", "1e9", "nan", "\n", "\n#"]
    )
)


@settings(deadline=None, max_examples=70)
@given(expressions())
def test_what_is_written_reads_back(expression: ex.Expression) -> None:
    assert parse(str(expression)) == expression
    assert parse("\n".join(expression.lines())) == expression


@settings(deadline=None, max_examples=300)
@given(st.lists(WORDS, max_size=14).map(" ".join) | st.lists(WORDS, max_size=14).map("".join) | st.text(max_size=60))
@example("(" * 5000)
@example("invert " * 5000)
@example("all" + " + all" * 5000)
@example('file "\\')
def test_no_text_does_anything_but_parse_or_get_a_message(text: str) -> None:
    mistake = None
    try:
        expression = parse(text)
    except MaskError as error:
        mistake = error
    if mistake is None:
        assert parse(str(expression)) == expression
        return
    assert str(mistake)
    assert "\n" not in str(mistake)
    shown, caret = mistake.pointer.split("\n")
    assert caret.strip() == "^"
    assert len(caret) <= len(shown) + 1
    assert 1 <= mistake.line <= text.count("\n") + 1


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("", "none"),
        ("# only a comment", "none"),
        ("RECT 1, 2 30 x 40", "rect 1,2 30x40"),
        ("rect 1px,2px 30%×4.50", "rect 1,2 30%x4.5"),
        ("+ brush 12 1,1 2.5,3\n- brush 4 5,5 # no comment here", None),
        (
            "+ brush 12 1,1 2.5,3\n# the eraser\n  - brush 4 5,5\n| feather 3",
            "brush 12 1,1 2.5,3 - brush 4 5,5 | feather 3 in",
        ),
        ("- all", "none - all"),
        ("((all)) ; expand 2", "all | expand 2"),
        ("(all - none) + all", "all - none + all"),
        ("all - (none + all)", "all - (none + all)"),
        ("invert all - none", "invert all - none"),
        ("invert (all - none)", "invert (all - none)"),
        ("color #FF8000", "color #ff8000 16"),
        ('file "a b.png" color #00ff00', 'file "a b.png" color #00ff00 16'),
        ("poly -1,-2 3,4 .5,-0", "poly -1,-2 3,4 0.5,0"),
    ],
    ids=lambda value: repr(value),
)
def test_texts_mean_their_canonical_form(text: str, canonical: str | None) -> None:
    if canonical is None:
        with pytest.raises(MaskError):
            parse(text)
    else:
        assert str(parse(text)) == canonical


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("rct 1,1 2x2", 1, 1, "Did you mean 'rect'"),
        ("all | expnd 3", 1, 7, "Did you mean 'expand'"),
        ("rect 1,1", 1, 9, "found the end"),
        ("rect 1,1 2x-2", 1, 12, "from 0"),
        ("rect nan,1 2x2", 1, 6, "a number"),
        ("rect 99999999,1 2x2", 1, 6, "must be from"),
        ("rect " + "9" * 400 + ",1 2x2", 1, 6, "must be from"),
        ("all\n+ (none", 2, 3, "not closed"),
        ("all)", 1, 4, "or the end"),
        ("all\nrect 1,1 2x2", 2, 1, "expected"),
        ("()", 1, 2, "a shape"),
        ("+", 1, 2, "a shape"),
        ("poly 1,1 2,2", 1, 13, "a point"),
        ("color red", 1, 7, "such as #ff8000"),
        ("color #12", 1, 7, "such as #ff8000"),
        ("color #ff0000 256", 1, 15, "from 0 to 255"),
        ("flood 1,1 2.5", 1, 11, "whole number"),
        ("file mask.png", 1, 6, "in quotes"),
        ('file "mask.png', 1, 6, "not closed"),
        ('file ""', 1, 6, "empty"),
        ("all | threshold 0", 1, 17, "above 0"),
        ("all | threshold 2", 1, 17, "from 0 to 1"),
        ("(" * (DEEPEST + 1) + "all", 1, DEEPEST + 1, "inside each other"),
        ("all ! none", 1, 5, "found '!'"),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_mistakes_are_pointed_at(text: str, line: int, column: int, message: str) -> None:
    with pytest.raises(MaskError, match=message) as caught:
        parse(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert f"column {column}" in str(caught.value)


def test_a_long_painting_session_is_read_as_a_list() -> None:
    text = "\n".join(f"+ brush 12 {n},{n} {n + 5},{n + 1}" for n in range(5000))
    expression = parse(text)
    assert len(expression.steps) == 4999
    assert parse(str(expression)) == expression


def test_the_pointer_shows_the_place() -> None:
    with pytest.raises(MaskError) as caught:
        parse("rect 1,1 2x2\n+ oval 3,3 4,4")
    assert caught.value.pointer == "+ oval 3,3 4,4\n  ^"


def test_text_of_absurd_length_is_refused() -> None:
    with pytest.raises(MaskError, match="longer than"):
        parse("all " + " " * 4_000_000)


MANUAL = (Path(__file__).parents[2] / "docs" / "masks.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", re.findall(r"```mask\n(.*?)```", MANUAL, re.DOTALL))
def test_the_manuals_examples_are_read(text: str) -> None:
    assert parse(text).steps or "(" in text


def test_the_manual_knows_every_word() -> None:
    for word in (*_SHAPES, *_FILTERS):
        assert f"`{word}" in MANUAL or f"| {word}" in MANUAL, word


def test_the_manuals_program_runs() -> None:
    (program,) = re.findall(r"```python\n(.*?)```", MANUAL, re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(program, "docs/masks.md", "exec"), names)
    mask = names["mask"]
    assert isinstance(mask, np.ndarray)
    assert 0 < mask.sum() < 40 * 30
