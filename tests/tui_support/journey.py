"""Hands for journeys: drags at picture coordinates, waiting for what the app does in the background."""

from collections.abc import Awaitable, Callable, Sequence

from textual import events
from textual.pilot import Pilot

from retouch_tui.app import RetouchApp
from retouch_tui.screens.editor import EditorScreen

Point = tuple[float, float]
PATIENCE_S = 20.0


def editor_of(pilot: Pilot[int]) -> EditorScreen:
    """Return the editor of the app."""
    app = pilot.app
    assert isinstance(app, RetouchApp)
    return app.editor


async def until(pilot: Pilot[int], happened: Callable[[], bool]) -> None:
    """Wait until something is so."""
    waited = 0.0
    while not happened():
        await pilot.pause(0.02)
        waited += 0.02
        assert waited < PATIENCE_S, "it did not happen"


async def ready(pilot: Pilot[int]) -> EditorScreen:
    """Wait for the first picture and close the welcome."""
    await until(pilot, lambda: any(isinstance(s, EditorScreen) and s.is_mounted for s in pilot.app.screen_stack))
    editor = editor_of(pilot)
    await until(pilot, lambda: len(editor.workspace.history) > 0 and editor.canvas.size.width > 0)
    await pilot.pause()
    if pilot.app.screen is not editor:
        await pilot.press("escape")
    await until(pilot, lambda: pilot.app.screen is editor)
    return editor


def cell_of(editor: EditorScreen, point: Point) -> tuple[int, int]:
    """The screen cell that shows a picture coordinate."""
    x, y = editor.canvas.view.to_pixel(point)
    region = editor.canvas.content_region
    return region.x + int(x / editor.canvas.view.across), region.y + int(y / 2)


async def move(pilot: Pilot[int], at: tuple[int, int], kind: type[events.MouseEvent], button: int) -> None:
    """Send one event of the mouse to a cell of the screen."""
    x, y = float(at[0]), float(at[1])
    pilot.app.screen._forward_event(
        kind(None, x, y, 0, 0, button, False, False, False, screen_x=x, screen_y=y)  # type: ignore[call-arg]
    )
    await pilot.pause()


async def drag(pilot: Pilot[int], points: Sequence[Point], button: int = 1) -> None:
    """Press at the first point, move along the others, let go at the last."""
    editor = editor_of(pilot)
    cells = [cell_of(editor, p) for p in points]
    await move(pilot, cells[0], events.MouseMove, 0)
    await move(pilot, cells[0], events.MouseDown, button)
    for cell in cells[1:]:
        await move(pilot, cell, events.MouseMove, button)
    await move(pilot, cells[-1], events.MouseUp, button)


async def click(pilot: Pilot[int], point: Point, button: int = 1) -> None:
    """Press and let go at a point."""
    await drag(pilot, [point], button)


async def generated(pilot: Pilot[int], start: Callable[[], Awaitable[None]]) -> None:
    """Start a run and wait for its end."""
    editor = editor_of(pilot)
    count = len(editor.workspace.history)
    await start()
    await until(pilot, lambda: not editor.workspace.busy and len(editor.workspace.history) > count)
    await pilot.pause()
