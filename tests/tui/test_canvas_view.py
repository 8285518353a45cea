"""The canvas tells where on the picture the pointer is, and shows what it is given."""

from dataclasses import replace

import numpy as np
import pytest
from textual import events
from textual.pilot import Pilot

from retouch.geometry import Box
from retouch_tui.overlay import Overlay
from retouch_tui.raster import Look, Scene, Tint
from retouch_tui.view import MAXIMUM_ZOOM
from retouch_tui.widgets.canvas_view import CanvasView
from terminal_support.canvas_app import CanvasApp, empty_scene
from terminal_support.pictures import discs, photo

SIZE = (96, 24)
WIDE = 128
"""The picture's side; at 80x24 cells and zoom 1 a cell is 1x2 picture pixels."""


def app() -> CanvasApp:
    return CanvasApp(empty_scene(WIDE, WIDE))


async def one_to_one(of: CanvasApp, pilot: Pilot[None]) -> None:
    await pilot.pause()
    of.canvas.set_view(1.0, (64.0, 64.0))
    await pilot.pause()
    of.seen.clear()


def told(of: CanvasApp) -> list[tuple[str, float, float]]:
    messages = [message for message in of.seen if isinstance(message, CanvasView.Pointer)]
    return [(type(message).__name__, message.x, message.y) for message in messages]


async def test_a_drag_is_pressed_moved_released_at_the_middle_of_cells() -> None:
    of = app()
    async with of.run_test(size=SIZE) as pilot:
        await one_to_one(of, pilot)
        left, top = of.canvas.view.origin
        await pilot.mouse_down(of.canvas, offset=(10, 5))
        await pilot.hover(of.canvas, offset=(14, 6))
        await pilot.mouse_up(of.canvas, offset=(14, 6))
        await pilot.pause()
        first, last = (left + 10.5, top + 11.0), (left + 14.5, top + 13.0)
        # Pilot moves before it presses, and once more before it lets go.
        assert told(of) == [("Moved", *first), ("Pressed", *first), *[("Moved", *last)] * 2, ("Released", *last)]
        assert [m.dragging for m in of.seen if isinstance(m, CanvasView.Moved)] == [False, True, True]


def pointer(kind: type[events.MouseEvent], x: float, y: float, button: int) -> events.MouseEvent:
    return kind(None, x, y, 0, 0, button, False, False, False, screen_x=x, screen_y=y)


async def test_pixel_mice_are_taken_at_their_word() -> None:
    of = app()
    async with of.run_test(size=SIZE) as pilot:
        await one_to_one(of, pilot)
        region, (left, top) = of.canvas.region, of.canvas.view.origin
        for eighth in range(1, 9):
            at = (region.x + 20 + eighth / 8, region.y + 4 + eighth / 16)
            of.screen._forward_event(pointer(events.MouseMove, *at, 0))
        await pilot.pause()
        assert told(of) == [("Moved", left + 20 + n / 8, top + 8 + n / 8) for n in range(1, 9)]


@pytest.mark.parametrize("button", [1, 3], ids=["left", "right"])
async def test_a_drag_goes_on_outside_the_canvas(button: int) -> None:
    of = app()
    async with of.run_test(size=SIZE) as pilot:
        await one_to_one(of, pilot)
        await pilot.mouse_down(of.canvas, offset=(2, 2), button=button)
        await pilot.hover("#right", offset=(2, 2))
        await pilot.mouse_up("#right", offset=(2, 2))
        await pilot.pause()
        last = of.seen[-1]
        assert isinstance(last, CanvasView.Released)
        assert (last.button, of.app.mouse_captured) == (button, None)
        assert last.x > of.canvas.view.to_picture(of.canvas.view.columns, 0)[0]


async def test_the_middle_button_drags_the_view_and_draws_nothing() -> None:
    of = app()
    async with of.run_test(size=SIZE) as pilot:
        await one_to_one(of, pilot)
        before = of.canvas.view.to_picture(10, 5)
        await pilot.mouse_down(of.canvas, offset=(10, 5), button=2)
        await pilot.hover(of.canvas, offset=(4, 8))
        await pilot.mouse_up(of.canvas, offset=(4, 8))
        await pilot.pause()
        assert of.canvas.view.to_picture(4, 8) == before
        assert not any(isinstance(m, CanvasView.Pressed | CanvasView.Released) for m in of.seen)
        assert not of.canvas.fitted


