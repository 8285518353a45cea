"""Measure the longest single step of the editor's event loop for everything a person does to a large picture.

Run: python tests/bench/editor.py [--megapixels 12 24] [--only WORDS]. For each action the table gives the longest
callback of the loop, in CPU time of its thread (which holds on a busy machine) and in wall time, and the longest
time for which a heartbeat on the loop was late: what other threads take away from it by holding Python's lock.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter, sleep, thread_time
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
from PIL import Image
from textual.pilot import Pilot
from textual.worker import WorkerState

from retouch.arrays import RGB, Mask
from retouch.geometry import Box
from retouch_tui import collector
from retouch_tui.app import RetouchApp
from retouch_tui.engine import Draft, OnStage, OnStep, Outcome
from retouch_tui.runner import ProcessRunner
from retouch_tui.screens.editor import EditorScreen
from retouch_tui.session import SessionFolder
from retouch_tui.terminal.capabilities import PLAIN
from terminal_support.recording import RecordingDriver
from tui_support.engine import StandIn
from tui_support.journey import click, drag
from tui_support.pictures import landscape

SCREEN = (176, 58)
STEP_S = 0.2
"""Seconds of a step of the stand-in engine, so that each of its previews is shown."""

QUIET_S = 0.4
BEAT_S = 0.005
PATIENCE_S = 120.0


class Slow(StandIn):
    """A generator in a process of its own whose steps take a moment."""

    def generate(
        self, picture: RGB, mask: Mask, draft: Draft, on_step: OnStep, on_stage: OnStage, expression: str = ""
    ) -> Outcome:
        """Wait at each step."""

        def slowly(report: Any) -> None:
            sleep(STEP_S)
            on_step(report)

        return super().generate(picture, mask, draft, slowly, on_stage, expression)


@dataclass(kw_only=True)
class Longest:
    """The longest step of the loop since `Watch.begin`, in seconds."""

    cpu: float = 0.0
    wall: float = 0.0
    late: float = 0.0
    who: str = ""


class Watch:
    """Times every callback of the event loop."""

    def __init__(self) -> None:
        """Put a clock around asyncio's callbacks."""
        self.longest = Longest()
        run = asyncio.events.Handle._run

        def timed(handle: asyncio.Handle) -> None:
            cpu, wall = thread_time(), perf_counter()
            run(handle)
            cpu, wall = thread_time() - cpu, perf_counter() - wall
            if cpu > self.longest.cpu:
                self.longest.cpu = cpu
                self.longest.who = repr(handle._callback)[:120]  # type: ignore[attr-defined]
            self.longest.wall = max(self.longest.wall, wall)

        asyncio.events.Handle._run = timed  # type: ignore[method-assign]

    def begin(self) -> None:
        """Forget what was."""
        self.longest = Longest()

    async def beat(self) -> None:
        """Notice how late the loop is."""
        while True:
            asleep = perf_counter()
            await asyncio.sleep(BEAT_S)
            self.longest.late = max(self.longest.late, perf_counter() - asleep - BEAT_S)


@dataclass(frozen=True)
class Cost:
    """What one action cost at most in one step of the loop."""

    action: str
    longest: Longest

    def cells(self) -> str:
        """Return three columns of the table, in milliseconds."""
        return " | ".join(f"{1000 * s:.0f}" for s in (self.longest.cpu, self.longest.wall, self.longest.late))


