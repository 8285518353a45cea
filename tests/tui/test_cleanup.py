"""However the app ends, the shell finds its terminal as it was."""

import re
import signal
from pathlib import Path

import pytest

from retouch_tui.terminal.cleanup import AFTER_CRASH, AFTER_ORDER, CANCEL
from terminal_support.fake_terminal import ROOT, FakeTerminal

SCRIPT = ROOT / "terminal_support" / "scripts" / "dying.py"
MODES = (1000, 1002, 1003, 1004, 1006, 1015, 1016, 2004, 2048)


def end(tmp_path: Path, way: str, number: int | None = None) -> tuple[int, bytes, FakeTerminal]:
    note = tmp_path / "note"
    with FakeTerminal(SCRIPT, [way, str(note)]) as terminal:
        before = terminal.attributes()
        terminal.run_until(lambda output: b"READY" in output)
        if number is not None:
            terminal.process.send_signal(number)
        status = terminal.until_exit()
        after = terminal.output.partition(b"READY")[2]
        assert terminal.attributes() == before or way == "orderly"
        return status, after, terminal


def left_on(output: bytes) -> set[int]:
    """Modes that are on after some output, of those that the script set."""
    on = set(MODES)
    for mode, what in re.findall(rb"\x1b\[\?(\d+)([hl])", output):
        if what == b"l":
            on.discard(int(mode))
        elif int(mode) in MODES:
            on.add(int(mode))
    return on


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGQUIT"])
def test_a_signal_resets_everything_and_saves(tmp_path: Path, name: str) -> None:
    number = getattr(signal, name)
    status, after, _ = end(tmp_path, "wait", number)
    assert status == -number
    assert left_on(after) == set()
    for sequence in (b"\x1b[?1049l", b"\x1b[?25h", b"\x1b[<u", b"\x1b[0m"):
        assert after.count(sequence) == 1
    assert (tmp_path / "note").read_text() == "saved"


@pytest.mark.parametrize(("way", "status"), [("error", 1), ("exit", 3)], ids=["exception", "exit"])
def test_an_end_without_a_signal_resets_everything(tmp_path: Path, way: str, status: int) -> None:
    ended, after, _ = end(tmp_path, way)
    assert ended == status
    assert left_on(after) == set()
    assert b"\x1b[?1049l" in after


def test_a_frame_that_was_cut_off_does_not_swallow_the_resets(tmp_path: Path) -> None:
    status, after, _ = end(tmp_path, "busy")
    assert status == -signal.SIGTERM
    assert after.index(CANCEL.encode()) < after.index(b"\x1b[?1000l")
    assert left_on(after) == set()


def test_a_failing_save_does_not_keep_the_terminal(tmp_path: Path) -> None:
    status, after, _ = end(tmp_path, "broken save")
    assert status == -signal.SIGTERM
    assert left_on(after) == set()


def test_after_an_orderly_end_neither_screen_nor_keyboard_is_touched(tmp_path: Path) -> None:
    status, after, _ = end(tmp_path, "orderly")
    assert status == 0
    assert left_on(after) == set()
    assert after.count(b"\x1b[?1049l") == 1
    assert b"\x1b[<u" not in after
    assert after.endswith(b"SHELL")


def test_a_lost_terminal_ends_the_app_after_saving(tmp_path: Path) -> None:
    note = tmp_path / "note"
    with FakeTerminal(SCRIPT, ["wait", str(note)]) as terminal:
        terminal.run_until(lambda output: b"READY" in output)
        terminal.hang_up()
        assert terminal.process.wait(timeout=20) == -signal.SIGHUP
    assert note.read_text() == "saved"


def test_an_end_that_nobody_sees_coming_resets_everything(tmp_path: Path) -> None:
    with FakeTerminal(SCRIPT, ["wait", str(tmp_path / "note")]) as terminal:
        terminal.run_until(lambda output: b"READY" in output)
        terminal.process.kill()
        terminal.run_until(lambda output: AFTER_CRASH.encode() in output)
        assert left_on(terminal.output.partition(b"READY")[2]) == set()


def test_nothing_that_is_reset_is_set() -> None:
    for text in (AFTER_ORDER, AFTER_CRASH):
        assert re.findall(r"\x1b\[\?(\d+)h", text) == ["7", "25"]
