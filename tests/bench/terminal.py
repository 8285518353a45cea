"""Measure what each event of the canvas costs: bytes to the terminal, and CPU time.

Run: python tests/bench/terminal.py [--rounds N]. Bytes are exact for the test picture; CPU is the best of N
rounds, from the change to the written frame, Textual's own work included.
"""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from time import process_time

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from textual._compositor import Compositor
from textual.app import ComposeResult
from textual.widgets import Static

from retouch.geometry import Box
from retouch_tui.overlay import Overlay
from retouch_tui.raster import Tint
from retouch_tui.terminal.cells import GlyphMode
from retouch_tui.terminal.colour import ColourDepth
from retouch_tui.terminal.compositor import TightCompositor
from retouch_tui.terminal.link import PacedModal
from terminal_support.canvas_app import ANSWERING, CanvasApp, empty_scene
from terminal_support.recording import RecordingDriver, settle

SCREEN = (176, 58)
"""16 columns of panels and a canvas of 160x58 cells."""

RADIUS = 12
LINK_BYTES_PER_S = 125_000
"""1 Mbit/s."""


@dataclass(frozen=True)
class Cost:
    """What an event costs."""

    event: str
    size: int
    seconds: float

    def line(self) -> str:
        """Return a row of the table."""
        link = self.size / LINK_BYTES_PER_S * 1000
        size = f"{self.size:,}".replace(",", " ")
        return f"| {self.event} | {size} | {link:.0f} ms | {self.seconds * 1000:.1f} ms |"


class Bench:
    """An app on a recording driver, and one event after another."""

    def __init__(self, app: CanvasApp, rounds: int) -> None:
        """Measure each event so many times."""
        self.app, self.rounds = app, rounds
        self.costs: list[Cost] = []

    @property
    def driver(self) -> RecordingDriver:
        """The recording driver."""
        assert isinstance(self.app._driver, RecordingDriver)
        return self.app._driver

    async def measure(
        self, event: str, change: Callable[[], object], *, before: Callable[[], object] | None = None
    ) -> None:
        """Measure a change; before puts back what it needs, uncounted."""
        sizes, times = [], []
        for _ in range(self.rounds):
            if before is not None:
                before()
            await settle(self.app)
            self.driver.taken()
            started = process_time()
            change()
            await self.driver.arrived.wait()
            times.append(process_time() - started)
            await settle(self.app)
            sizes.append(len(self.driver.taken().encode()))
        self.costs.append(Cost(event, max(sizes), min(times)))

    def dab(self, x: int, y: int) -> None:
        """Paint a disc, and let the brush follow."""
        of = self.app
        box = Box(x - RADIUS, y - RADIUS, x + RADIUS + 1, y + RADIUS + 1).clamp(of.scene.size)
        mask = of.scene.mask.copy()
        rows, columns = np.ogrid[box.top : box.bottom, box.left : box.right]
        mask[box.slices][(columns - x) ** 2 + (rows - y) ** 2 <= RADIUS**2] = 255
        of.scene = replace(of.scene, mask=mask)
        of.canvas.set_overlay(Overlay(cursor=(x + 0.5, y + 0.5), radius=RADIUS, painting=True))
        of.canvas.update(box, of.scene)

    def clean(self) -> None:
        """Take the mask away."""
        self.app.scene = replace(self.app.scene, mask=np.zeros_like(self.app.scene.mask))
        self.app.canvas.set_overlay(Overlay())
        self.app.canvas.show(self.app.scene)


async def measured(
    depth: ColourDepth,
    glyphs: GlyphMode,
    rounds: int,
    events: Callable[[Bench], Awaitable[None]],
    side: int = 512,
) -> list[Cost]:
    """Start an app and run events on it."""
    app = CanvasApp(empty_scene(side, side), replace(ANSWERING, colours=depth, glyphs=glyphs))
    app.driver_class = RecordingDriver
    async with app.run_test(headless=False, size=SCREEN):
        await settle(app)
        bench = Bench(app, rounds)
        await events(bench)
        return bench.costs


