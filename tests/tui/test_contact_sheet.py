"""A folder is shown as a sheet of its pictures, and one of them is opened."""

import argparse
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from textual import events

from retouch.cli import EDITOR_OPTIONS, _opens_editor
from retouch_tui import cli
from retouch_tui.files import quick_thumbnail
from retouch_tui.screens import open_file
from retouch_tui.screens.contact_sheet import ContactSheet
from retouch_tui.screens.open_file import OpenFile
from retouch_tui.widgets.picture_box import PictureBox
from retouch_tui.widgets.picture_grid import PictureGrid
from tui_support.app import make_app
from tui_support.journey import editor_of, ready, until
from tui_support.pictures import landscape

SIZE = (80, 24)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Seven pictures, one of them broken, and a file that is none."""
    place = tmp_path / "album"
    place.mkdir()
    for number in range(6):
        Image.fromarray(landscape(40 + number, 30)).save(place / f"{number}.png")
    (place / "6.png").write_bytes(b"no picture")
    (place / "notes.txt").write_text("none")
    return place


def test_a_thumbnail_is_upright_and_small(tmp_path: Path) -> None:
    path = tmp_path / "turned.jpg"
    pixels = np.zeros((200, 400, 3), np.uint8)
    pixels[:, :200] = 255
    turned = Image.Exif()
    turned[0x0112] = 6  # Orientation: turn clockwise by 90 degrees to see it upright
    Image.fromarray(pixels).save(path, exif=turned)
    small = quick_thumbnail(path, 96)
    assert small is not None
    assert small.shape == (96, 48, 3)
    assert small[:40].mean() > 250
    assert small[56:].mean() < 5


def test_what_cannot_be_read_has_no_thumbnail(folder: Path) -> None:
    assert quick_thumbnail(folder / "6.png") is None
    assert quick_thumbnail(folder / "nowhere.png") is None


async def test_a_folder_on_the_command_line_opens_its_sheet_and_a_picture_of_it(folder: Path) -> None:
    app = make_app(folder)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: isinstance(app.screen, ContactSheet))
        grid = app.screen.query_one(PictureGrid)
        await until(pilot, lambda: len(grid._small) == 7)
        assert grid._small[folder / "6.png"] is None
        await pilot.press("right", "down")
        assert grid.path == folder / "4.png", "three fit beside each other on 80 columns"
        await pilot.press("end", "home", "right", "enter")
        editor = editor_of(pilot)
        await until(pilot, lambda: app.screen is editor and editor.workspace.source.endswith("1.png"))
        assert editor.document.size.width == 41


async def test_a_second_click_opens(folder: Path) -> None:
    app = make_app(folder)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: isinstance(app.screen, ContactSheet))
        await pilot.click("#sheet-grid", offset=(30, 3))
        assert app.screen.query_one(PictureGrid).path == folder / "1.png"
        await pilot.click("#sheet-grid", offset=(30, 3), times=2)
        await until(pilot, lambda: editor_of(pilot).workspace.source.endswith("1.png"))


async def test_an_empty_folder_says_what_to_press(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    app = make_app(tmp_path / "empty")
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: isinstance(app.screen, ContactSheet))
        assert not app.screen.query(PictureGrid)
        await pilot.press("f4")
        await until(pilot, lambda: isinstance(app.screen, OpenFile))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is editor_of(pilot))


async def test_the_open_dialog_and_a_pasted_folder_lead_to_the_sheet(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        editor = await ready(pilot)
        await pilot.press("f4")
        await until(pilot, lambda: isinstance(app.screen, OpenFile))
        await pilot.pause()
        await pilot.press("f3")
        await until(pilot, lambda: isinstance(app.screen, ContactSheet))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is editor)
        editor.on_paste(events.Paste(str(folder)))
        await until(pilot, lambda: isinstance(app.screen, ContactSheet))


def test_folders_and_options_of_the_editor_open_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    assert _opens_editor("album")
    assert not _opens_editor("")
    assert not _opens_editor("albums")
    assert not _opens_editor("--image")
    assert _opens_editor("--mirror=8080")
    parser = argparse.ArgumentParser()
    cli.add_arguments(parser)
    known = {f"--{name}" for name in vars(parser.parse_args([])) if name != "picture"}
    assert known == set(EDITOR_OPTIONS)


async def test_a_preview_that_comes_late_does_not_cover_a_newer_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    slow = open_file.contact_sheet

    def held(place: Path) -> object:
        gate.wait(10)
        return slow(place)

    monkeypatch.setattr(open_file, "contact_sheet", held)
    monkeypatch.chdir(folder)
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        await pilot.press("f4")
        await until(pilot, lambda: isinstance(app.screen, OpenFile) and bool(app.screen.query(PictureBox)))
        dialog = app.screen
        assert isinstance(dialog, OpenFile)
        dialog._preview_folder(folder)
        await pilot.pause()
        dialog._preview(folder / "2.png")
        box = dialog.query_one(PictureBox)
        await until(pilot, lambda: box._pixels is not None)
        gate.set()
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert box._pixels is not None
        assert box._pixels.shape == (30, 42, 3), "the picture that is looked at, not the sheet of its folder"
