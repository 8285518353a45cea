"""Real pixels come when nothing happens, and go the moment something does."""

import asyncio
import re
from base64 import standard_b64decode
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from textual.screen import ModalScreen

from retouch.geometry import Box
from retouch_tui.terminal.capabilities import Graphics
from retouch_tui.widgets import sharp_canvas
from terminal_support.canvas_app import ANSWERING, CanvasApp, empty_scene
from terminal_support.recording import RecordingDriver, settle

SIZE = (56, 12)
CELL = (8, 16)
MARK = {Graphics.KITTY: "\x1b_Ga=T", Graphics.ITERM2: "\x1b]1337;File=", Graphics.SIXEL: "\x1bP0;1;0q"}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharp_canvas, "REST_S", 0.01)


def app(kind: Graphics) -> CanvasApp:
    made = CanvasApp(empty_scene(80, 40), replace(ANSWERING, graphics=kind, cell_px=CELL))
    made.driver_class = RecordingDriver
    return made


async def until(of: CanvasApp, mark: str) -> str:
    """Everything written up to and with a mark."""
    assert isinstance(of._driver, RecordingDriver)
    text = ""
    for _ in range(1000):
        text += of._driver.taken()
        if mark in text:
            return text
        await asyncio.sleep(0.005)
    raise AssertionError("never written")


def touch(of: CanvasApp) -> None:
    mask = of.scene.mask.copy()
    mask[10:20, 10:20] = 255
    of.canvas.update(Box(10, 10, 20, 20), replace(of.scene, mask=mask))


@pytest.mark.parametrize("kind", MARK, ids=str)
async def test_pixels_come_at_rest_and_go_at_a_stroke(kind: Graphics) -> None:
    of = app(kind)
    async with of.run_test(headless=False, size=SIZE):
        await settle(of)
        assert isinstance(of._driver, RecordingDriver)
        assert MARK[kind] not in of._driver.taken()
        of.canvas.set_sharp(True)
        await until(of, MARK[kind])
        await settle(of)
        of._driver.taken()
        touch(of)
        before = (await until(of, MARK[kind])).partition(MARK[kind])[0]
        if kind is Graphics.KITTY:
            assert "\x1b_Ga=d,d=I" in before
        else:
            # The cells below the picture are all written again.
            assert before.count("▀") > of.canvas.size.area / 2


async def test_the_pixels_are_those_of_the_view() -> None:
    of = app(Graphics.KITTY)
    async with of.run_test(headless=False, size=SIZE):
        await settle(of)
        of.canvas.set_sharp(True)
        text = await until(of, "m=0;")
        png = standard_b64decode("".join(re.findall(r"m=[01];([A-Za-z0-9+/=]*)\x1b", text)))
        pixels = np.asarray(Image.open(BytesIO(png)))
        view = of.canvas.view
        assert pixels.shape == (view.rows * CELL[1], view.columns * CELL[0], 3)
        left, top = view.origin
        # At this zoom one picture pixel is several terminal pixels: compare their centres.
        for x, y in ((5, 5), (40, 20), (74, 33)):
            column = round((x + 0.5 - left) * view.zoom * CELL[0])
            row = round((y + 0.5 - top) * view.zoom * CELL[1] / 2)
            np.testing.assert_array_equal(pixels[row, column], of.scene.picture[y, x])


async def test_a_slow_link_gets_fewer_pixels() -> None:
    of = app(Graphics.ITERM2)
    async with of.run_test(headless=False, size=SIZE):
        await settle(of)
        of.pacer._rate = 2_000.0
        view, place = of.canvas._pixel_view(of)
        assert view.width * view.height * 0.3 < 4 * 2_000
        assert (place.columns, place.rows) == (view.columns, view.rows)


async def test_a_dialog_above_takes_the_pixels_away() -> None:
    of = app(Graphics.KITTY)
    async with of.run_test(headless=False, size=SIZE):
        await settle(of)
        of.canvas.set_sharp(True)
        await until(of, MARK[Graphics.KITTY])
        of.push_screen(ModalScreen())
        await until(of, "\x1b_Ga=d,d=I")


async def test_a_terminal_without_pixels_stays_with_cells() -> None:
    of = app(Graphics.NONE)
    async with of.run_test(headless=False, size=SIZE):
        await settle(of)
        of.canvas.set_sharp(True)
        assert not of.canvas.sharp
        assert not of.canvas.can_sharpen
