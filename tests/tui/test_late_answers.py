"""An answer of the terminal never becomes a key, however late it comes."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retouch_tui.terminal.answers import HOLD_S, AnswerFilter
from terminal_support.fake_terminal import KITTY, ROOT, FakeTerminal

LATE = ROOT / "terminal_support" / "scripts" / "late.py"

ASKED_BY_TEXTUAL = ("\x1b[?2026;2$y", "\x1b[?2048;0$y", "\x1b[1;1R", "\x1b[48;24;80;480;720t")
KEYS = (
    "a",
    "é",
    "\x1b[A",
    "\x1b[6~",
    "\x1b[4~",
    "\x1b[<0;3;4M",
    "\x1bOP",
    "\r",
    "\x1b[97;5u",
    "\x1b[200~text\x1b[201~",
)
PROBE = [
    text
    for text in (answer.decode() for answer in KITTY.values())
    if text not in ASKED_BY_TEXTUAL and not text.endswith(("2026;2$y", "2048;2$y"))
]


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("answer", PROBE)
def test_answers_to_the_probe_are_taken_out(answer: str) -> None:
    assert AnswerFilter()(f"x{answer}y") == "xy"


@pytest.mark.parametrize("text", [*KEYS, *ASKED_BY_TEXTUAL])
def test_keys_and_what_textual_asks_for_pass(text: str) -> None:
    assert AnswerFilter()(text) == text


@given(
    parts=st.lists(st.sampled_from([*PROBE, *KEYS, *ASKED_BY_TEXTUAL]), max_size=8),
    cuts=st.lists(st.integers(0, 300), max_size=6),
)
def test_wherever_a_read_ends_the_same_comes_out(parts: list[str], cuts: list[int]) -> None:
    text, clock = "".join(parts), Clock()
    filtered = AnswerFilter(clock)
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    out = "".join(filtered(text[start:end]) for start, end in pairwise(places))
    clock.now += 2 * HOLD_S
    out += filtered.given_up()
    escape_cut = any(0 < place < len(text) and text[place - 1] == "\x1b" for place in places)
    if not escape_cut:  # an escape at the end of a read is a key of its own
        assert out == "".join(part for part in parts if part not in PROBE)


def test_alt_and_a_letter_is_a_key_after_a_moment() -> None:
    clock = Clock()
    filtered = AnswerFilter(clock)
    assert filtered("\x1bP") == ""
    assert filtered.given_up() == ""
    clock.now += HOLD_S
    assert filtered.given_up() == "\x1bP"
    assert filtered.given_up() == ""


@pytest.mark.parametrize("delay_s", [1.0, 3.0, 5.0], ids=["1 s", "3 s", "5 s"])
def test_a_terminal_far_away_presses_no_keys_and_leaves_the_shell_clean(tmp_path: Path, delay_s: float) -> None:
    report = tmp_path / "keys.json"
    with FakeTerminal(LATE, [str(report)], answers=KITTY, delay_s=delay_s) as terminal:
        before = terminal.attributes()
        terminal.run_until(lambda output: b"READY" in output)
        terminal.run_until(lambda _: not terminal._due)
        terminal.type(b"k")
        terminal.idle(0.3)  # long enough for a key to bubble back to the app
        terminal.type(b".")
        assert terminal.until_exit() == 0
        assert terminal.attributes() == before
        shown = terminal.output
    found = json.loads(report.read_text())
    assert found["keys"] == ["k", "."]
    assert found["acknowledges"] or delay_s >= 3
    assert b"^[" not in shown, "the terminal's driver echoes no answer"
    assert not terminal._due, "no answer is left for the shell"
