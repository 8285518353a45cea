"""The grammar of prompts: what it reads, what it refuses and where, and that no text breaks it."""

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from retouch.errors import UsageError
from retouch.prompt import Piece, Prompt, PromptError, escape, parse
from retouch.prompt.grammar import DEEPEST

SYNTAX = st.lists(
    st.sampled_from(
        [*"()[]{}:.,+-\\ ", "::", "1.2::", "-.5::", ":1.3)", ": 2 )", "BREAK", " BREAK ", "\\BREAK", "x", "7", "nan"]
    )
    | st.text(max_size=3),
    max_size=40,
).map("".join)
"""Text that is mostly syntax."""


def pieces(text: str) -> list[tuple[str, float]]:
    (section,) = parse(text).sections
    return [(piece.text, piece.weight) for piece in section]


def read(text: str) -> Prompt | PromptError:
    try:
        return parse(text)
    except PromptError as error:
        return error


@pytest.mark.parametrize(
    "text",
    ["", "a red heart", "a: b, c", "ratio 16:9", "C:\\new", "naïve 猫 👍🏽", " \t\n", "1.2:text:", "break Break"],
    ids=["empty", "words", "colon", "ratio", "backslash", "unicode", "blank", "single colons", "lower-case break"],
)
def test_text_without_syntax_is_one_piece_of_weight_1_byte_for_byte(text: str) -> None:
    prompt = parse(text)
    assert prompt == parse(text, "literal")
    assert prompt.plain
    assert "".join(piece.text for piece in prompt.sections[0]) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{a}", [("a", 1.05)]),
        ("{{a}}", [("a", 1.1025)]),
        ("[a]", [("a", 1 / 1.05)]),
        ("[[a]]", [("a", 1 / 1.05 / 1.05)]),
        ("(a)", [("a", 1.1)]),
        ("((a))", [("a", 1.1 * 1.1)]),
        ("(a:1.2)", [("a", 1.2)]),
        ("(a : -.5 )", [("a ", -0.5)]),
        ("(a:1e-1)", [("a", 0.1)]),
        ("(a (b:2) c:1.5)", [("a ", 1.5), ("b", 3.0), (" c", 1.5)]),
        ("{a (b:2)}", [("a ", 1.05), ("b", 2.1)]),
        ("[{a}]", [("a", 1 / 1.05 * 1.05)]),
        ("1.2::a:: b", [("a", 1.2), (" b", 1.0)]),
        ("a, 0.5::b", [("a, ", 1.0), ("b", 0.5)]),
        ("2::a 3::b:: c", [("a ", 2.0), ("b", 3.0), (" c", 1.0)]),
        ("-1::a::", [("a", -1.0)]),
        ("(2::a:: b:1.5)", [("a", 3.0), (" b", 1.5)]),
        ("2::(a:1.5) b::", [("a", 3.0), (" b", 2.0)]),
        ("(a:b)", [("a:b", 1.1)]),
        ("(16:9:1.2)", [("16:9", 1.2)]),
        ("(a:0)", [("a", 0.0)]),
    ],
)
def test_weights(text: str, expected: list[tuple[str, float]]) -> None:
    found = pieces(text)
    assert [name for name, _ in found] == [name for name, _ in expected]
    # products may be taken in another order
    assert [weight for _, weight in found] == pytest.approx([weight for _, weight in expected], rel=1e-12)


@pytest.mark.parametrize("character", list("()[]{}\\:"))
def test_an_escape_is_the_character_itself(character: str) -> None:
    assert pieces(f"a \\{character} b") == [(f"a {character} b", 1.0)]


def test_a_backslash_before_anything_else_stays() -> None:
    assert pieces("a\\b \\n") == [("a\\b \\n", 1.0)]


def test_break_separates_and_takes_the_white_space_around_it() -> None:
    assert parse("a red BREAK\n (heart) BREAK") == Prompt(((Piece("a red"),), (Piece("heart", 1.1),), ()))


def test_a_weight_goes_on_behind_a_break() -> None:
    assert parse("(a BREAK b:2)") == Prompt(((Piece("a", 2.0),), (Piece("b", 2.0),)))


def test_break_inside_a_word_is_no_break() -> None:
    assert pieces("BREAKFAST DAYBREAK _BREAK \\BREAK") == [("BREAKFAST DAYBREAK _BREAK BREAK", 1.0)]