class Session:
    """An editor with a large picture, and one action after another."""

    def __init__(self, pilot: Pilot[int], watch: Watch, folder: Path, only: str) -> None:
        """Measure on this app; `only` chooses actions by words in their names."""
        self.pilot, self.watch, self.folder, self.only = pilot, watch, folder, only
        self.costs: list[Cost] = []

    @property
    def app(self) -> RetouchApp:
        """The app."""
        assert isinstance(self.pilot.app, RetouchApp)
        return self.pilot.app

    @property
    def editor(self) -> EditorScreen:
        """Its editor."""
        return self.app.editor

    @property
    def driver(self) -> RecordingDriver:
        """The terminal."""
        assert isinstance(self.app._driver, RecordingDriver)
        return self.app._driver

    async def quiet(self) -> None:
        """Wait until no thread works and nothing has happened for a moment."""
        waited = calm = 0.0
        while calm < QUIET_S and self.app.return_code is None:
            await asyncio.sleep(0.02)
            waited += 0.02
            running = [w for w in self.app.workers if w.state in (WorkerState.RUNNING, WorkerState.PENDING)]
            busy = bool(running) or self.editor.turns.busy or self.editor.workspace.busy
            calm = 0.0 if busy else calm + 0.02
            assert waited < PATIENCE_S, f"it does not come to rest: {running}"
        self.driver.taken()

    async def measure(self, action: str, act: Callable[[], Awaitable[object]]) -> None:
        """Do something and keep its longest step."""
        self.watch.begin()
        await act()
        await self.quiet()
        if self.only in action:
            self.costs.append(Cost(action, self.watch.longest))
            if self.only:
                sys.stderr.write(f"{action}: {self.costs[-1].cells()} {self.watch.longest.who}\n")

    async def keys(self, action: str, *keys: str) -> None:
        """Measure some keys."""
        await self.measure(action, lambda: self.pilot.press(*keys))

    async def and_back(self, action: str) -> None:
        """Measure undo, redo, and undo once more without measuring."""
        await self.keys(f"undo {action}", "z")
        await self.keys(f"redo {action}", "Z")
        await self.pilot.press("z")
        await self.quiet()

    async def step(self, action: str, act: Callable[[], Awaitable[object]]) -> None:
        """Measure an action, its undo and its redo, and leave it undone."""
        await self.measure(action, act)
        await self.and_back(action)


