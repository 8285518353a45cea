"""Prompts of other tools keep their meaning."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retouch.prompt import PromptError, from_a1111, from_novelai, parse

FRAGMENTS = [*"()[]{}|:,.\\ ", "::", "1.2::", "-2::", ":1.3)", ":.5]", "BREAK", " AND ", "<lora:x:1>", "cat", "7"]
SYNTAX = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=2), max_size=30).map("".join)


@pytest.mark.parametrize("convert", [from_a1111, from_novelai])
@pytest.mark.parametrize(
    "text", ["", "a red heart", "a: b, 16:9", "猫 naïve"], ids=["empty", "words", "colons", "unicode"]
)
def test_plain_text_stays(convert: Callable[[str], str], text: str) -> None:
    assert convert(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[x]", "(x:0.9091)"),
        ("((x))", "(x:1.21)"),
        ("(x:1.3) y", "(x:1.3) y"),
        ("{a}", r"\{a\}"),
        ("1.2::a::", r"1.2\:\:a\:\:"),
        ("a (b", "a (b:1.1)"),
        ("a) b]", r"a\) b\]"),
        ("(a [b) c]", "(a :1.1)b( c:0.9091)"),
        (r"\(x\) C:\new", r"\(x\) C:new"),
        ("a BREAK (b)", "a BREAK (b:1.1)"),
        ("a:1.2) [b:1.2)", r"a:1.2\) (b:1.2\):0.9091)"),
        ("(x:1.5]", r"(x:1.5\]:1.1)"),
        ("a | b", "a | b"),
    ],
)
def test_a1111(text: str, expected: str) -> None:
    assert from_a1111(text) == expected
    parse(expected)


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ("a [b:c:0.5]", 6, "keep one of them"),
        ("a [b|c]", 4, "keep one of them"),
        ("a AND b", 2, "AND joins"),
        ("a <lora:b:1>", 2, "take it out"),
        ("a (b:30)", 3, "multiply to 30"),
        ("(" * 200, 100, "more than 100"),
    ],
)
def test_a1111_without_counterpart_is_refused(text: str, position: int, says: str) -> None:
    with pytest.raises(PromptError, match=says) as caught:
        from_a1111(text)
    assert caught.value.position == position


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{a}} [b]", "{{a}} [b]"),
        ("1.2::a, 0.8::b:: c", "1.2::a, 0.8::b:: c"),
        ("-1::a", "-1::a"),
        ("cat (animal)", r"cat \(animal\)"),
        (r"a\b BREAK", r"a\\b \BREAK"),
        ("(a:1.2)", r"\(a:1.2\)"),
        ("a {b", "a (b:1.05)"),
        ("}a", "(a:0.9524)"),
        ("{1.2::a::}", "(a:1.2)"),
        ("{{1.2::a:: b", "(a:1.2) b"),
        ("v1.5::a::", "v(a:1.5)"),
        ("a:: b", "a b"),
    ],
)
def test_novelai(text: str, expected: str) -> None:
    assert from_novelai(text) == expected
    parse(expected)


@pytest.mark.parametrize(("text", "position"), [("a 20::b::", 2), ("{" * 48, 47), ("9::{{{a", 5)])
def test_novelai_weights_beyond_the_range_are_refused(text: str, position: int) -> None:
    with pytest.raises(PromptError, match=r"within -10\.\.10") as caught:
        from_novelai(text)
    assert caught.value.position == position


@pytest.mark.parametrize("convert", [from_a1111, from_novelai])
@settings(deadline=None)  # other work may share the machine
@given(text=SYNTAX)
def test_what_comes_out_can_always_be_read(convert: Callable[[str], str], text: str) -> None:
    try:
        converted = convert(text)
    except PromptError as error:
        place = error.position
        assert 0 <= place < len(text)
        return
    parse(converted)
