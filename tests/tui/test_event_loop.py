"""The event loop of the editor never waits for a picture: what looks at many pixels runs in threads, in order."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from PIL import Image
from textual.pilot import Pilot

from retouch.geometry import Box
from retouch_tui.runner import ThreadRunner
from retouch_tui.screens.editor import EditorScreen
from retouch_tui.screens.script import Script
from retouch_tui.script import drawn
from retouch_tui.session import SessionFolder, resumable
from retouch_tui.workspace import Workspace
from tui_support.app import make_app
from tui_support.engine import StandIn
from tui_support.journey import click, drag, generated, ready, until
from tui_support.pictures import landscape
from tui_support.watched import counting, touches, watched

SMALL = (80, 24)
WIDE, HIGH = 400, 300
LIMIT = 20_000
"""Pixels that may be touched in one go: more than a view of 80x24 cells shows, a sixth of the picture."""


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "large.png"
    Image.fromarray(landscape(WIDE, HIGH)).save(path)
    return path


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the picture count as a large one."""
    monkeypatch.setattr("retouch_tui.turns.AT_ONCE_PX", LIMIT // 4)
    monkeypatch.setattr("retouch_tui.stroke.TILE_PX", 32)


async def quiet(pilot: Pilot[int], editor: EditorScreen) -> None:
    """Wait until all that was asked for has ended."""
    for _ in range(3):
        await until(pilot, lambda: not editor.turns.busy and editor.canvas._follower._making is None)
        await pilot.pause(0.02)


async def edit(pilot: Pilot[int], editor: EditorScreen, folder: Path) -> None:
    """Do everything that has to do with the picture."""
    size = editor.document.size

    async def each(*keys: str) -> None:
        for key in keys:
            await pilot.press(key)
            await quiet(pilot, editor)

    await each("w")
    await click(pilot, (20.0, 20.0))
    await quiet(pilot, editor)
    assert editor.document.lines
    await each("z", "Z", "V", "F", "H", "D", "greater_than_sign", "less_than_sign", "z", "z", "C", "z", "question_mark")
    for tool in ("u", "d", "l", "b", "k"):
        await each(tool)
        await drag(pilot, [(2.0, 2.0), (200.0, 280.0), (398.0, 298.0), (300.0, 20.0)])
        await quiet(pilot, editor)
        await each("z", "Z")
    await each("C", "u")
    await drag(pilot, [(20.0, 20.0), (120.0, 120.0)])
    await drag(pilot, [(250.0, 150.0), (380.0, 280.0)])
    for _ in range(2):
        await generated(pilot, lambda: pilot.press("f5"))
        await quiet(pilot, editor)
    await each("comma", "comma", "full_stop", "o", "o", "t", "m", "m", "plus", "plus", "minus", "0", "f7")
    await each("right", "escape")
    editor.cursor.go((60.0, 60.0), size)
    await each("A", "a", "s", "o", "escape")
    editor.action_details()
    await quiet(pilot, editor)
    await each("escape", "v", "escape")
    lines = (f"+ rect 0,0 {size.width}x{size.height}",)
    editor._scripted(Script(lines, await asyncio.to_thread(drawn, lines, np.asarray(editor.document.picture))))
    await quiet(pilot, editor)
    editor._write_mask(folder / "mask.png")
    await quiet(pilot, editor)
    await each("C")
    editor._mask_opened(folder / "mask.png")
    await quiet(pilot, editor)
    editor._write(folder / "saved.png")
    editor.frame = Box(-40, 0, size.width, size.height + 30)
    await each("enter", "z", "Z", "N", "f6", "escape")
    editor._autosave()
    await quiet(pilot, editor)


async def test_no_action_touches_many_pixels_on_the_event_loop(
    picture: Path, tmp_path: Path, large: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with counting(monkeypatch, LIMIT) as found:
        app = make_app(picture)
        async with app.run_test(size=SMALL) as pilot:
            editor = await ready(pilot)
            await until(pilot, lambda: editor.document.size == (WIDE, HIGH))
            await edit(pilot, editor, tmp_path)
            await until(pilot, lambda: app.workspace.session.exists)
            session = app.workspace.session
            await pilot.press("Q")
            await until(pilot, lambda: app.return_code is not None)
        again = make_app(resume=session)
        async with again.run_test(size=SMALL) as pilot:
            editor = await ready(pilot)
            await until(pilot, lambda: editor.document.size != (WIDE, HIGH) and len(editor.workspace.history) > 3)
            await quiet(pilot, editor)
        assert not found.found, "\n".join(found.found)


async def test_the_watch_sees_what_it_should(large: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with counting(monkeypatch, LIMIT) as found:
        mask = watched(np.zeros((HIGH, WIDE), np.uint8))
        for touch in (
            lambda: mask.any(),
            lambda: mask + 1,
            lambda: np.where(mask, 1, 0),
            lambda: mask[:50, :50].copy(),
            lambda: mask[::2].copy(),
        ):
            touch()
        mask[:] = 1
        assert len(found.found) == 5, found.found
        await asyncio.to_thread(mask.any)
        assert len(found.found) == 5, "threads may"
    assert touches.limit > LIMIT


class Gate:
    """Holds back what was worked out in threads until it is opened."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.open = asyncio.Event()
        self.open.set()
        run = asyncio.to_thread

        async def held(task: Callable[..., Any], *args: Any) -> Any:
            await self.open.wait()
            return await run(task, *args)

        patch.setattr("retouch_tui.screens.editor_work.asyncio.to_thread", held)


def act(editor: EditorScreen, name: str) -> None:
    """Do what keys and mouse do, without waiting for anything."""
    if name in {"undo", "redo"}:
        editor._travel("undo" if name == "undo" else "redo")
    elif name in {"invert", "expand", "clear"}:
        editor.action_refine(name)
    else:
        editor.action_tool(name)
        editor._press((20.0, 20.0), erase=False)
        for place in ((150.0, 90.0), (300.0, 40.0)):
            editor._drag(place)
        editor._let_go((310.0, 200.0))


def state(editor: EditorScreen) -> tuple[object, ...]:
    """All that the actions change."""
    document = editor.document
    sketch = document.sketch if document.sketch is not None and document.sketch.any() else None
    timeline = document.timeline
    strokes = b"" if sketch is None else sketch.tobytes()
    return document.mask.tobytes(), strokes, document.lines, len(timeline), len(timeline.future)


ACTS = ("wand", "undo", "redo", "invert", "expand", "clear", "brush", "rectangle", "lasso", "colour")
SEQUENCES = [["wand", "undo"], ["wand", "undo", "redo", "invert"], ["brush", "wand", "rectangle", "undo", "clear"]]
SEQUENCES += [Random(seed).choices(ACTS, k=7) for seed in range(6)]


async def afresh(pilot: Pilot[int], editor: EditorScreen) -> None:
    """Begin again with the same picture."""
    editor.workspace.open(landscape(WIDE, HIGH), "")
    editor.picture_changed()
    await quiet(pilot, editor)


async def test_hasty_actions_leave_what_patient_ones_do(
    picture: Path, large: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(picture)
    async with app.run_test(size=SMALL) as pilot:
        editor = await ready(pilot)
        gate = Gate(monkeypatch)
        for names in SEQUENCES:
            await afresh(pilot, editor)
            for name in names:
                act(editor, name)
                await quiet(pilot, editor)
            patient = state(editor)
            await afresh(pilot, editor)
            gate.open.clear()
            for name in names:
                act(editor, name)
                await pilot.pause()
            gate.open.set()
            await quiet(pilot, editor)
            assert state(editor) == patient, names


async def test_the_autosave_keeps_the_document_between_two_actions(
    picture: Path, large: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(picture)
    async with app.run_test(size=SMALL) as pilot:
        editor = await ready(pilot)
        gate = Gate(monkeypatch)
        await afresh(pilot, editor)
        gate.open.clear()
        act(editor, "wand")
        editor._autosave()
        act(editor, "invert")
        await pilot.pause()
        gate.open.set()
        await quiet(pilot, editor)
        session = editor.workspace.session
        await until(pilot, lambda: session.exists and len(session.load().lines) == 1)
        saved = session.load()
        np.testing.assert_array_equal(saved.mask, drawn(saved.lines, landscape(WIDE, HIGH)))
        assert len(editor.document.lines) == 2


async def test_quitting_waits_for_what_was_begun(
    picture: Path, tmp_path: Path, large: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(picture)
    async with app.run_test(size=SMALL) as pilot:
        editor = await ready(pilot)
        await quiet(pilot, editor)
        gate = Gate(monkeypatch)
        gate.open.clear()
        act(editor, "wand")
        act(editor, "invert")
        editor.action_leave()
        await pilot.pause()
        assert app.return_code is None
        gate.open.set()
        await until(pilot, lambda: app.return_code is not None)
    saved = resumable(tmp_path / "state")[0].load()
    assert len(saved.lines) == 2
    np.testing.assert_array_equal(saved.mask, drawn(saved.lines, landscape(WIDE, HIGH)))


def test_an_older_moment_never_takes_the_place_of_a_later_one(tmp_path: Path) -> None:
    workspace = Workspace(SessionFolder(tmp_path / "session"), ThreadRunner(StandIn()))
    workspace.open(landscape(), "")
    older = workspace.moment()
    workspace.document.replace_mask(np.full_like(workspace.document.mask, 255), "all", ("+ all",))
    workspace.keep()
    workspace.keep(older)
    assert workspace.session.load().lines == ("+ all",)
