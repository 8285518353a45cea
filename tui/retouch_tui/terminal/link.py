"""Ties Textual to the pacer: an app whose frames are acknowledged, and screens that hold frames back."""

import asyncio
import sys
from collections.abc import Callable
from functools import cache
from typing import Any, Generic

from rich.console import Console, RenderableType
from textual import events
from textual._compositor import CompositorUpdate
from textual.app import App, ReturnType
from textual.geometry import Region
from textual.message import Message
from textual.screen import ModalScreen, Screen, ScreenResultType
from textual.strip import Strip
from textual.timer import Timer

from retouch_tui.terminal.answers import PixelMouse
from retouch_tui.terminal.capabilities import PLAIN, Capabilities
from retouch_tui.terminal.compositor import TightCompositor, TightLayout, TightUpdate
from retouch_tui.terminal.lazy_strip import JoinedStrip
from retouch_tui.terminal.pacer import QUERY, Pacer
from retouch_tui.terminal.probe import cell_size, window_of
from retouch_tui.terminal.screen_memory import ScreenMemory

PIXEL_MOUSE_ON, PIXEL_MOUSE_OFF = "\x1b[?1016h", "\x1b[?1016l"

STILL_S = 0.05
STILL_LOOKS = 4
"""A screen is still when it had nothing to write at so many looks, so far apart."""


class _Measured(CompositorUpdate):
    """An update that remembers how many bytes it became."""

    def __init__(self, update: CompositorUpdate) -> None:
        self._update = update
        self.size = 0

    def render_segments(self, console: Console) -> str:
        text = self._update.render_segments(console)
        self.size = len(text.encode())
        return text


class LinkedApp(App[ReturnType]):
    """An app that asks the terminal to acknowledge each frame.

    `capabilities` says what the terminal can do and `pacer` how fast it is; no screen writes a frame before the one
    before it is on the terminal, be it made of PacedScreen or PacedModal, or one of Textual's own or of a library.
    """

    def __init__(self, capabilities: Capabilities = PLAIN) -> None:
        """Take what was found out about the terminal before the app started."""
        super().__init__()
        self.capabilities = capabilities
        self.memory = ScreenMemory()
        self._behind: list[str] = []
        self.pacer = Pacer(acknowledges=capabilities.acknowledges, round_trip_s=capabilities.round_trip_s)

    async def _dispatch_message(self, message: Message) -> None:
        """Handle one message, then let others have the event loop: Textual would handle all that wait in one step."""
        await super()._dispatch_message(message)
        await asyncio.sleep(0)

    def get_default_screen(self) -> Screen[object]:
        """Return a paced screen."""
        return PacedScreen(id="_default")

    def push_screen(self, screen: Screen[Any] | str, *args: Any, **options: Any) -> Any:
        """Push a screen, as Textual does; one that is not paced becomes it."""
        adopt(self.get_screen(screen) if isinstance(screen, str) else screen, self.memory)
        return super().push_screen(screen, *args, **options)

    def write_to_terminal(self, text: str) -> None:
        """Write control sequences through Textual's own writer, counted as a frame.

        They come behind what the screen still has to write, so that a picture is not covered by the cells
        that were to lie below it.
        """
        if self._driver is None or self.is_headless or not text:
            return
        self._behind.append(text)
        self.call_after_refresh(self._write_behind)

    def _write_behind(self) -> None:
        screen = self.screen_stack[-1] if self.screen_stack else None
        if self._driver is None or (isinstance(screen, Paced) and screen.behind):
            return
        texts, self._behind = self._behind, []
        for text in texts:
            self._driver.write(text)
            self._sent(len(text))
            self.memory.clear()

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        if not isinstance(renderable, CompositorUpdate) or self.is_headless:
            super()._display(screen, renderable)
            return
        if not isinstance(renderable, TightUpdate | TightLayout):
            self.memory.clear()
        measured = _Measured(renderable)
        super()._display(screen, measured)
        if measured.size:
            self._sent(measured.size)
        self._write_behind()

    def _sent(self, size: int) -> None:
        if self.pacer.acknowledges and self._driver is not None:
            self._driver.write(QUERY)
        self.pacer.sent(size)

    def action_redraw(self) -> None:
        """Paint the whole screen anew, after something else has written on it."""
        self.memory.clear()
        self.screen.refresh()

    def on_mount(self) -> None:
        """After a stop (SIGTSTP) the terminal shows something else; Textual leaves its pixel mouse on meanwhile."""
        self.app_suspend_signal.subscribe(self, lambda _: self._pixel_mouse_off())
        self.app_resume_signal.subscribe(self, lambda _: self._back())
        self._pixel_mouse_on()

    def _back(self) -> None:
        self.memory.clear()
        self._pixel_mouse_on()

    def _pixel_mouse_on(self) -> None:
        if self._driver is not None and not self.is_headless and self.capabilities.own_pixels:
            self._driver.write(PIXEL_MOUSE_ON)

    def _pixel_mouse_off(self) -> None:
        if self._driver is not None:
            self._driver.write(PIXEL_MOUSE_OFF)

    def on_resize(self) -> None:
        """A terminal rearranges what it shows when its size changes, and may have other letters now."""
        self.memory.clear()
        if self.capabilities.own_pixels and not self.is_headless and sys.__stderr__ is not None:
            cell = cell_size(None, window_of(sys.__stderr__.fileno()))
            PixelMouse.cell_px = PixelMouse.cell_px if cell is None else cell

    def on_cursor_position(self, event: events.CursorPosition) -> None:
        """Take the acknowledgement of a frame."""
        event.stop()
        self.pacer.acknowledged()
        # An answer may still come when the last screen has gone.
        screen = self.screen_stack[-1] if self.screen_stack else None
        if isinstance(screen, Paced):
            screen.go_on()


