"""A dab writes what changed and no more, coarse where exact colours would cost too much, and exact in the end."""

from dataclasses import replace

import numpy as np
import pytest

from retouch.geometry import Box
from retouch_tui.frame_buffer import DAB_BYTES, FrameBuffer, runs, weight
from retouch_tui.overlay import LARGE_RING, Overlay, draw
from retouch_tui.raster import Raster, Scene
from retouch_tui.terminal import sgr
from retouch_tui.terminal.cells import GlyphMode
from retouch_tui.terminal.colour import ColourDepth, calm, codes, nearest_cube
from retouch_tui.view import View
from terminal_support.pictures import noise, photo

COLUMNS, ROWS = 120, 40
PLACES = [(60, 60, 12), (66, 62, 12), (90, 60, 20)]
DEPTHS = [ColourDepth.TRUECOLOUR, ColourDepth.PALETTE]


def masked(scene: Scene, x: int, y: int, radius: int) -> tuple[Scene, Box]:
    """The scene with one more disc, and the box around it."""
    rows, columns = np.ogrid[: scene.size.height, : scene.size.width]
    mask = scene.mask.copy()
    mask[(columns - x) ** 2 + (rows - y) ** 2 <= radius**2] = 255
    return replace(scene, mask=mask), Box(x - radius, y - radius, x + radius + 1, y + radius + 1).clamp(scene.size)


def buffer_of(scene: Scene, depth: ColourDepth, glyphs: GlyphMode = GlyphMode.HALF) -> FrameBuffer:
    """A canvas that shows the scene at one pixel for each half-cell, exactly."""
    buffer = FrameBuffer(depth, glyphs)
    buffer.resize(COLUMNS, ROWS)
    buffer.raster = Raster(scene)
    buffer.view = View(columns=COLUMNS, rows=ROWS, zoom=1.0, centre=(64.0, 64.0), across=glyphs.across)
    buffer.repaint()
    return buffer


def start() -> Scene:
    return Scene(picture=photo(128, 128), mask=np.zeros((128, 128), np.uint8))


@pytest.mark.parametrize("glyphs", list(GlyphMode))
@pytest.mark.parametrize("depth", DEPTHS)
def test_after_refining_the_cells_are_those_of_an_exact_repaint(depth: ColourDepth, glyphs: GlyphMode) -> None:
    scene = start()
    buffer = buffer_of(scene, depth, glyphs)
    for place in PLACES:
        scene, box = masked(scene, *place)
        assert buffer.raster is not None
        buffer.raster.follow(scene, box)
        buffer.repaint_box(box, DAB_BYTES)
        buffer.point(Overlay(cursor=(place[0], place[1]), radius=place[2], painting=True), sparing=True)
    assert buffer.next_coarse(0) is not None, "these dabs are too dear to be exact at once"
    while (row := buffer.next_coarse(0)) is not None:
        buffer.refine(row, row + 1)
    exact = buffer_of(scene, depth, glyphs)
    exact.overlay = buffer.overlay
    exact.repaint()
    assert not buffer.cells.differ(exact.cells).any()


@pytest.mark.parametrize("depth", DEPTHS)
def test_only_what_changed_is_written_and_within_the_budget(depth: ColourDepth) -> None:
    scene = start()
    buffer = buffer_of(scene, depth)
    for place in PLACES[:2]:
        before = buffer.cells.part(slice(None), slice(None))
        glyph, fg, bg = before.glyph.copy(), before.fg.copy(), before.bg.copy()
        pixels = buffer._pixels.copy()
        scene, box = masked(scene, *place)
        assert buffer.raster is not None
        buffer.raster.follow(scene, box)
        touched = buffer.repaint_box(box, DAB_BYTES)
        moved = (buffer._pixels != pixels).any(axis=2).reshape(ROWS, 2, COLUMNS).any(axis=1)
        assert not (touched & ~moved).any()
        for kept, now in ((glyph, buffer.cells.glyph), (fg, buffer.cells.fg), (bg, buffer.cells.bg)):
            np.testing.assert_array_equal(now[~touched], kept[~touched])
        assert weight(buffer.cells, touched, depth) <= DAB_BYTES


