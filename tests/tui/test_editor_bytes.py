"""What the whole editor writes to the terminal while a person paints."""

from pathlib import Path

import pytest
from PIL import Image
from textual import events
from textual.pilot import Pilot

from retouch_tui.terminal.pacer import QUERY
from retouch_tui.widgets import canvas_view
from terminal_support.pictures import photo
from terminal_support.recording import RecordingDriver, settle
from tui_support.app import make_app
from tui_support.journey import cell_of, move, ready, until

SIZE = (176, 58)
LARGEST_DAB = 2048
"""Bytes that one step of a moving brush may cost, pointer, status and mask together."""
LARGEST_PRESS = {2.0: 3200}
"""Where a brush of 12 pixels is 24 wide on the screen, its first touch costs a little more."""


@pytest.mark.parametrize(
    ("place", "zoom"),
    [((60.0, 60.0), 0.0), ((256.0, 256.0), 0.0), ((480.0, 440.0), 0.0), ((256.0, 256.0), 1.0), ((256.0, 256.0), 2.0)],
    ids=["left", "middle", "right", "1:1", "2:1"],
)
async def test_a_step_of_the_brush_is_at_most_two_kilobytes(
    tmp_path: Path, place: tuple[float, float], zoom: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canvas_view, "IDLE_S", 60.0)  # a busy machine must not take its time for a pause of the hand
    path = tmp_path / "photo.png"
    Image.fromarray(photo(512, 512)).save(path)
    app = make_app(path)
    app.driver_class = RecordingDriver
    async with app.run_test(headless=False, size=SIZE) as pilot:
        editor = await ready(pilot)
        driver = app._driver
        assert isinstance(driver, RecordingDriver)
        editor.hand.set_size(24)
        if zoom:
            editor.canvas.set_view(zoom, place)
        x, y = cell_of(editor, place)
        await move(pilot, (x, y), events.MouseMove, 0)
        await quiet(pilot, driver)
        for kind, column in ((events.MouseDown, x), (events.MouseMove, x + 1), (events.MouseMove, x + 2)):
            await move(pilot, (column, y), kind, 1)
            await settle(app)  # type: ignore[arg-type]
            written = driver.taken().replace(QUERY, "")
            most = LARGEST_PRESS.get(zoom, LARGEST_DAB) if kind is events.MouseDown else LARGEST_DAB
            assert 0 < len(written.encode()) <= most, (kind, len(written.encode()))
        assert editor.document.mask.any()
        await move(pilot, (x + 2, y), events.MouseUp, 1)
        monkeypatch.setattr(canvas_view, "IDLE_S", 0.01)
        editor.canvas._settle_later()
        await until(pilot, lambda: editor.canvas._buffer.next_coarse(0) is None)


async def quiet(pilot: Pilot[int], driver: RecordingDriver) -> None:
    """Let everything be written that has nothing to do with the brush."""
    while True:
        await settle(pilot.app)  # type: ignore[arg-type]
        driver.taken()
        await pilot.pause(0.3)
        if not driver.taken():
            return
