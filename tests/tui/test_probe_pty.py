"""The probe finds out what a terminal can do at any distance, and leaves nothing behind for the app to read."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from retouch_tui.terminal import detect
from retouch_tui.terminal.capabilities import Overrides
from retouch_tui.terminal.probe import ANSWERS, PLAIN_QUERIES, QUERIES, SILENT, Replies, parse, probe
from terminal_support import fake_terminal
from terminal_support.fake_terminal import KITTY, ROOT, TMUX, VT100, XTERM_SIXEL, FakeTerminal

ASK = ROOT / "terminal_support" / "scripts" / "ask.py"


def ask(
    folder: Path,
    answers: Mapping[str, bytes],
    *,
    delay_s: float = 0.0,
    timeout_s: float = 4.0,
    plain: bool = False,
    multiplexed: bool = False,
    typed: bytes = b"",
) -> tuple[dict[str, object], bytes]:
    """Probe a fake terminal; after it, a full stop is typed: all the app should ever see."""
    report = folder / "found.json"
    arguments = [str(report), str(timeout_s), *(["plain"] if plain else []), *(["multiplexed"] if multiplexed else [])]
    with FakeTerminal(ASK, arguments, answers=answers, delay_s=delay_s) as terminal:
        terminal.run_until(lambda output: b"\x1b[c" in output)
        if typed:
            terminal.type(typed)
        terminal.run_until(lambda output: b"PROBED" in output)
        terminal.type(b".")
        assert terminal.until_exit() == 0
        return json.loads(report.read_text()), terminal.output


@pytest.mark.parametrize("delay_s", [0.01, 0.3, 1.0], ids=["10 ms", "300 ms", "1 s"])
def test_everything_is_found_at_any_distance(tmp_path: Path, delay_s: float) -> None:
    found, _ = ask(tmp_path, KITTY, delay_s=delay_s)
    trip = found.pop("round_trip_s")
    assert isinstance(trip, float)
    assert trip >= delay_s
    assert found == {
        "complete": True,
        "name": "kitty(0.40.1)",
        "attributes": [62],
        "kitty_graphics": True,
        "kitty_keyboard": True,
        "cell_px": [9, 20],
        "sync_mode": 2,
        "resize_mode": 2,
        "pixel_mouse_mode": 2,
        "background": [30, 32, 40],
        "truecolour": True,
        "cursor_report": True,
        "typed": "",
        "leaked": ".",
    }


def test_a_terminal_that_answers_nothing_is_left_alone(tmp_path: Path) -> None:
    found, output = ask(tmp_path, fake_terminal.SILENT, timeout_s=0.3)
    assert found["complete"] is False
    assert (found["round_trip_s"], found["name"], found["leaked"]) == (None, None, ".")
    assert output.count(b"\x1b[c") == 1


@pytest.mark.parametrize(
    ("answers", "name", "attributes"),
    [(TMUX, "tmux 3.3a", [1, 2, 4]), (XTERM_SIXEL, "XTerm(390)", [64, 1, 2, 4, 6, 9, 15, 22]), (VT100, None, [1, 2])],
    ids=["tmux", "xterm", "vt100"],
)
def test_a_terminal_that_answers_little_costs_no_timeout(
    tmp_path: Path, answers: Mapping[str, bytes], name: str | None, attributes: list[int]
) -> None:
    found, _ = ask(tmp_path, answers, timeout_s=60)
    assert (found["name"], found["attributes"], found["leaked"]) == (name, attributes, ".")
    assert found["kitty_graphics"] is found["truecolour"] is False


def test_garbage_and_keys_between_the_answers_do_no_harm(tmp_path: Path) -> None:
    garbled = {**KITTY, r"\x1b\[14t": b"\x1b[4;;t\xff\x1b[", r"\x1b\[16t": b"\x1b[6;x", r"\x1b\[\?u": b"\x1b[?u"}
    found, _ = ask(tmp_path, garbled, delay_s=0.05, typed=b"abc")
    assert (found["complete"], found["pixel_mouse_mode"], found["leaked"]) == (True, 2, ".")
    # The system knows the window: 80x24 cells of 9x20 pixels.
    assert (found["cell_px"], found["kitty_keyboard"]) == ([9, 20], False)
    assert "abc" in str(found["typed"])


def test_what_was_answered_counts_even_without_the_last_answer(tmp_path: Path) -> None:
    late = {**KITTY, r"\x1b\[c": b""}
    found, _ = ask(tmp_path, late, timeout_s=0.4)
    assert found["complete"] is False
    assert (found["name"], found["leaked"]) == ("kitty(0.40.1)", ".")


def test_simple_terminals_are_asked_simple_questions(tmp_path: Path) -> None:
    found, output = ask(tmp_path, KITTY, plain=True)
    assert found["cursor_report"] is True
    assert QUERIES.encode() not in output
    assert PLAIN_QUERIES.encode() in output


def test_no_terminal_no_question() -> None:
    reading, writing = os.pipe()
    try:
        assert probe(reading, writing) == SILENT
    finally:
        os.close(reading)
        os.close(writing)


@pytest.mark.parametrize(
    "answer",
    [b"\x1b]11;rgb:1/2\x1b\\", b"\x1b]11;rgb://\x1b\\", b"\x1b[6;0;0t", b"\x1b[?c", b"\x1bP>|\x1b\\", b"\xff\xfe", b""],
    ids=["two colours", "no colours", "no size", "no attributes", "no name", "no text", "nothing"],
)
def test_broken_answers_are_no_answers(answer: bytes) -> None:
    found = parse(answer, 0.1)
    assert (found.background, found.cell_px, found.name or None, found.attributes) == (None, None, None, ())


def test_what_is_no_answer_was_typed() -> None:
    assert parse(b"ls\x1b[?62;c -l", 0.1).typed == b"ls -l"
    assert ANSWERS.sub(b"", b"".join(KITTY.values())) == b""


@pytest.mark.parametrize("name", ["TMUX", "STY"])
def test_multiplexers_are_not_asked_what_they_take_for_a_title(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def note(*_: int, multiplexed: bool, **__: bool) -> Replies:
        asked.append(multiplexed)
        return SILENT

    monkeypatch.setattr(detect, "probe", note)
    for variable in ("TMUX", "STY", "TERM"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("sys.__stdin__", sys.__stderr__)  # under a test runner there may be none
    for variable, value in ((name, "x"), ("TERM", "screen-256color"), ("TERM", "xterm-256color")):
        with monkeypatch.context() as one:
            one.setenv(variable, value)
            detect.ask(Overrides())
    assert asked == [True, True, False]
    found, output = ask(tmp_path, TMUX, multiplexed=True)
    assert found["name"] == "tmux 3.3a"
    assert b"\x1b_G" not in output
