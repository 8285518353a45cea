"""A pixel strip is a Strip like any other, only cheaper."""

import numpy as np
import pytest
from rich.console import Console
from rich.style import Style
from textual.strip import Strip

from retouch_tui.terminal.cells import half_cells
from retouch_tui.terminal.colour import ColourDepth
from retouch_tui.terminal.pixel_strip import PixelStrip
from terminal_support.pictures import noise
from terminal_support.vt import Screen

CONSOLE = Console(color_system="truecolor")


def strip(columns: int = 24, depth: ColourDepth = ColourDepth.TRUECOLOUR) -> PixelStrip:
    return PixelStrip(half_cells(noise(columns, 2), depth))


def plain(pixel_strip: Strip) -> Strip:
    return Strip(list(pixel_strip), pixel_strip.cell_length)


def looks(written: str, columns: int) -> list[tuple[str, str, str]]:
    screen = Screen(columns, 2)
    screen.feed(written)
    return [(screen.glyph(column, 0), *screen.colours(column, 0)) for column in range(columns)]


def test_it_looks_like_its_segments() -> None:
    ours = strip()
    assert looks(ours.render(CONSOLE), 24) == looks(plain(ours).render(CONSOLE), 24)


@pytest.mark.parametrize(("start", "end"), [(0, 24), (0, 5), (7, 24), (3, 9), (5, 6), (9, 9), (-4, 90)], ids=str)
def test_a_crop_is_the_crop_of_the_segments(start: int, end: int) -> None:
    cropped = strip().crop(start, end)
    expected = plain(strip()).crop(start, end)
    assert cropped.cell_length == expected.cell_length
    assert looks(cropped.render(CONSOLE), 24) == looks(expected.render(CONSOLE), 24)


@pytest.mark.parametrize("cuts", [[24], [5, 24], [5, 6, 20], [5, 99], [1, 2, 3, 24]], ids=str)
def test_it_divides_where_segments_do(cuts: list[int]) -> None:
    ours, theirs = strip().divide(cuts), plain(strip()).divide(cuts)
    assert [piece.cell_length for piece in ours] == [piece.cell_length for piece in theirs]
    assert [piece.text for piece in ours] == [piece.text for piece in theirs]


def test_segments_are_made_only_when_asked_for() -> None:
    ours = strip()
    ours.crop(3, 9).render(CONSOLE)
    ours.divide([4, 24])
    slot = Strip.__dict__["_segments"]
    with pytest.raises(AttributeError):
        slot.__get__(ours, PixelStrip)
    assert ours.text == plain(ours).text
    assert slot.__get__(ours, PixelStrip)


def test_a_filter_or_a_style_makes_it_a_plain_strip() -> None:
    styled = strip().apply_style(Style(bold=True))
    assert all(segment.style is not None and segment.style.bold for segment in styled)
    joined = Strip.join([strip(4), Strip.blank(3)])
    assert joined.cell_length == 7
    assert joined.text.endswith("   ")


def test_a_strip_without_colours_writes_no_sequences() -> None:
    cells = half_cells(np.zeros((2, 12, 3), np.uint8), ColourDepth.NONE)
    assert "\x1b" not in PixelStrip(cells).render(CONSOLE)


def test_unknown_attributes_stay_unknown() -> None:
    with pytest.raises(AttributeError):
        _ = strip().colour  # type: ignore[attr-defined]
