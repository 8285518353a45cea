"""What the encoder writes is what a terminal shows, in every depth and with every glyph."""

import numpy as np
import pytest

from retouch_tui.terminal import sgr
from retouch_tui.terminal.cells import (
    GLYPHS,
    QUADRANTS,
    RAMP,
    SPACE,
    UPPER_HALF,
    Cells,
    half_cells,
    quadrant_cells,
    ramp_cells,
)
from retouch_tui.terminal.colour import ColourDepth, Pixels, hold, rgb
from terminal_support.pictures import noise, photo
from terminal_support.vt import Screen

PICTURES = {
    "noise": noise(23, 18),
    "photo": photo(40, 20),
    "flat": np.full((12, 30, 3), (7, 80, 255), np.uint8),
    "stripes": np.repeat(noise(16, 1, seed=2), 12, axis=0),
    "few": noise(4, 4, seed=3),
    "one cell": noise(1, 2, seed=4),
    "enlarged": photo(8, 6).repeat(4, axis=0).repeat(4, axis=1),
}


def shown(cells: Cells) -> Screen:
    screen = Screen(cells.columns, cells.rows + 1)
    for row, text in enumerate(sgr.encode(cells)):
        screen.feed(f"\x1b[{row + 1};1H{text}{sgr.RESET}")
    return screen


@pytest.mark.parametrize("pixels", PICTURES.values(), ids=PICTURES)
def test_half_blocks_show_the_array(pixels: Pixels) -> None:
    cells = half_cells(pixels, ColourDepth.TRUECOLOUR)
    read = shown(cells).half_pixels(0, 0, cells.columns, cells.rows)
    np.testing.assert_array_equal(read, pixels)


