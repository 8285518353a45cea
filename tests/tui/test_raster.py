"""The canvas shows the picture, the mask and their surroundings; a part painted anew equals the whole."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retouch.geometry import Box
from retouch_tui.frame_buffer import FrameBuffer, runs
from retouch_tui.overlay import CONTRAST, Outline, Overlay, draw, ellipse, labels
from retouch_tui.pyramid import Pyramid
from retouch_tui.raster import CHECKER, SURROUNDINGS, TINTS, Look, Raster, Scene, Side, Tint
from retouch_tui.terminal.cells import GlyphMode
from retouch_tui.terminal.colour import ColourDepth, Pixels
from retouch_tui.view import View, next_zoom
from terminal_support.pictures import discs, noise, photo

WIDTH, HEIGHT = 97, 61


def scene(**changes: object) -> Scene:
    return replace(Scene(picture=photo(WIDTH, HEIGHT), mask=discs(WIDTH, HEIGHT)), **changes)


def bare(**changes: object) -> Scene:
    return scene(mask=np.zeros((HEIGHT, WIDTH), np.uint8), **changes)


def view(zoom: float = 1.0, centre: tuple[float, float] = (48.0, 30.0), across: int = 1) -> View:
    return View(columns=40, rows=12, zoom=zoom, centre=centre, across=across)


def render(of: Scene, at: View, look: Look | None = None) -> Pixels:
    whole = Box(0, 0, at.width, at.height)
    return Raster(of).render(at, Look() if look is None else look, whole)[0]


def test_one_to_one_shows_the_pixels_themselves() -> None:
    at = view()
    left, top = (round(value) for value in at.origin)
    expected = photo(WIDTH, HEIGHT)[top : top + at.height, left : left + at.width]
    np.testing.assert_array_equal(render(bare(), at), expected)


@pytest.mark.parametrize("zoom", [2, 4, 16])
def test_enlarged_pixels_are_squares(zoom: int) -> None:
    at = view(zoom, (48.0, 30.0))
    left, top = at.origin
    picture = photo(WIDTH, HEIGHT).repeat(zoom, axis=0).repeat(zoom, axis=1)
    x, y = round(left * zoom), round(top * zoom)
    np.testing.assert_array_equal(render(bare(), at), picture[y : y + at.height, x : x + at.width])


@pytest.mark.parametrize("shrink", [2, 4, 8])
def test_a_smaller_view_shows_means(shrink: int) -> None:
    picture = noise(320, 192)
    at = View(columns=320 // shrink, rows=192 // shrink // 2, zoom=1 / shrink, centre=(160.0, 96.0))
    means = picture.reshape(192 // shrink, shrink, 320 // shrink, shrink, 3).mean(axis=(1, 3))
    shown = render(Scene(picture=picture, mask=np.zeros((192, 320), np.uint8)), at)
    # Up to three halvings, each rounded by half a level at most.
    np.testing.assert_allclose(shown, means, atol=1.5)


def test_a_view_between_two_sizes_keeps_a_flat_picture_flat() -> None:
    flat = np.full((HEIGHT, WIDTH, 3), (3, 250, 77), np.uint8)
    at = view(0.37)
    shown = render(bare(picture=flat), at)
    inside = (shown != SURROUNDINGS).any(axis=-1)
    assert inside.any()
    assert np.unique(shown[inside], axis=0).tolist() == [[3, 250, 77]]


VIEWS = {
    "fit": view(0.4),
    "between": view(0.83, (40.2, 33.3)),
    "one": view(),
    "close": view(5.3, (60.1, 20.9)),
    "corner": view(2.0, (2.0, 1.0)),
    "quadrants": view(0.7, across=2),
}
LOOKS = {
    "plain": Look(),
    "mask only": Look(mask_only=True),
    "red": Look(tint=Tint.RED),
    "wipe": Look(side=Side.WIPE, wipe=0.3),
    "before": Look(side=Side.BEFORE),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
@pytest.mark.parametrize("at", VIEWS.values(), ids=VIEWS)
def test_a_block_equals_its_part_of_the_whole(at: View, look: Look) -> None:
    raster = Raster(
        scene(compare=noise(WIDTH, HEIGHT), frame=Box(-9, -5, WIDTH + 12, HEIGHT), alpha=255 - discs(WIDTH, HEIGHT, 5))
    )
    whole, cover = raster.render(at, look, Box(0, 0, at.width, at.height))
    for block in (Box(0, 0, 4, 4), Box(6, 4, 22, 16), Box(at.width - 6, at.height - 8, at.width, at.height)):
        part, part_cover = raster.render(at, look, block)
        np.testing.assert_array_equal(part, whole[block.slices])
        np.testing.assert_array_equal(part_cover, cover[block.slices])


boxes = st.tuples(st.integers(-5, 90), st.integers(-5, 55), st.integers(1, 40), st.integers(1, 30)).map(
    lambda at: Box(at[0], at[1], at[0] + at[2], at[1] + at[3])
)


@settings(deadline=None, max_examples=40)
@given(box=boxes, at=st.sampled_from(list(VIEWS.values())), depth=st.sampled_from(list(ColourDepth)))
def test_a_stroke_repaints_what_showing_everything_would(box: Box, at: View, depth: ColourDepth) -> None:
    before = scene()
    inside = box.clamp(before.size)
    mask, strokes = before.mask.copy(), np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    mask[inside.slices] = 255 - mask[inside.slices]
    strokes[inside.slices] = (250, 20, 90, 200)
    after = replace(before, mask=mask, strokes=strokes)

    def buffer(of: Scene) -> FrameBuffer:
        made = FrameBuffer(depth, GlyphMode.HALF if at.across == 1 else GlyphMode.QUADRANT)
        made.resize(at.columns, at.rows)
        made.view, made.raster = replace(at, across=made.glyphs.across), Raster(of)
        made.repaint()
        return made

    followed, fresh = buffer(before), buffer(after)
    old = followed.cells.part(slice(None), slice(None))
    old = replace(old, glyph=old.glyph.copy(), fg=old.fg.copy(), bg=old.bg.copy())
    assert followed.raster is not None
    followed.raster.follow(after, box)
    touched = followed.repaint_box(box)
    assert not followed.cells.differ(fresh.cells).any()
    np.testing.assert_array_equal(touched, old.differ(fresh.cells))


@settings(deadline=None, max_examples=30)
@given(box=boxes, level=st.integers(0, 6))
def test_a_mended_pyramid_equals_a_new_one(box: Box, level: int) -> None:
    old, new = noise(WIDTH, HEIGHT), noise(WIDTH, HEIGHT)
    changed = box.clamp(scene().size)
    new[changed.slices] = 255 - new[changed.slices]
    pyramid, fresh = Pyramid(old), Pyramid(new)
    scale = 0.5**level
    count = (max(WIDTH >> level, 1), max(HEIGHT >> level, 1))
    pyramid.sample((scale, scale), (0, 0), count)
    pyramid.replace(new, changed)
    np.testing.assert_array_equal(
        pyramid.sample((scale, scale), (0, 0), count), fresh.sample((scale, scale), (0, 0), count)
    )


def test_nothing_writes_into_the_scene() -> None:
    arrays = [photo(WIDTH, HEIGHT), discs(WIDTH, HEIGHT), noise(WIDTH, HEIGHT)]
    for array in arrays:
        array.flags.writeable = False
    of = Scene(picture=arrays[0], mask=arrays[1], compare=arrays[2])
    raster = Raster(of)
    raster.render(view(0.3), Look(side=Side.WIPE), Box(0, 0, 40, 24))
    raster.follow(of, Box(3, 3, 40, 40))


def test_the_tint_is_a_part_of_the_colour_and_the_edge_is_lighter() -> None:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[20:40, 40:60] = 255
    at = view()
    plain, tinted = render(bare(), at), render(scene(mask=mask), at)
    left, top = (round(value) for value in at.origin)
    inner = np.s_[21 - top : 39 - top, 41 - left : 59 - left]
    fill, edge = TINTS[Tint.BLUE]
    # 55 % of the tint, to the nearest level.
    np.testing.assert_allclose(tinted[inner], plain[inner] * 0.45 + np.array(fill) * 0.55, atol=0.51)
    ring = np.zeros(tinted.shape[:2], np.bool_)
    ring[20 - top : 40 - top, 40 - left : 60 - left] = True
    ring[inner] = False
    assert (tinted[ring] == edge).all()
    ring[inner] = True
    np.testing.assert_array_equal(tinted[~ring], plain[~ring])


def test_without_a_tint_the_mask_is_not_seen() -> None:
    np.testing.assert_array_equal(render(scene(), view(), Look(tint=Tint.OFF)), render(bare(), view()))


def test_tints_come_round() -> None:
    assert Tint.BLUE.following().following().following() is Tint.BLUE


def test_half_a_pixel_of_mask_shows_half_the_tint() -> None:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[:, ::2] = 255
    shown = Raster(scene(mask=mask)).render(view(0.5), Look(), Box(4, 4, 20, 12))[1]
    np.testing.assert_allclose(shown, 127.5, atol=0.5)


def test_mask_only_shows_the_mask() -> None:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[30:, 48:] = 255
    shown = render(scene(mask=mask), view(), Look(mask_only=True))
    assert set(np.unique(shown)) == {0, 255}
    assert (shown[12, 20] == 255).all()
    assert (shown[11, 20] == 0).all()


def test_wipe_shows_before_on_the_left_and_after_on_the_right() -> None:
    before = noise(WIDTH, HEIGHT, seed=9)
    of, at = bare(compare=before), view()
    wiped = render(of, at, Look(side=Side.WIPE, wipe=0.25))
    np.testing.assert_array_equal(wiped[:, :10], render(of, at, Look(side=Side.BEFORE))[:, :10])
    np.testing.assert_array_equal(wiped[:, 11:], render(of, at, Look(side=Side.AFTER))[:, 11:])
    assert (render(of, at, Look(side=Side.BEFORE)) != render(of, at)).any()


def test_outside_is_plain_and_inside_the_frame_checkered() -> None:
    at = view(1.0, (0.0, 0.0))
    shown = render(bare(frame=Box(-8, -8, WIDTH, HEIGHT)), at)
    left, top = (round(value) for value in at.origin)
    assert (shown[-top - 9, -left - 9] == SURROUNDINGS).all()
    framed = shown[-top - 8 : -top, -left - 8 : -left].reshape(-1, 3)
    assert {tuple(pixel) for pixel in framed.tolist()} == set(CHECKER)


def test_transparent_pixels_show_the_checker() -> None:
    clear = np.zeros((HEIGHT, WIDTH), np.uint8)
    shown = render(bare(alpha=clear), view()).reshape(-1, 3)
    assert {tuple(pixel) for pixel in shown.tolist()} == set(CHECKER)


def test_a_view_and_its_inverse_cancel() -> None:
    for at in VIEWS.values():
        column, row = 13.25, 7.75
        x, y = at.to_pixel(at.to_picture(column, row))
        # Two roundings of float64.
        np.testing.assert_allclose((x / at.across, y / 2), (column, row), atol=1e-9)


@pytest.mark.parametrize("zoom", [0.1, 0.9, 3.0, 16.0])
def test_zooming_keeps_the_anchor_in_place(zoom: float) -> None:
    at, anchor = view(0.6), (70.0, 12.0)
    before, after = at.to_pixel(anchor), at.zoomed(zoom, anchor).to_pixel(anchor)
    # The origin of each view is snapped to whole pixels: half a pixel of each at most.
    np.testing.assert_allclose(after, before, atol=1.01)


def test_fit_shows_the_whole_picture_and_touches_two_edges() -> None:
    at = view().fitted(Box(0, 0, WIDTH, HEIGHT))
    assert at.shows((0.0, 0.0))
    assert at.shows((WIDTH - 0.01, HEIGHT - 0.01))
    assert HEIGHT * at.zoom == pytest.approx(at.height) or WIDTH * at.zoom == pytest.approx(at.width)


def test_zoom_steps_go_in_and_come_back_to_fit() -> None:
    fit, zoom = 0.23, 0.23
    visited = []
    while zoom < 16:
        zoom = next_zoom(zoom, fit, closer=True)
        visited.append(zoom)
    assert visited == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0]
    for _ in visited:
        zoom = next_zoom(zoom, fit, closer=False)
    assert zoom == fit == next_zoom(fit, fit, closer=False)


def test_the_brush_outline_lies_at_its_radius() -> None:
    at = view(2.0)
    ink = draw(at, Overlay(cursor=(48.0, 30.0), radius=5.0), (), None)
    rows, columns = np.nonzero(ink == CONTRAST)
    x, y = at.to_pixel((48.0, 30.0))
    away = np.hypot(columns + 0.5 - x, rows + 0.5 - y)
    # A line one pixel wide: its pixels' centres lie within a diagonal half pixel and the snapping of the arc.
    np.testing.assert_allclose(away, 10.0, atol=1.0)
    assert len(rows) > 40


def test_a_tiny_brush_is_still_seen() -> None:
    ink = draw(view(0.1), Overlay(cursor=(48.0, 30.0), radius=1.0), (), None)
    assert np.count_nonzero(ink) == 1


def test_the_crosshair_leaves_its_centre_free() -> None:
    at = view(1.0)
    ink = draw(at, Overlay(cursor=(48.5, 30.5), crosshair=True), (), None)
    x, y = (int(value) for value in at.to_pixel((48.5, 30.5)))
    assert ink[y, x] == 0
    assert ink[y, x + 2] == ink[y - 2, x] == CONTRAST


def test_pointing_elsewhere_touches_only_the_two_places() -> None:
    buffer = FrameBuffer(ColourDepth.TRUECOLOUR, GlyphMode.HALF)
    buffer.resize(40, 12)
    buffer.view, buffer.raster = view(), Raster(bare())
    buffer.repaint()
    clean = buffer.cells.glyph.copy(), buffer.cells.fg.copy(), buffer.cells.bg.copy()
    buffer.point(Overlay(cursor=(40.0, 30.0), radius=3.0))
    touched = buffer.point(Overlay(cursor=(55.0, 30.0), radius=3.0))
    columns = np.nonzero(touched)[1]
    x = np.array([view().to_pixel(at)[0] for at in ((40.0, 30.0), (55.0, 30.0))])
    assert (np.abs(columns[:, None] + 0.5 - x).min(axis=1) < 5).all()
    buffer.point(Overlay())
    now = buffer.cells
    assert all((a == b).all() for a, b in zip(clean, (now.glyph, now.fg, now.bg), strict=True))


def test_outlines_and_labels_outside_the_canvas_are_left_out() -> None:
    far = (Outline(points=((900.0, 900.0), (950.0, 980.0))), ellipse(Box(-900, -900, -880, -890)))
    assert not draw(view(), Overlay(cursor=(-500.0, 3.0), radius=9.0, outlines=far), (), None).any()
    assert labels(view(), ((Box(900, 900, 950, 950), "1"),)) == ()


def test_regions_are_numbered_at_their_corner() -> None:
    buffer = FrameBuffer(ColourDepth.TRUECOLOUR, GlyphMode.HALF)
    buffer.resize(40, 12)
    at = view()
    buffer.view, buffer.raster = at, Raster(bare(regions=((Box(40, 24, 60, 44), "7"),)))
    buffer.repaint()
    x, y = at.to_pixel((40, 24))
    assert buffer.cells.text(int(y) // 2)[int(x) : int(x) + 3] == " 7 "


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 999), share=st.floats(0, 0.4))
def test_runs_hold_every_touched_cell_and_little_else(seed: int, share: float) -> None:
    touched = np.random.default_rng(seed).random((9, 31)) < share
    drawn = np.zeros_like(touched)
    for run in runs(touched, ColourDepth.TRUECOLOUR):
        assert touched[run.row, run.first]
        assert touched[run.row, run.last - 1]
        assert not drawn[run.row, run.first : run.last].any()
        drawn[run.row, run.first : run.last] = True
        gap = ~touched[run.row, run.first : run.last]
        assert not (gap[:-2] & gap[1:-1] & gap[2:]).any()
    assert (drawn | ~touched).all()


def test_a_change_of_most_cells_is_written_in_whole_rows() -> None:
    touched = np.random.default_rng(1).random((9, 31)) < 0.8
    touched[4] = False
    found = [(run.row, run.first, run.last) for run in runs(touched, ColourDepth.ANSI)]
    assert found == [(row, 0, 31) for row in range(9) if row != 4]
