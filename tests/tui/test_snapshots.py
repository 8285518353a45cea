"""What the screens look like, at 80x24 and 120x36; update on Python 3.11 with --snapshot-update after looking."""

import sys
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from textual.pilot import Pilot

from tui_support.app import make_app
from tui_support.journey import drag, editor_of, generated, ready
from tui_support.pictures import landscape

SMALL, NORMAL = (80, 24), (120, 36)
APPROVED = ((3, 11), "8.2.8")
"""Python and Textual of the approved snapshots; others draw the same screen in other words."""
FOUND = (sys.version_info[:2], version("textual"))
pytestmark = pytest.mark.skipif(APPROVED != FOUND, reason=f"approved with {APPROVED}, not {FOUND}")


@pytest.fixture
def look(tmp_path: Path, snap_compare: Any) -> Callable[..., None]:
    """Compare the screen after some steps with how it looked when somebody approved it."""
    path = tmp_path / "hill.png"
    Image.fromarray(landscape(96, 64)).save(path)

    def compare(size: tuple[int, int], steps: Callable[[Pilot[int]], Awaitable[None]]) -> None:
        async def before(pilot: Pilot[int]) -> None:
            editor = await ready(pilot)
            editor.workspace.draft = editor.workspace.draft.with_request(seed=200)
            editor.workspace.draft = type(editor.workspace.draft)(
                **{**vars(editor.workspace.draft), "seed_locked": True}
            )
            editor.show_draft()
            await steps(pilot)
            await pilot.pause(0.3)

        assert snap_compare(make_app(path), terminal_size=size, run_before=before)

    return compare


async def paint(pilot: Pilot[int]) -> None:
    """Mask something with the brush."""
    await pilot.press("5")
    await drag(pilot, [(20, 20), (40, 30), (60, 28)])


async def nothing(pilot: Pilot[int]) -> None:
    """Just look."""
    await pilot.press("t", "t", "t")


async def results(pilot: Pilot[int]) -> None:
    """Make two results."""
    await paint(pilot)
    for _ in range(2):
        await generated(pilot, lambda: pilot.press("f5"))


def keys(*names: str) -> Callable[[Pilot[int]], Awaitable[None]]:
    """Press some keys."""

    async def press(pilot: Pilot[int]) -> None:
        await pilot.press(*names)

    return press


@pytest.mark.parametrize("size", [SMALL, NORMAL], ids=["80x24", "120x36"])
def test_start(look: Callable[..., None], size: tuple[int, int]) -> None:
    look(size, nothing)


@pytest.mark.parametrize("size", [SMALL, NORMAL], ids=["80x24", "120x36"])
def test_results(look: Callable[..., None], size: tuple[int, int]) -> None:
    look(size, results)


def test_options_drawer(look: Callable[..., None]) -> None:
    async def steps(pilot: Pilot[int]) -> None:
        await paint(pilot)
        await pilot.press("f2")
        editor_of(pilot).query_one("#generate").focus()

    look(SMALL, steps)


def test_help(look: Callable[..., None]) -> None:
    look(SMALL, keys("f1"))


def test_grid(look: Callable[..., None]) -> None:
    look(SMALL, keys("g", "w"))


def test_jump(look: Callable[..., None]) -> None:
    look(NORMAL, keys("j"))


def test_fix_list(look: Callable[..., None]) -> None:
    async def steps(pilot: Pilot[int]) -> None:
        await paint(pilot)
        await pilot.press("N", "f6")

    look(NORMAL, steps)
