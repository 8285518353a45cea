"""A change costs the bytes of its own cells, wherever it is, and the screen ends up showing the canvas."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest
from textual.app import ComposeResult
from textual.widgets import Static

from retouch.geometry import Box
from retouch_tui.overlay import Overlay
from retouch_tui.terminal.link import PacedModal, PacedScreen
from retouch_tui.terminal.pacer import QUERY
from retouch_tui.widgets.canvas_view import CanvasView
from terminal_support.canvas_app import CanvasApp, empty_scene
from terminal_support.recording import RecordingDriver, settle
from terminal_support.vt import Screen

SIZE = (176, 59)
BUDGET = 2_000
"""Bytes of a dab: what a 1 Mbit/s link carries in the sixtieth of a second between two frames."""


def app() -> CanvasApp:
    made = CanvasApp(empty_scene())
    made.driver_class = RecordingDriver
    return made


def driver(of: CanvasApp) -> RecordingDriver:
    assert isinstance(of._driver, RecordingDriver)
    return of._driver


def dab(of: CanvasApp, x: int, y: int, radius: int = 12) -> None:
    """Paint a disc and let the brush outline follow, as the app does for each move of the mouse."""
    box = Box(x - radius, y - radius, x + radius + 1, y + radius + 1).clamp(of.scene.size)
    mask = of.scene.mask.copy()
    yy, xx = np.mgrid[box.top : box.bottom, box.left : box.right]
    mask[box.slices][(xx - x) ** 2 + (yy - y) ** 2 <= radius**2] = 255
    of.scene = replace(of.scene, mask=mask)
    of.canvas.update(box, of.scene)
    of.canvas.set_overlay(Overlay(cursor=(x + 0.5, y + 0.5), radius=radius))


def check_screen(of: CanvasApp, screen: Screen) -> None:
    """What the terminal shows is what the canvas holds."""
    region = of.canvas.region
    pixels = screen.half_pixels(region.x, region.y, region.width, region.height)
    np.testing.assert_array_equal(pixels, shown_by(of.canvas))


def shown_by(canvas: CanvasView) -> np.ndarray:
    cells = canvas._buffer.cells
    codes = np.stack([cells.fg, cells.bg], axis=1).reshape(-1, cells.columns)
    return np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=-1).astype(np.uint8)


@pytest.fixture
def places() -> dict[str, tuple[int, int]]:
    return {"upper left": (14, 14), "middle": (256, 256), "right edge": (500, 250), "lower right": (505, 505)}


async def test_a_dab_costs_its_own_cells_anywhere(places: dict[str, tuple[int, int]]) -> None:
    of = app()
    async with of.run_test(headless=False, size=SIZE):
        await settle(of)
        screen = Screen(*SIZE)
        screen.feed(driver(of).taken())
        sizes = {}
        for name, (x, y) in places.items():
            dab(of, x, y)
            await settle(of)
            text = driver(of).taken()
            sizes[name] = len(text.encode())
            screen.feed(text)
        assert max(sizes.values()) <= BUDGET, sizes
        assert min(sizes.values()) > 100, sizes
        check_screen(of, screen)


async def test_a_stroke_over_what_is_masked_already_writes_nothing() -> None:
    of = app()
    async with of.run_test(headless=False, size=SIZE):
        dab(of, 300, 300)
        await settle(of)
        driver(of).taken()
        dab(of, 300, 300)
        await settle(of)
        assert driver(of).taken() == ""


async def test_the_view_on_the_screen_follows_zoom_and_size() -> None:
    of = app()
    async with of.run_test(headless=False, size=(60, 20)) as pilot:
        screen = Screen(60, 20)
        await settle(of)
        for change in (of.canvas.zoom_in, of.canvas.zoom_in, lambda: of.canvas.pan(7, 5), of.canvas.fit):
            change()
            await settle(of)
        screen.feed(driver(of).taken())
        check_screen(of, screen)
        await pilot.resize_terminal(70, 16)
        await settle(of)
        assert (of.canvas.view.columns, of.canvas.view.rows) == (of.canvas.size.width, 16)
        assert of.canvas.view.shows((511.0, 511.0))


async def test_frames_wait_for_the_terminal_and_merge() -> None:
    of = app()
    async with of.run_test(headless=False, size=SIZE):
        await settle(of)
        terminal, screen = driver(of), Screen(*SIZE)
        terminal.answering = False
        screen.feed(terminal.taken())
        of.canvas.set_view(1.0, (256.0, 256.0))
        await settle(of)
        first = terminal.taken()
        assert first.count(QUERY) == 1
        for x in range(200, 300, 10):
            dab(of, x, 256)
            await settle(of)
        assert terminal.taken() == ""
        terminal.answer()
        await settle(of)
        merged = terminal.taken()
        assert merged.count(QUERY) == 1
        screen.feed(first + merged)
        check_screen(of, screen)


async def test_a_merged_frame_brings_the_screen_up_to_date() -> None:
    of = app()
    async with of.run_test(headless=False, size=SIZE):
        screen = Screen(*SIZE)
        await settle(of)
        terminal = driver(of)
        terminal.answering = False
        of.canvas.set_view(1.0, (256.0, 256.0))
        await settle(of)
        for x in range(200, 300, 10):
            dab(of, x, 256)
        terminal.answering = True
        terminal.answer()
        await settle(of)
        screen.feed(terminal.taken())
        check_screen(of, screen)


async def test_a_slow_link_gets_a_coarse_picture_that_becomes_exact() -> None:
    of = app()
    async with of.run_test(headless=False, size=SIZE):
        await settle(of)
        terminal = driver(of)
        screen = Screen(*SIZE)
        screen.feed(terminal.taken())
        of.pacer._rate = 500_000.0
        of.canvas.set_view(1.0, (256.0, 256.0))
        await settle(of)
        coarse = terminal.taken()
        screen.feed(coarse)
        # A full repaint at 36 bytes a cell would take 0.7 s of this link; it may take a quarter.
        assert len(coarse) < 9_000 * 36 / 2
        bands = 0
        while of.canvas._refining is not None and bands < 400:
            await settle(of)
            bands += 1
        screen.feed(terminal.taken())
        exact = of.canvas._buffer.cells.glyph.copy()
        of.canvas._buffer.repaint()
        assert (of.canvas._buffer.cells.glyph == exact).all()
        check_screen(of, screen)


async def test_the_svg_of_a_screen_holds_the_picture() -> None:
    of = CanvasApp(empty_scene(64, 64))
    async with of.run_test(size=(60, 20)) as pilot:
        await pilot.pause()
        svg = of.export_screenshot()
    assert svg.count("▀") > 100


async def test_what_goes_behind_the_frames_comes_after_the_frame_that_waits() -> None:
    of = app()
    async with of.run_test(headless=False, size=SIZE):
        await settle(of)
        terminal = driver(of)
        terminal.answering = False
        of.canvas.set_view(1.0, (256.0, 256.0))
        await settle(of)
        terminal.taken()
        of.canvas.set_view(2.0, (256.0, 256.0))
        of.write_to_terminal("PICTURE")
        await settle(of)
        assert terminal.taken() == ""
        terminal.answering = True
        terminal.answer()
        await settle(of)
        text = terminal.taken()
        assert text.index("▀") < text.index("PICTURE")
        assert "▀" not in text.partition("PICTURE")[2]


class Glass(PacedModal[None]):
    """A dialog one sees through."""

    CSS = "Glass { background: transparent; align: center middle; } Glass Static { width: 20; height: 1; }"

    def compose(self) -> ComposeResult:
        """Say something in the middle."""
        yield Static("a dialog")


class Wall(Glass):
    """A dialog that hides all else."""

    CSS = "Wall { background: black; }"


@pytest.mark.parametrize("dialog", [Glass, Wall], ids=["seen through", "hidden"])
async def test_a_change_below_a_dialog_costs_its_own_cells(dialog: type[Glass]) -> None:
    of = app()
    async with of.run_test(headless=False, size=(60, 20)):
        screen = Screen(60, 20)
        await settle(of)
        of.push_screen(dialog())
        await settle(of)
        screen.feed(driver(of).taken())
        assert any("a dialog" in row for row in screen.rows())
        of.screen_stack[0].query_one(Static).update("changed")
        for _ in range(30):
            await asyncio.sleep(1 / 120)
        text = driver(of).taken()
        screen.feed(text)
        assert ("changed" in screen.rows()[0]) == (dialog is Glass)
        assert len(text) < 500
        of.pop_screen()
        await settle(of)
        screen.feed(driver(of).taken())
        assert "changed" in screen.rows()[0]
        check_screen(of, screen)


async def test_nothing_is_forgotten_when_a_held_frame_comes_out_of_turn() -> None:
    of = app()
    async with of.run_test(headless=False, size=(60, 20)):
        screen = Screen(60, 20)
        await settle(of)
        terminal, top, label = driver(of), of.screen, of.query_one(Static)
        assert isinstance(top, PacedScreen)
        terminal.answering = False
        of.pacer.sent(10**6)
        dab(of, 256, 256)
        await settle(of)
        label.update("changed", layout=False)
        # The widget has told the screen, whose timer has not come round yet when the terminal answers.
        label._repaint_required = False
        top._dirty_widgets.add(label)
        of.pacer.acknowledged()
        top.go_on()
        terminal.answering = True
        await settle(of)
        screen.feed(terminal.taken())
        assert "changed" in screen.rows()[0]
        check_screen(of, screen)


async def test_a_batch_of_changes_keeps_what_was_held() -> None:
    of = app()
    async with of.run_test(headless=False, size=(60, 20)):
        screen = Screen(60, 20)
        await settle(of)
        terminal = driver(of)
        terminal.answering = False
        of.pacer.sent(10**6)
        terminal.owed += 1
        of.query_one(Static).update("changed")
        await settle(of)
        with of.batch_update():
            terminal.answering = True
            terminal.answer()
            for _ in range(20):
                await asyncio.sleep(0.005)
        await settle(of)
        for _ in range(20):
            await asyncio.sleep(0.01)
        screen.feed(terminal.taken())
        assert "changed" in screen.rows()[0]


async def test_a_dialog_costs_its_own_cells_and_so_does_its_end() -> None:
    of = app()
    async with of.run_test(headless=False, size=SIZE):
        screen = Screen(*SIZE)
        await settle(of)
        screen.feed(driver(of).taken())
        of.push_screen(Glass())
        await settle(of)
        opened = driver(of).taken()
        screen.feed(opened)
        assert any("a dialog" in row for row in screen.rows())
        of.pop_screen()
        await settle(of)
        closed = driver(of).taken()
        screen.feed(closed)
        check_screen(of, screen)
        # 20 cells of text; as many of the canvas, and the line that has the focus.
        assert len(opened) < 500
        assert len(closed) < 6_000


async def test_a_redraw_writes_the_whole_screen() -> None:
    of = app()
    async with of.run_test(headless=False, size=(60, 20)):
        await settle(of)
        driver(of).taken()
        of.screen.refresh()
        await settle(of)
        assert driver(of).taken().count("▀") == 0
        screen = Screen(60, 20)
        of.action_redraw()
        await settle(of)
        screen.feed(driver(of).taken())
        check_screen(of, screen)


async def test_after_a_picture_the_cells_below_it_are_written_again() -> None:
    of = app()
    async with of.run_test(headless=False, size=(60, 20)):
        await settle(of)
        of.write_to_terminal("PICTURE")
        await settle(of)
        driver(of).taken()
        screen = Screen(60, 20)
        of.screen.refresh()
        await settle(of)
        screen.feed(driver(of).taken())
        check_screen(of, screen)