EVEN = {name: pixels[:, : pixels.shape[1] // 2 * 2] for name, pixels in PICTURES.items() if pixels.shape[1] > 1}


@pytest.mark.parametrize("depth", [ColourDepth.TRUECOLOUR, ColourDepth.PALETTE], ids=str)
@pytest.mark.parametrize("pixels", EVEN.values(), ids=EVEN)
def test_quadrants_show_their_own_colours(pixels: Pixels, depth: ColourDepth) -> None:
    cells = quadrant_cells(pixels, depth)
    screen = shown(cells)
    for row, column in np.ndindex(cells.glyph.shape):
        assert screen.glyph(column, row) == GLYPHS[cells.glyph[row, column]]
        fg, bg = screen.colours(column, row)
        assert bg == "{:02x}{:02x}{:02x}".format(*rgb(int(cells.bg[row, column]), depth))
        if cells.glyph[row, column] != SPACE:
            assert fg == "{:02x}{:02x}{:02x}".format(*rgb(int(cells.fg[row, column]), depth))


@pytest.mark.parametrize("bits", range(16))
def test_quadrants_find_a_cell_of_two_colours(bits: int) -> None:
    ink, paper = (250, 10, 30), (5, 90, 200)
    quarters = [ink if bits >> place & 1 else paper for place in range(4)]
    pixels = np.array(quarters, np.uint8).reshape(2, 2, 3)
    cells = quadrant_cells(pixels, ColourDepth.TRUECOLOUR)
    inked = int(np.nonzero(cells.glyph[0, 0] == QUADRANTS)[0][0])
    colours = [int(cells.bg[0, 0]), int(cells.fg[0, 0])]
    drawn = [rgb(colours[inked >> place & 1], ColourDepth.TRUECOLOUR) for place in range(4)]
    assert drawn == quarters


@pytest.mark.parametrize("depth", [ColourDepth.TRUECOLOUR, ColourDepth.PALETTE, ColourDepth.ANSI], ids=str)
def test_a_few_cells_alone_are_written_as_among_many(depth: ColourDepth) -> None:
    cells = half_cells(photo(3, 4).repeat(3, axis=1), depth)
    few = [sgr.encode(cells.part(slice(row, row + 1), slice(None)))[0] for row in range(cells.rows)]
    assert cells.glyph[0].size <= sgr.FEW < cells.glyph.size
    assert few == sgr.encode(cells)


def test_a_colour_is_named_only_when_it_changes() -> None:
    flat = half_cells(np.full((2, 50, 3), 90, np.uint8), ColourDepth.TRUECOLOUR)
    assert sgr.encode(flat) == ["\x1b[48;2;90;90;90m" + " " * 50]


def test_a_foreground_survives_cells_that_do_not_show_it() -> None:
    pixels = np.zeros((2, 24, 3), np.uint8)
    pixels[0, ::2] = (1, 2, 3)
    text = sgr.encode(half_cells(pixels, ColourDepth.TRUECOLOUR))[0]
    assert text.count("38;2;1;2;3") == 1
    np.testing.assert_array_equal(shown(half_cells(pixels, ColourDepth.TRUECOLOUR)).half_pixels(0, 0, 24, 1), pixels)


@pytest.mark.parametrize(
    ("code", "front", "back"),
    [(1, "31", "41"), (7, "37", "47"), (8, "90", "100"), (15, "97", "107")],
    ids=["red", "white", "bright black", "bright white"],
)
def test_sixteen_colours_use_their_own_codes(code: int, front: str, back: str) -> None:
    one = np.full((1, 20), code, np.int32)
    other = np.full((1, 20), 0, np.int32)
    upper = np.full((1, 20), UPPER_HALF, np.uint8)
    assert sgr.encode(Cells(upper, one, other, ColourDepth.ANSI))[0].startswith(f"\x1b[{front};40m")
    assert sgr.encode(Cells(upper, other, one, ColourDepth.ANSI))[0].startswith(f"\x1b[30;{back}m")


def test_256_colours_are_near_the_picture() -> None:
    pixels = photo(64, 64)
    cells = half_cells(pixels, ColourDepth.PALETTE)
    top = np.array([[rgb(code, ColourDepth.PALETTE) for code in row] for row in cells.fg.tolist()])
    # Neighbouring levels of the cube are at most 95 apart, and the dither never leaves the two around a value.
    assert np.abs(top - pixels[0::2].astype(int)).max() <= 95
    # Ordered dither keeps the mean: half a level of the middle steps (40) over 2048 pixels shrinks far below 6.
    assert abs(top.mean() - pixels[0::2].mean()) < 6


def test_dither_does_not_depend_on_where_painting_starts() -> None:
    pixels = photo(40, 40)
    whole = half_cells(pixels, ColourDepth.PALETTE)
    part = half_cells(pixels[10:30, 7:29], ColourDepth.PALETTE, row=5, column=7)
    assert not part.differ(whole.part(slice(5, 15), slice(7, 29))).any()


def test_without_colours_no_escape_sequence_is_written() -> None:
    hatched = np.zeros((6, 20), np.bool_)
    hatched[2:4, 5:9] = True
    cells = ramp_cells(photo(20, 12), hatched, 1)
    rows = sgr.encode(cells)
    assert all("\x1b" not in row for row in rows)
    assert [row[5:9] for row in rows[2:4]] == ["////", "////"]


def test_brighter_pixels_get_denser_characters() -> None:
    grey = np.repeat(np.linspace(0, 255, 40).astype(np.uint8)[None, :, None], 3, axis=2).repeat(2, axis=0)
    cells = ramp_cells(grey, np.zeros((1, 40), np.bool_), 1)
    place = [int(np.nonzero(glyph == RAMP)[0][0]) for glyph in cells.glyph[0]]
    assert place == sorted(place)
    assert (place[0], place[-1]) == (0, len(RAMP) - 1)


@pytest.mark.parametrize("tolerance", [0, 4, 16, 64])
def test_held_colours_stay_within_the_tolerance(tolerance: int) -> None:
    pixels = photo(120, 20)
    away = np.abs(hold(pixels, tolerance).astype(int) - pixels)
    assert away.max() <= tolerance


def test_holding_colours_saves_bytes() -> None:
    def size(tolerance: int) -> int:
        return sum(map(len, sgr.encode(half_cells(hold(photo(160, 116), tolerance), ColourDepth.TRUECOLOUR))))

    assert size(32) < size(16) < size(8) < size(0)
    assert size(32) < size(0) / 3