async def test_the_wheel_tells_its_direction_and_place() -> None:
    of = app()
    async with of.run_test(size=SIZE) as pilot:
        await one_to_one(of, pilot)
        region, (left, top) = of.canvas.region, of.canvas.view.origin
        for kind in (events.MouseScrollUp, events.MouseScrollDown):
            of.screen._forward_event(pointer(kind, region.x + 3, region.y + 3, 0))
        await pilot.pause()
        assert [(m.steps, m.x, m.y) for m in of.seen if isinstance(m, CanvasView.Scrolled)] == [
            (1, left + 3.5, top + 7),
            (-1, left + 3.5, top + 7),
        ]


def cells(of: CanvasApp) -> np.ndarray:
    held = of.canvas._buffer.cells
    return np.stack([held.fg, held.bg, held.glyph.astype(np.int32)])


async def test_updating_a_box_shows_what_showing_the_scene_does() -> None:
    of, box = app(), Box(30, 40, 70, 80)
    async with of.run_test(size=SIZE) as pilot:
        await pilot.pause()
        mask = of.scene.mask.copy()
        mask[box.slices] = discs(40, 40)
        changed = replace(of.scene, mask=mask)
        of.canvas.update(box, changed)
        updated = cells(of).copy()
        of.canvas.show(changed)
        np.testing.assert_array_equal(updated, cells(of))


async def test_arrays_changed_in_place_are_seen_where_the_canvas_is_told() -> None:
    of, box = app(), Box(30, 40, 70, 80)
    async with of.run_test(size=SIZE) as pilot:
        await pilot.pause()
        before = cells(of).copy()
        of.scene.mask[box.slices] = 255
        of.canvas.update(box)
        assert (before != cells(of)).any()


@pytest.mark.parametrize(
    "change",
    [{"compare": photo(WIDE, WIDE, 3)}, {"regions": ((Box(10, 10, 40, 40), "1"),)}, {"frame": Box(-20, 0, 128, 128)}],
    ids=["compare", "regions", "frame"],
)
async def test_an_update_with_something_else_new_shows_all_of_it(change: dict[str, object]) -> None:
    of = app()
    async with of.run_test(size=SIZE) as pilot:
        await pilot.pause()
        changed = replace(of.scene, **change)
        of.canvas.update(Box(0, 0, 1, 1), changed)
        updated = cells(of).copy()
        of.canvas.show(changed)
        np.testing.assert_array_equal(updated, cells(of))


async def test_a_picture_of_another_size_is_fitted() -> None:
    of = app()
    async with of.run_test(size=SIZE) as pilot:
        await one_to_one(of, pilot)
        of.canvas.show(Scene(picture=photo(400, 300), mask=np.zeros((300, 400), np.uint8)))
        assert of.canvas.fitted
        assert of.canvas.view.shows((0.5, 0.5))
        assert of.canvas.view.shows((399.5, 299.5))


async def test_zoom_is_limited_and_the_middle_stays_on_the_picture() -> None:
    of = app()
    async with of.run_test(size=SIZE) as pilot:
        await pilot.pause()
        for _ in range(12):
            of.canvas.zoom_in((100.0, 20.0))
        assert of.canvas.view.zoom == MAXIMUM_ZOOM
        of.canvas.pan(-1e6, 1e6)
        assert of.canvas.view.centre == (0.0, float(WIDE))
        for _ in range(12):
            of.canvas.zoom_out()
        assert of.canvas.fitted


async def test_a_look_can_be_taken_back() -> None:
    of = CanvasApp(replace(empty_scene(WIDE, WIDE), mask=discs(WIDE, WIDE)))
    async with of.run_test(size=SIZE) as pilot:
        await pilot.pause()
        before = cells(of).copy()
        of.canvas.set_look(Look(tint=Tint.OFF))
        of.canvas.set_overlay(Overlay(cursor=(40.0, 40.0), radius=9))
        assert (before != cells(of)).any()
        of.canvas.set_look(Look())
        of.canvas.set_overlay(Overlay())
        np.testing.assert_array_equal(before, cells(of))


async def test_without_a_scene_it_is_blank() -> None:
    of = CanvasApp(empty_scene(8, 8))
    of.on_mount = lambda: None  # type: ignore[method-assign]
    async with of.run_test(size=SIZE) as pilot:
        await pilot.pause()
        of.canvas.update(Box(0, 0, 4, 4))
        of.canvas.fit()
        of.canvas.zoom_in()
        await pilot.pause()
        assert of.canvas.render_line(3).text.strip() == ""


async def test_the_first_steps_of_a_tiny_terminal_do_no_harm() -> None:
    of = app()
    async with of.run_test(size=(20, 2)) as pilot:
        await pilot.pause()
        await pilot.resize_terminal(16, 1)
        await pilot.pause()
        await pilot.resize_terminal(60, 20)
        await pilot.pause()
        assert of.canvas.view.rows == 20
        assert of.canvas.view.shows((127.0, 127.0))
