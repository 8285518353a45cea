"""Screens of Textual and of libraries wait for the terminal like the editor's own, and stay what they are."""

from pathlib import Path

import pytest
from textual.command import CommandPalette
from textual.screen import ModalScreen, Screen

from retouch_tui.screens.open_file import OpenFile, SaveFile
from retouch_tui.terminal.compositor import TightCompositor
from retouch_tui.terminal.link import Paced, PacedModal, adopt
from retouch_tui.terminal.pacer import QUERY
from retouch_tui.terminal.screen_memory import ScreenMemory
from terminal_support.canvas_app import CanvasApp, empty_scene
from terminal_support.recording import RecordingDriver, settle
from tui_support.app import make_app
from tui_support.journey import ready, until


class Plain(Screen[None]):
    """A screen of somebody else."""


class PlainModal(ModalScreen[str]):
    """A dialog of somebody else."""


@pytest.mark.parametrize("kind", [Plain, PlainModal, Screen, ModalScreen])
async def test_a_screen_keeps_its_kind_and_its_name(kind: type[Screen[object]]) -> None:
    async with CanvasApp(empty_scene(32, 32)).run_test():
        screen, memory = kind(), ScreenMemory()
        adopt(screen, memory)
        assert isinstance(screen, kind)
        assert isinstance(screen, Paced)
        assert isinstance(screen, PacedModal) is issubclass(kind, ModalScreen)
        assert isinstance(screen._compositor, TightCompositor)
        assert kind.__name__ in screen._css_type_names
        adopted = type(screen)
        adopt(screen, memory)
        assert type(screen) is adopted


async def test_palette_and_file_dialogs_are_paced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    app = make_app()
    async with app.run_test(size=(120, 36)) as pilot:
        await ready(pilot)
        for key, kind in (("colon", CommandPalette), ("f4", OpenFile), ("f10", SaveFile)):
            await pilot.press(key)
            await until(pilot, lambda kind=kind: isinstance(app.screen, kind))  # type: ignore[misc]
            assert isinstance(app.screen, Paced)
            await pilot.press("escape")
            await until(pilot, lambda kind=kind: not isinstance(app.screen, kind))  # type: ignore[misc]


async def test_an_adopted_dialog_writes_no_frame_before_the_one_before_it_is_seen() -> None:
    app = CanvasApp(empty_scene())
    app.driver_class = RecordingDriver
    async with app.run_test(headless=False, size=(120, 36)) as pilot:
        await settle(app)
        driver = app._driver
        assert isinstance(driver, RecordingDriver)
        app.pacer._rate = 1_000.0  # so slow that the window is as small as it gets
        driver.answering = False
        app.canvas.set_view(1.0, (100.0, 100.0))
        await pilot.pause(0.2)
        driver.taken()
        app.push_screen(CommandPalette())
        await pilot.pause(0.3)
        assert QUERY not in driver.taken(), "the full repaint before it is still on its way"
        driver.answering = True
        driver.answer()
        await until(pilot, lambda: any("Search" in text for text in driver.written))  # type: ignore[arg-type]