async def truecolour(bench: Bench) -> None:
    """All events in 24 bit."""
    canvas = bench.app.canvas
    for name, x, y in (("upper left", 20, 20), ("middle", 256, 256), ("right edge", 498, 256)):
        await bench.measure(f"dab r=12 at fit, {name}", lambda x=x, y=y: bench.dab(x, y), before=bench.clean)  # type: ignore[misc]
    tight = TightCompositor.render_partial_update
    TightCompositor.render_partial_update = Compositor.render_partial_update  # type: ignore[method-assign]
    await bench.measure("the same without tight updates", lambda: bench.dab(498, 256), before=bench.clean)
    TightCompositor.render_partial_update = tight  # type: ignore[method-assign]
    pointer = places()
    await bench.measure(
        "brush moves, no button", lambda: canvas.set_overlay(Overlay(cursor=next(pointer), radius=RADIUS))
    )
    await bench.measure("full repaint, fit", canvas.fit, before=lambda: canvas.set_view(1.0, (250.0, 250.0)))
    views = places()
    await bench.measure("full repaint, 1:1 (pan)", lambda: canvas.set_view(1.0, next(views)))
    await bench.measure("full repaint, 2:1", lambda: canvas.set_view(2.0, next(views)))
    canvas.set_view(1.0, (256.0, 256.0))
    await bench.measure("dab r=12 at 1:1", lambda: bench.dab(256, 256), before=bench.clean)

    def begun() -> None:
        bench.clean()
        bench.dab(256, 256)

    await bench.measure("the brush moves on by 1 pixel at 1:1", lambda: bench.dab(257, 256), before=begun)
    await bench.measure("the brush moves on by 8 pixels at 1:1", lambda: bench.dab(264, 260), before=begun)
    canvas.set_view(2.0, (256.0, 256.0))
    await bench.measure("dab r=12 at 2:1", lambda: bench.dab(256, 256), before=bench.clean)
    canvas.set_view(4.0, (256.0, 256.0))
    await bench.measure("dab r=12 at 4:1: 96x48 cells", lambda: bench.dab(256, 256), before=bench.clean)
    canvas.fit()
    bench.dab(256, 256)
    tints = iter(lambda: canvas.look.tint.following(), None)
    await bench.measure(
        "tint of a small mask", lambda: canvas.set_look(replace(canvas.look, tint=next(tints) or Tint.BLUE))
    )


class Note(PacedModal[None]):
    """A small dialog."""

    CSS = "Note { background: transparent; align: center middle; } Note Static { width: 60; height: 12; }"

    def compose(self) -> ComposeResult:
        """Fill it."""
        yield Static("a dialog over the canvas " * 28)


async def dialogs(bench: Bench) -> None:
    """A dialog over the canvas."""
    app = bench.app

    def closed() -> None:
        if isinstance(app.screen, Note):
            app.pop_screen()

    def opened() -> None:
        if not isinstance(app.screen, Note):
            app.push_screen(Note())

    await bench.measure("a dialog of 60x12 opens", opened, before=closed)
    await bench.measure("and closes", closed, before=opened)


async def coarse(bench: Bench) -> None:
    """What a slow link gets first."""
    views = places()
    bench.app.pacer._rate = 500_000.0

    def pan() -> None:
        bench.app.pacer._rate = 500_000.0
        bench.app.canvas.set_view(1.0, next(views))
        if bench.app.canvas._refining is not None:
            bench.app.canvas._refining.stop()
            bench.app.canvas._refining = None

    await bench.measure("full repaint, 1:1, coarse (4 Mbit/s)", pan)


def repaint(name: str) -> Callable[[Bench], Awaitable[None]]:
    """A full repaint and a dab in another depth."""

    async def events(bench: Bench) -> None:
        canvas = bench.app.canvas
        await bench.measure(f"dab r=12 at fit, {name}", lambda: bench.dab(256, 256), before=bench.clean)
        await bench.measure(
            f"full repaint, fit, {name}", canvas.fit, before=lambda: canvas.set_view(1.0, (250.0, 250.0))
        )

    return events


def places() -> Iterator[tuple[float, float]]:
    """Places around the middle, never the same twice in a row."""
    for step in count():
        yield 240.0 + step * 7 % 40, 240.0 + step * 11 % 30


async def table(rounds: int) -> list[Cost]:
    """Measure everything."""
    half, quad = GlyphMode.HALF, GlyphMode.QUADRANT
    costs = await measured(ColourDepth.TRUECOLOUR, half, rounds, truecolour)
    costs += await measured(ColourDepth.TRUECOLOUR, half, rounds, coarse)
    costs += await measured(ColourDepth.TRUECOLOUR, half, rounds, dialogs)
    large = repaint("picture of 4096x4096")
    costs += await measured(ColourDepth.TRUECOLOUR, half, rounds, large, side=4096)
    costs += await measured(ColourDepth.TRUECOLOUR, quad, rounds, repaint("quadrants"))
    costs += await measured(ColourDepth.PALETTE, half, rounds, repaint("256 colours"))
    costs += await measured(ColourDepth.ANSI, half, rounds, repaint("16 colours"))
    costs += await measured(ColourDepth.NONE, half, rounds, repaint("no colours"))
    return costs


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    costs = asyncio.run(table(parser.parse_args().rounds))
    rows = ["| event (canvas of 160x58 cells, picture 512x512) | bytes | at 1 Mbit/s | CPU |", "|---|---:|---:|---:|"]
    sys.stdout.write("\n".join([*rows, *(cost.line() for cost in costs)]) + "\n")


if __name__ == "__main__":
    main()
