"""The terminal report names each decision, its reason and its cure."""

import re

import pytest

from retouch_tui.terminal.capabilities import Overrides, decide
from retouch_tui.terminal.doctor import describe
from retouch_tui.terminal.doctor import report as terminal_report
from retouch_tui.terminal.probe import SILENT, Replies

FAR = Replies(complete=True, round_trip_s=0.4, name="tmux 3.5", cursor_report=True)
NEAR = Replies(complete=True, round_trip_s=0.01, cell_px=(9, 20), cursor_report=True, sync_mode=2)


def report(replies: Replies, **environment: str) -> str:
    return describe(decide(replies, environment, Overrides()), replies)


@pytest.mark.parametrize("replies", [SILENT, FAR, NEAR], ids=["silent", "far", "near"])
def test_every_decision_has_a_reason_and_a_cure(replies: Replies) -> None:
    text = report(replies, TERM="xterm-256color")
    for what, cure in (
        ("colours", "--colors"),
        ("glyphs", "--glyphs"),
        ("mouse", "--mouse"),
        ("graphics", "--graphics"),
    ):
        assert re.search(rf"^{what} +\S+\n +because \S.+\n +otherwise: {cure} ", text, re.MULTILINE)


def test_a_silent_terminal_is_said_to_be_silent() -> None:
    text = report(SILENT, TERM="linux")
    assert "only the environment was looked at" in text
    assert "paced by the clock" in text
    assert "\x1b" not in text
    assert "--mirror" in text


def test_a_far_one_gets_advice() -> None:
    text = report(FAR, TERM="tmux-256color")
    assert "tmux 3.5 inside tmux" in text
    assert "after 400 ms" in text
    assert "ssh -C" in text
    assert "set -g mouse on" in text


def test_a_near_one_gets_none_and_a_colour_bar() -> None:
    text = report(NEAR, TERM="xterm-256color", COLORTERM="truecolor")
    assert "ssh -C" not in text
    assert "9x20 pixels" in text
    assert "each drawn at once" in text
    assert text.count("\x1b[48;2;") == 48


def test_it_can_be_had_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETOUCH_PROBE", "0")
    assert "you chose it" in terminal_report({"colors": "256"}, {})