def picture(megapixels: int) -> RGB:
    """A landscape with grain, (H, W, 3), four to three."""
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    plain = landscape(height * 4 // 3, height)
    grain = np.random.default_rng(0).integers(-3, 4, plain.shape, np.int8)
    return np.clip(plain.astype(np.int16) + grain, 0, 255).astype(np.uint8)


def at(session: Session, x: float, y: float) -> tuple[float, float]:
    """A place of the picture by shares of its sides."""
    size = session.editor.document.size
    return x * size.width, y * size.height


async def moved(session: Session, places: list[tuple[float, float]], button: int = 1) -> None:
    """Drag along places given as shares of the view's sides."""
    view = session.editor.canvas.view
    left, top = view.to_picture(0, 0)
    right, bottom = view.to_picture(view.columns, view.rows)
    points = [(left + x * (right - left), top + y * (bottom - top)) for x, y in places]
    await drag(session.pilot, points, button)


ZIGZAG = [(0.1 + 0.8 * (i % 2), 0.1 + 0.8 * i / 24) for i in range(25)]
CIRCLE = [(0.5 + 0.48 * np.cos(a), 0.5 + 0.46 * np.sin(a)) for a in np.linspace(0, 6.2, 60)]


async def looks(session: Session) -> None:
    """Zoom, pan, tint."""
    await session.keys("zoom in, four steps", "+", "+", "+", "+")
    await session.keys("zoom out, four steps", "-", "-", "-", "-")
    await session.keys("fit", "0")

    async def one_to_one() -> None:
        session.editor.canvas.set_view(1.0, at(session, 0.5, 0.5))

    async def between() -> None:
        session.editor.canvas.set_view(0.7, at(session, 0.5, 0.5))

    await session.measure("one to one", one_to_one)
    await session.keys("pan by keys", "h", "left", "down", "b")
    await session.step("dab at one to one", lambda: moved(session, [(0.5, 0.5), (0.6, 0.5)]))
    await session.measure("zoom 0.7:1", between)
    await session.keys("fit again", "0")
    await session.step("dabs at fit", lambda: moved(session, [(0.4, 0.5), (0.5, 0.5), (0.55, 0.6)]))
    await session.keys("pen of 400 px", "]", "]", *(["]"] * 12))
    session.editor.hand.set_size(400)
    await session.step("scribble over all, pen of 400 px", lambda: moved(session, ZIGZAG))
    session.editor.hand.set_size(40)
    await session.step("scribble over all, pen of 40 px", lambda: moved(session, ZIGZAG))
    await session.keys("tint", "t")
    await session.keys("mask only", "m")
    await session.pilot.press("m", "t", "t")


async def shapes(session: Session) -> None:
    """Tools."""
    press = session.pilot.press
    await press("w")
    await session.step("wand on the sky", lambda: click(session.pilot, at(session, 0.1, 0.1)))
    await press("u")
    await session.step("rectangle over all", lambda: moved(session, [(0.01, 0.01), (0.5, 0.5), (0.99, 0.99)]))
    await press("d")
    await session.step("ellipse over all", lambda: moved(session, [(0.01, 0.01), (0.5, 0.5), (0.99, 0.99)]))
    await press("n")
    session.editor.hand.set_size(200)
    await session.step("line over all, 200 px", lambda: moved(session, [(0.01, 0.01), (0.5, 0.6), (0.99, 0.99)]))
    await press("l")
    await session.step("lasso around all", lambda: moved(session, CIRCLE))

    async def corners() -> None:
        for place in [(0.05, 0.05), (0.95, 0.1), (0.9, 0.95), (0.5, 0.6), (0.1, 0.9)]:
            await moved(session, [place])
        await press("enter")

    await press("y")
    await session.step("polygon around all", corners)
    await press("b")
    session.editor.hand.set_size(60)
    await moved(session, [*CIRCLE, CIRCLE[0]])
    await session.quiet()
    await press("f")
    await session.step("fill an outline", lambda: moved(session, [(0.5, 0.5)]))
    await press("k")
    await session.step("colour stroke", lambda: moved(session, [(0.3, 0.3), (0.6, 0.5)]))
    await press("z", "b")


async def masks(session: Session) -> None:
    """Whole-mask operations."""
    await session.pilot.press("w")
    await click(session.pilot, at(session, 0.1, 0.1))
    await session.quiet()
    for name, key in (
        ("invert", "V"),
        ("grow", ">"),
        ("shrink", "<"),
        ("feather", "F"),
        ("fill holes", "H"),
        ("drop specks", "D"),
        ("clear", "C"),
    ):
        await session.step(name, lambda key=key: session.pilot.press(key))  # type: ignore[misc]
    await session.keys("say where the cursor is", "?")
    path = session.folder / "mask.png"

    async def save() -> None:
        session.editor.action_save_mask()
        await session.pilot.pause()
        session.app.screen.dismiss(path)

    async def load() -> None:
        session.editor._mask_opened(path)

    await session.measure("save the mask", save)
    await session.pilot.press("C")
    await session.quiet()
    await session.step("load a mask", load)


async def results(session: Session) -> None:
    """Generate, look, take."""
    editor, pilot = session.editor, session.pilot
    await pilot.press("u")
    await moved(session, [(0.2, 0.2), (0.45, 0.45)])
    await moved(session, [(0.6, 0.6), (0.8, 0.8)])
    await session.quiet()
    await session.keys("generate, previews, result", "f5")
    await session.keys("generate again", "f5")
    await session.keys("look at the result before", "comma")
    await session.keys("look at the original", "comma")
    await session.keys("look at the last result", "full_stop", "full_stop")

    async def compared() -> None:
        await pilot.press("f7")
        await session.quiet()
        await pilot.press("right", "right", "o", "escape")

    await session.measure("compare", compared)
    editor.cursor.go(at(session, 0.3, 0.3), editor.document.size)
    await session.keys("take an area", "A")
    await session.keys("take", "a")
    await session.keys("before", "o")
    await session.keys("after", "o")
    await session.and_back("the area taken")
    await session.keys("clear", "C")


async def dialogs(session: Session) -> None:
    """Everything that opens above the canvas."""
    await session.pilot.press("V")
    await session.quiet()
    for name, key in (
        ("help", "f1"),
        ("open", "f4"),
        ("save", "f10"),
        ("fix list", "f6"),
        ("settings", "f9"),
        ("lines", "v"),
        ("grid", "g"),
        ("still", "s"),
    ):

        async def opened(key: str = key) -> None:
            await session.pilot.press(key)
            await session.quiet()
            await session.pilot.press("escape")

        await session.measure(f"dialog: {name}", opened)

    async def detailed() -> None:
        session.editor.action_details()
        await session.quiet()
        await session.pilot.press("escape")

    await session.measure("dialog: details", detailed)
    await session.keys("options and results as drawers", "f2", "escape", "f3", "escape")
    await session.keys("put on the fix list", "N")
    await session.pilot.press("z")
    await session.quiet()


async def frames(session: Session) -> None:
    """A new canvas, the session."""
    editor = session.editor

    async def framed() -> None:
        size = editor.document.size
        editor.frame = Box(-200, -100, size.width + 200, size.height + 100)
        editor.apply_frame()

    async def saved() -> None:
        editor._autosave()

    async def written() -> None:
        editor._write(session.folder / "saved.png")

    await session.measure("apply a frame", framed)
    await session.and_back("the frame")
    await session.measure("autosave", saved)
    await session.measure("save the picture", written)


async def opening(session: Session) -> None:
    """Open pictures."""

    async def opened() -> None:
        before = session.editor.document
        session.editor.open_path(session.folder / "picture.jpg")
        while session.editor.document is before:
            await asyncio.sleep(0.01)

    await session.measure("open, first paint", opened)
    await session.measure("autosave after opening", lambda: asyncio.sleep(2.0))
    await session.measure("open another", opened)


PARTS = (opening, looks, shapes, masks, results, dialogs, frames)


def make_app(resume: SessionFolder | None = None) -> RetouchApp:
    """The real app on a terminal in memory; its generator runs in a process."""
    app = RetouchApp(
        Slow(),
        lambda session: ProcessRunner("editor:Slow", session.folder / "worker.log"),
        capabilities=replace(PLAIN, acknowledges=True),
        theme="retouch-dark",
        resume=resume,
    )
    app.driver_class = RecordingDriver
    return app


async def ready(session: Session) -> None:
    """Wait for the editor and close the welcome."""
    for _ in range(2000):
        await asyncio.sleep(0.01)
        screens = session.app.screen_stack
        if any(isinstance(s, EditorScreen) for s in screens) and session.editor.workspace.history.entries:
            break
    await session.quiet()
    if session.app.screen is not session.editor:
        await session.pilot.press("escape")
    await session.quiet()


async def measured(megapixels: int, only: str) -> list[Cost]:
    """Measure everything on one picture."""
    watch = Watch()
    # for the process of the generator
    os.environ["PYTHONPATH"] = os.pathsep.join(str(p) for p in (Path(__file__).parent, *sys.path) if str(p))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["RETOUCH_CONFIG_DIR"], os.environ["RETOUCH_STATE_DIR"] = name + "/config", name + "/state"
        Image.fromarray(picture(megapixels)).save(folder / "picture.jpg", quality=90)
        app = make_app()
        async with app.run_test(headless=False, size=SCREEN) as pilot:
            beat = asyncio.create_task(watch.beat())
            session = Session(pilot, watch, folder, only)
            await ready(session)
            for part in PARTS:
                await part(session)
            left = app.workspace.session
            await session.measure("quit", lambda: pilot.press("Q"))
        again = make_app(left)
        async with again.run_test(headless=False, size=SCREEN) as pilot:
            resumed = Session(pilot, watch, folder, only)
            watch.begin()
            await ready(resumed)
            costs = [*session.costs, Cost("resume", watch.longest)]
        beat.cancel()
        with suppress(asyncio.CancelledError):
            await beat
    return costs


def main() -> None:
    """Print the table."""
    collector.hold()  # as the product does when it starts
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megapixels", type=int, nargs="+", default=[12, 24])
    parser.add_argument("--only", default="", help="only actions with these words, told as they come")
    asked = parser.parse_args()
    tables = [asyncio.run(measured(m, asked.only)) for m in asked.megapixels]
    units = " | ".join(f"{m} MP: CPU | wall | late" for m in asked.megapixels)
    rows = [f"| longest step of the event loop, ms | {units} |", "|---|" + "---:|" * (3 * len(tables))]
    rows += [f"| {row[0].action} | " + " | ".join(c.cells() for c in row) + " |" for row in zip(*tables, strict=True)]
    tops = [[max(getattr(c.longest, name) for c in costs) for name in ("cpu", "wall", "late")] for costs in tables]
    rows.append("| **longest of all** | " + " | ".join(f"{1000 * s:.0f}" for top in tops for s in top) + " |")
    sys.stdout.write("\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