def test_a_weight_of_1_is_as_if_it_were_not_there() -> None:
    assert parse("a (re:1)1::d:: [{heart}]") == parse("a red heart")


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ("(a", 0, "never closed"),
        ("a)", 1, "closes no bracket"),
        ("(a]", 2, "does not close the ( at character 1"),
        ("a {b (c", 2, "never closed"),
        ("(1.2::a)", 7, "write :: before )"),
        ("1.2::(a::", 7, "write ) first"),
        ("a::b", 1, ":: ends no weight"),
        ("v1.5::b::", 4, ":: ends no weight"),
        ("1,5::b::", 3, ":: ends no weight"),
        ("(a:1,2)", 3, "not a number"),
        ("(a:1.2.3)", 3, "not a number"),
        ("(a:nan)", 3, "not nan"),
        ("(a:-inf)", 3, "not -inf"),
        ("(a:1e999)", 3, "not 1e999"),
        ("(a:10.5)", 3, "within -10..10"),
        ("11::a::", 0, "within -10..10"),
        ("(b (a:5):3)", 3, "multiply to 15"),
        ("{" * 60 + "a" + "}" * 60, 47, "multiply to"),
        ("a :)", 3, "write \\) for a plain one"),
        ("[" * 200 + "]" * 200, DEEPEST, "more than 100 brackets"),
    ],
)
def test_what_cannot_be_read_is_refused_at_its_place_with_the_cure(text: str, position: int, says: str) -> None:
    with pytest.raises(PromptError) as caught:
        parse(text, what="undesired content")
    assert caught.value.position == position
    assert says in str(caught.value)
    assert str(caught.value).startswith(f"undesired content, character {position + 1}: ")
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, UsageError)


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("a cat) on", "a cat) on\n     ^"),
        ("猫)", "猫)\n  ^"),
        ("e\u0301)", "e\u0301)\n ^"),
        ("a\n)", "a )\n  ^"),
        ("x" * 100 + ")", "…" + "x" * 59 + ")\n" + " " * 60 + "^"),
        ("a)" + "x" * 100, "a)" + "x" * 58 + "…\n ^"),
    ],
    ids=["plain", "wide", "combining", "two lines", "long before", "long after"],
)
def test_the_caret_stands_under_the_place(text: str, marked: str) -> None:
    with pytest.raises(PromptError) as caught:
        parse(text)
    assert caught.value.marked == marked


@settings(deadline=None)  # other work may share the machine
@given(SYNTAX)
@example("BRE(A:1)K")
@example("(a:1):(b:1):")
@example("\\\\BREAK")
@example("(:)(x\\::1.2)")
@example("( a (b BREAK ) c)")
def test_any_text_is_read_or_refused_inside_itself_and_prints_back(text: str) -> None:
    prompt = read(text)
    if isinstance(prompt, PromptError):
        assert 0 <= prompt.position < len(text)
        assert prompt.marked.count("\n") == 1
        return
    assert parse(str(prompt)) == prompt
    assert all(abs(piece.weight) <= 10 for section in prompt.sections for piece in section)


@settings(deadline=None)  # other work may share the machine
@given(SYNTAX | st.text())
def test_escaped_text_and_literal_text_are_the_same(text: str) -> None:
    literal = parse(text, "literal")
    assert parse(escape(text)) == literal
    assert "".join(piece.text for piece in literal.sections[0]) == text


@settings(deadline=None)  # other work may share the machine
@given(st.text(alphabet="ab ,.!?'\"-_/#\u00e9\u732b\U0001f600"))
def test_text_without_marks_is_plain(text: str) -> None:
    assert parse(text) == parse(text, "literal")


@pytest.mark.parametrize(
    "unit",
    ["(a)", "1.2::a::", "\\(", ":1", "1", ": ", "9.", ",", "BREAK ", "::", "{", ")", "-1::", "\\"],
)
def test_a_long_run_of_anything_is_read_or_refused(unit: str) -> None:
    """Would not end in an hour if the search went back and forth in the text."""
    text = unit * (200_000 // len(unit))
    prompt = read(text)
    if isinstance(prompt, PromptError):
        assert prompt.position < len(text)
        assert len(str(prompt)) < 200


def test_the_examples_of_the_documentation_are_true() -> None:
    text = (Path(__file__).parents[2] / "docs/prompts.md").read_text(encoding="utf-8")
    blocks = [block.strip("\n") for block in text.split("```")[1::2] if block.startswith("\n")]
    mistake, examples = blocks
    message, *marked = mistake.split("\n")
    refused = read(marked[0])
    assert isinstance(refused, PromptError)
    assert [str(refused), *refused.marked.split("\n")] == [message, *marked]
    assert [len(parse(line).sections) for line in examples.split("\n")] == [1, 1, 1, 2]
    assert not any(parse(line).plain for line in examples.split("\n"))