class Paced(Screen[ScreenResultType], Generic[ScreenResultType]):
    """A screen that collects changes while the terminal is busy and writes them as one frame."""

    _held: Timer | None = None

    async def _dispatch_message(self, message: Message) -> None:
        """Handle one message, then let others have the event loop, as the app does."""
        await super()._dispatch_message(message)
        await asyncio.sleep(0)

    @property
    def behind(self) -> bool:
        """Whether changes wait to be written."""
        waits = bool(self._dirty_widgets or self._compositor._dirty_regions)
        return waits or self._held is not None or self._repaint_required or self._layout_required

    def when_still(self, callback: Callable[[], object], quiet: int = 0) -> None:
        """Call back once the screen has had nothing to write for a while, as before a picture is put on it.

        Textual paints a new screen more than once, and each time takes away what lay on its cells.
        """
        if quiet >= STILL_LOOKS:
            callback()
        else:
            calm = 0 if self.behind else quiet + 1
            self.set_timer(STILL_S, lambda: self.when_still(callback, calm))

    def go_on(self) -> None:
        """Write the frame that was held back, if the terminal is ready for it."""
        if self._held is not None and _ready(self.app):
            self._held.stop()
            self._held = None
            self._compositor_refresh()

    def _compositor_refresh(self) -> None:
        # A frame that was held back comes out of turn: what changed meanwhile must be known, or it is forgotten.
        self._compositor.update_widgets(self._dirty_widgets)
        if self is not self.app.screen:
            self._pass_on()
            return
        if _ready(self.app):
            super()._compositor_refresh()
            return
        self._dirty_widgets.clear()
        if self._held is None and isinstance(self.app, LinkedApp):
            self._held = self.set_interval(self.app.pacer.patience_s(), self.go_on)

    def _pass_on(self) -> None:
        """Have what changed below another screen painted there, if it can be seen through it.

        Textual paints the whole upper screen, twice, at every tick of a clock below it.
        """
        regions = list(self._compositor._dirty_regions)
        self._compositor._dirty_regions.clear()
        self._dirty_widgets.clear()
        below = self.app._background_screens
        if not regions or self not in below or self.app.screen.styles.background.a == 1:
            return
        for between in below[below.index(self) + 1 :]:
            between._set_dirty(*regions)
        for above in self.app.screen_stack:
            if isinstance(above, PacedModal):
                above.forget_below()
        self.app.screen.refresh(*regions)


def _memory(app: App[object]) -> ScreenMemory:
    """What the terminal shows; an app that is not linked writes all, so nothing is known."""
    return app.memory if isinstance(app, LinkedApp) else ScreenMemory()


def _ready(app: App[object]) -> bool:
    """Whether a frame would be written: Textual drops those that are made during a batch of changes."""
    if app._batch_count:
        return False
    return not isinstance(app, LinkedApp) or app.is_headless or app.pacer.ready()


class PacedScreen(Paced[ScreenResultType]):
    """A paced screen that writes only the cells that changed."""

    def __init__(self, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        """Make a screen, as Textual does."""
        super().__init__(name, id, classes)
        self._compositor = TightCompositor(_memory(self.app))


class PacedModal(Paced[ScreenResultType], ModalScreen[ScreenResultType]):
    """A paced dialog."""

    def __init__(self, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        """Make a dialog, as Textual does."""
        super().__init__(name, id, classes)
        self._compositor = TightCompositor(_memory(self.app))
        self._below: list[Strip] = []

    def forget_below(self) -> None:
        """What is seen through the dialog has changed."""
        self._below = []

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return what is seen through a transparent dialog as the strips of the screen below it.

        Textual would take them apart into segments, which for a canvas costs a third of a second, and
        which could not be recognised as what the terminal shows already.
        """
        stack = self.app.screen_stack
        place = stack.index(self) if self in stack else 0
        if place == 0 or self.styles.background.a > 0 or stack[place - 1].size != self.size:
            return super().render_lines(crop)
        if not self._below:
            chops = stack[place - 1]._compositor._render_chops(self.size.region, lambda _: True)
            self._below = [JoinedStrip(list(chop.values())) for chop in chops]
        return [strip.crop(crop.x, crop.right) for strip in self._below[crop.y : crop.bottom]]


def adopt(screen: Screen[Any], memory: ScreenMemory) -> None:
    """Pace a screen that was written by others, the command palette for one; it must not be shown yet."""
    if isinstance(screen, Paced):
        return
    screen.__class__ = _paced(type(screen))
    screen._compositor = TightCompositor(memory)
    if isinstance(screen, PacedModal):
        screen._below = []


@cache
def _paced(kind: type[Screen[Any]]) -> type[Screen[Any]]:
    """Return a paced class of that kind; Textual looks for styles in the first of its bases."""
    first = PacedModal if issubclass(kind, ModalScreen) else PacedScreen
    if issubclass(first, kind):  # Screen or ModalScreen themselves, which cannot stand before what is made of them
        kind = type(kind.__name__, (kind,), {"__module__": kind.__module__})
    return type(kind.__name__, (kind, first), {"__module__": kind.__module__, "__doc__": kind.__doc__})
