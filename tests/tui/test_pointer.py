"""The outline of the brush is drawn where one paints, and never above a result."""

from pathlib import Path

import pytest
from PIL import Image

from retouch_tui.widgets.canvas_messages import Left
from retouch_tui.widgets.filmstrip import Filmstrip
from tui_support.app import make_app
from tui_support.journey import drag, generated, ready
from tui_support.pictures import landscape

SIZE = (120, 36)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "hill.png"
    Image.fromarray(landscape(96, 64)).save(path)
    return path


async def test_no_pointer_lies_on_a_result_until_a_key_moves_it(picture: Path) -> None:
    app = make_app(picture)
    async with app.run_test(size=SIZE) as pilot:
        editor = await ready(pilot)
        await drag(pilot, [(20, 20), (40, 30)])
        overlay = lambda: editor.canvas._buffer.overlay  # noqa: E731 - asked often
        assert overlay().cursor is not None
        await generated(pilot, lambda: pilot.press("f5"))
        assert overlay().cursor is None
        await drag(pilot, [(30, 20)], button=0)
        await pilot.press("full_stop")
        assert overlay().cursor is None
        await pilot.press("left")
        assert overlay().cursor is not None, "the crosshair shows what `take area` takes"
        assert overlay().radius == 0
        await pilot.press("a")
        assert overlay().cursor is not None
        assert overlay().radius > 0


async def test_the_outline_leaves_with_the_mouse(picture: Path) -> None:
    app = make_app(picture)
    async with app.run_test(size=SIZE) as pilot:
        editor = await ready(pilot)
        await drag(pilot, [(20, 20), (40, 30)])
        editor.canvas.post_message(Left())
        await pilot.pause()
        assert editor.canvas._buffer.overlay.cursor is None
        await generated(pilot, lambda: pilot.press("f5"))
        await pilot.press("a")
        assert editor.canvas._buffer.overlay.cursor is None, "the mouse is still elsewhere"
        await drag(pilot, [(20, 20), (40, 30)])
        assert editor.canvas._buffer.overlay.cursor is not None
        await pilot.press("left")
        editor.canvas.post_message(Left())
        await pilot.pause()
        assert editor.canvas._buffer.overlay.cursor is not None, "the crosshair stays"


async def test_escape_leads_from_the_results_to_the_canvas(picture: Path) -> None:
    app = make_app(picture)
    async with app.run_test(size=(80, 24)) as pilot:
        editor = await ready(pilot)
        await pilot.press("f3")
        assert isinstance(editor.focused, Filmstrip)
        await pilot.press("escape")
        assert editor.focused is editor.canvas
        assert not editor.query_one(Filmstrip).display
