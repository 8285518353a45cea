"""What the whole editor writes to the terminal while a person paints."""

from pathlib import Path

import pytest
from PIL import Image
from textual import events

from retouch_tui.terminal.pacer import QUERY
from terminal_support.pictures import photo
from terminal_support.recording import RecordingDriver, settle
from tui_support.app import make_app
from tui_support.journey import cell_of, move, ready

SIZE = (176, 58)
LARGEST_DAB = 2048
"""Bytes that one step of a moving brush may cost, pointer, status and mask together."""


@pytest.mark.parametrize("place", [(60.0, 60.0), (256.0, 256.0), (480.0, 440.0)], ids=["left", "middle", "right"])
async def test_a_step_of_the_brush_is_at_most_two_kilobytes(tmp_path: Path, place: tuple[float, float]) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(photo(512, 512)).save(path)
    app = make_app(path)
    app.driver_class = RecordingDriver
    async with app.run_test(headless=False, size=SIZE) as pilot:
        editor = await ready(pilot)
        driver = app._driver
        assert isinstance(driver, RecordingDriver)
        editor.hand.set_size(24)
        x, y = cell_of(editor, place)
        await move(pilot, (x, y), events.MouseDown, 1)
        await move(pilot, (x + 1, y), events.MouseMove, 1)
        await pilot.pause(0.3)
        await settle(app)  # type: ignore[arg-type]
        driver.taken()
        await move(pilot, (x + 2, y), events.MouseMove, 1)
        await settle(app)  # type: ignore[arg-type]
        written = driver.taken().replace(QUERY, "")
        assert 0 < len(written.encode()) <= LARGEST_DAB, len(written.encode())
        assert editor.document.mask.any()
