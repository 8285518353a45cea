"""The whole way of a click: terminal, Textual's driver, canvas; and a shell that is left clean after it."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from terminal_support.fake_terminal import KITTY, ROOT, FakeTerminal

SCRIPT = ROOT / "terminal_support" / "scripts" / "point.py"
LEFT = 10
"""Cells left of the canvas."""

SIZE_REPORT = b"\x1b[48;24;80;480;720t"

PIXEL_MOUSE = {**KITTY, r"\x1b\[\?2048h": SIZE_REPORT}
PIXELS_ONLY = {**KITTY, r"\x1b\[\?2048\$p": b"\x1b[?2048;0$y"}
"""kitty, foot and xterm of some years: pixels, and no word when their size changes."""
SIZES_ONLY = {**PIXEL_MOUSE, r"\x1b\[\?1016\$p": b"\x1b[?1016;0$y"}


def click(tmp_path: Path, answers: Mapping[str, bytes], presses: list[tuple[int, int]], *flags: str) -> dict[str, Any]:
    """Drag from the first to the last place, given in the coordinates that the terminal would send."""
    report = tmp_path / "report.json"
    with FakeTerminal(SCRIPT, [str(report), *flags], answers=answers) as terminal:
        terminal.run_until(lambda output: b"READY" in output)
        (x, y), *moves = presses
        terminal.type(b"\x1b[<0;%d;%dM" % (x, y))
        for x, y in moves:
            terminal.type(b"\x1b[<32;%d;%dM" % (x, y))
        terminal.type(b"\x1b[<0;%d;%dm" % (x, y))
        assert terminal.until_exit() == 0
        check_clean(terminal.output)
        return dict(json.loads(report.read_text()))


def check_clean(output: bytes) -> None:
    """Every mode that was switched on was switched off after it."""
    last = dict(re.findall(rb"\x1b\[\?(\d+)([hl])", output))
    on = {mode for mode, what in last.items() if what == b"h"}
    assert on <= {b"25", b"7"}
    assert output.count(b"\x1b[>25u") == output.count(b"\x1b[<u")


def test_a_pixel_mouse_draws_between_cells(tmp_path: Path) -> None:
    found = click(tmp_path, PIXEL_MOUSE, [(20 * 9 + 1, 5 * 20 + 1), (20 * 9 + 4, 5 * 20 + 11), (21 * 9 + 1, 121)])
    assert (found["mouse"], found["environment"]) == ("pixel", "")
    # SGR counts from 1; a cell is 9x20 pixels, and half a cell one view pixel down.
    expected = [(20.0, 10.0), (20 + 3 / 9, 11.0), (21.0, 12.0)]
    told = [(x + LEFT, y) for _, x, y in found["places"]]
    # Textual tells of a move once more before a release.
    assert list(dict.fromkeys(told)) == [pytest.approx(place) for place in expected]


def test_pixels_are_read_also_where_the_terminal_does_not_report_its_size(tmp_path: Path) -> None:
    found = click(tmp_path, PIXELS_ONLY, [(20 * 9 + 1, 5 * 20 + 1), (20 * 9 + 4, 5 * 20 + 11), (21 * 9 + 1, 121)])
    assert (found["mouse"], found["environment"]) == ("pixel", "0")
    expected = [(20.0, 10.0), (20 + 3 / 9, 11.0), (21.0, 12.0)]
    told = [(x + LEFT, y) for _, x, y in found["places"]]
    assert list(dict.fromkeys(told)) == [pytest.approx(place) for place in expected]


@pytest.mark.parametrize("flags", [(), ("pixel",)], ids=["decided", "pixel demanded"])
def test_a_terminal_that_reports_sizes_but_cells_is_not_misread(tmp_path: Path, flags: tuple[str, ...]) -> None:
    found = click(tmp_path, SIZES_ONLY, [(41, 11), (44, 12)], *flags)
    assert (found["mouse"], found["environment"]) == ("cell", "0")
    told = [(kind, x + LEFT, y) for kind, x, y in found["places"]]
    assert told[0] == ("Pressed", 40.5, 21.0)
    assert told[-1] == ("Released", 43.5, 23.0)
