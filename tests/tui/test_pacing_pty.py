"""A terminal that reads slowly never has more than one frame on its way; counted in frames, not in seconds."""

import json
from pathlib import Path

from retouch_tui.terminal.pacer import MOST_WINDOW
from terminal_support.fake_terminal import ACKNOWLEDGING, ROOT, FakeTerminal

SCRIPT = ROOT / "terminal_support" / "scripts" / "paint.py"
RATE = 2_000_000
"""Bytes per second the terminal reads: a twentieth of what the app would like to write."""


def paint(tmp_path: Path, mode: str) -> dict[str, float]:
    report = tmp_path / f"{mode}.json"
    environment = {"COLORTERM": "truecolor", "TEXTUAL_COLOR_SYSTEM": "truecolor", "TEXTUAL_SMOOTH_SCROLL": "0"}
    with FakeTerminal(
        SCRIPT, [mode, str(report)], answers=ACKNOWLEDGING, environment=environment, size=(120, 36), rate=RATE
    ) as terminal:
        assert terminal.until_exit(limit_s=40) == 0
    return dict(json.loads(report.read_text()))


def test_paced_frames_do_not_queue(tmp_path: Path) -> None:
    found = paint(tmp_path, "paced")
    assert found["queued"] <= 1
    assert found["unanswered"] <= MOST_WINDOW
    # The loop stayed awake between any two frames: it beat at least once, and changes merged into frames.
    assert found["restless"] >= found["frames"] - 2
    assert found["changes"] > found["frames"]
    assert found["rate"] < 4 * RATE


def test_screens_that_know_nothing_of_pacing_are_paced_too(tmp_path: Path) -> None:
    found = paint(tmp_path, "stock")
    assert found["queued"] <= 1
    assert found["unanswered"] <= MOST_WINDOW + 200_000, "at most one frame beyond the window"
    assert found["changes"] > found["frames"]


def test_without_pacing_they_do(tmp_path: Path) -> None:
    found = paint(tmp_path, "unpaced")
    assert found["queued"] > 3