def test_the_estimate_is_not_below_what_is_written() -> None:
    buffer = buffer_of(Scene(picture=noise(128, 128), mask=np.zeros((128, 128), np.uint8)), ColourDepth.TRUECOLOUR)
    rng = np.random.default_rng(3)
    touched = rng.random((ROWS, COLUMNS)) < 0.02
    written = 0
    for run in runs(touched, ColourDepth.TRUECOLOUR):
        part = buffer.cells.part(slice(run.row, run.row + 1), slice(run.first, run.last))
        written += len(f"\x1b[{run.row + 1};{run.first + 1}H{sgr.encode(part)[0]}{sgr.RESET}".encode())
    assert written <= weight(buffer.cells, touched, ColourDepth.TRUECOLOUR) <= 1.3 * written


@pytest.mark.parametrize("tolerance", [0, 16, 255])
def test_calm_colours_stay_within_the_tolerance_and_where_they_may(tolerance: int) -> None:
    pixels = photo(40, 24, seed=5)
    where = np.zeros((12, 40), np.bool_)
    where[2:9, 5:30] = True
    found = calm(pixels, where, tolerance).astype(int)
    wide = where.repeat(2, axis=0)
    np.testing.assert_array_equal(found[~wide], pixels[~wide])
    assert np.abs(found - pixels).max() <= tolerance
    if tolerance == 255:
        one = found.reshape(12, 2, 40, 3)[2:9, :, 5:30]
        assert (one == one[:, :1, :1]).all(), "each row of a run has one colour"


def test_colours_of_the_cube_are_not_dithered() -> None:
    pixels = nearest_cube(noise(32, 32))
    shown = codes(pixels, ColourDepth.PALETTE, 0, 0)
    again = codes(pixels, ColourDepth.PALETTE, 1, 3)
    np.testing.assert_array_equal(shown, again)


def test_a_large_ring_is_left_out_while_painting() -> None:
    view = View(columns=COLUMNS, rows=ROWS, zoom=1.0, centre=(64.0, 64.0))
    for radius, seen in ((LARGE_RING - 1.0, True), (LARGE_RING + 8.0, False)):
        resting = draw(view, Overlay(cursor=(64.5, 64.5), radius=radius), (), None)
        painting = draw(view, Overlay(cursor=(64.5, 64.5), radius=radius, painting=True), (), None)
        assert np.array_equal(painting, resting) is seen
        assert np.count_nonzero(painting) >= 1


@pytest.mark.parametrize("budget", [3_000, 8_000])
def test_a_preview_of_the_whole_picture_costs_no_more_than_the_link_bears(budget: int) -> None:
    scene = start()
    buffer = buffer_of(scene, ColourDepth.TRUECOLOUR)
    assert buffer.raster is not None
    whole = Box(0, 0, 128, 128)
    buffer.raster = Raster(replace(scene, picture=photo(128, 128, seed=9)))
    touched = buffer.repaint_box(whole, budget)
    exact = buffer_of(buffer.raster.scene, ColourDepth.TRUECOLOUR)
    assert weight(exact.cells, touched, ColourDepth.TRUECOLOUR) > 10 * budget
    assert weight(buffer.cells, touched, ColourDepth.TRUECOLOUR) <= 2.5 * budget, "one colour a row is the coarsest"


def test_a_coarse_repaint_leaves_alone_what_looks_the_same() -> None:
    scene = start()
    buffer = buffer_of(scene, ColourDepth.TRUECOLOUR)
    kept = buffer.cells.fg.copy()
    picture = scene.picture.copy()
    picture[40:80, 40:80] = photo(40, 40, seed=4)
    buffer.raster = Raster(replace(scene, picture=picture))
    asked: list[int] = []

    def tolerance(cells: int) -> int:
        asked.append(cells)
        return 64

    touched = buffer.repaint(tolerance)
    assert asked[0] < 40 * 22, "the coarseness is that of what is new"
    assert 0 < np.count_nonzero(touched) <= asked[0]
    np.testing.assert_array_equal(buffer.cells.fg[~touched], kept[~touched])
    assert buffer.coarse.sum() == asked[0]
    while (row := buffer.next_coarse(0)) is not None:
        buffer.refine(row, row + 1)
    assert not buffer.cells.differ(buffer_of(buffer.raster.scene, ColourDepth.TRUECOLOUR).cells).any()
