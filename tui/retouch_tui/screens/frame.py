"""The frame in numbers: room on each side, a size with an anchor, or the closest size that suits the model."""

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Button, Input, Label, Select, Static

from retouch.errors import RetouchError
from retouch.geometry import Box, Size
from retouch.resize import ANCHORS, Margins, closest_valid_size
from retouch_tui.screens.dialog import Dialog, Sheet

SIDES = ("left", "top", "right", "bottom")


def frame_of(margins: Margins, size: Size) -> Box:
    """Return the canvas to be, in coordinates of the picture."""
    return Box(-margins.left, -margins.top, size.width + margins.right, size.height + margins.bottom)


def margins_of(frame: Box, size: Size) -> Margins:
    """Return what must be added on each side to reach a frame."""
    return Margins(left=-frame.left, top=-frame.top, right=frame.right - size.width, bottom=frame.bottom - size.height)


class FrameScreen(Dialog[Box | None]):
    """Returns the canvas to be; shows it on the canvas behind while it is typed."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("f5,ctrl+g", "apply", "Apply", priority=True)]

    def __init__(self, size: Size, frame: Box | None, multiple_px: int, show: Callable[[Box], None]) -> None:
        """`multiple_px` is the model's grid; `show` draws a frame on the canvas."""
        super().__init__()
        self._picture = size
        self._frame = Box.of(size) if frame is None else frame
        self._multiple = multiple_px
        self._show = show

    def compose(self) -> ComposeResult:
        """Make the inputs."""
        with Sheet("Frame: room around the picture", id="frame"):
            yield Static("Pixels or per cent; negative numbers crop. New room is masked.", classes="lead")
            margins = margins_of(self._frame, self._picture)
            for side in SIDES:
                with Horizontal(classes="row"):
                    yield Label(side.capitalize(), classes="label")
                    yield Input(str(getattr(margins, side)), id=side, compact=True)
            with Horizontal(classes="row"):
                yield Label("Or size", classes="label")
                yield Input("", placeholder=str(self._frame.size), id="size", compact=True)
                yield Select([(a, a) for a in ANCHORS], value="center", allow_blank=False, id="anchor", compact=True)
            yield Static("", id="told", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Apply (F5)", id="apply", variant="primary", compact=True)
                yield Button(f"Crop to closest valid size ({self._multiple})", id="crop", compact=True)
                yield Button("Close", id="close", compact=True)

    def on_mount(self) -> None:
        """Begin with the left side."""
        self.query_one("#left", Input).focus()
        self._tell()

    def _tell(self, problem: str = "") -> None:
        self.query_one("#told", Static).update(problem or f"{self._picture} becomes {self._frame.size}")

    def _settle(self, margins: Margins) -> None:
        frame = frame_of(margins, self._picture)
        if min(frame.size) < 1:
            self._tell("▲ nothing would be left of the picture; crop less")
            return
        self._frame = frame
        self._show(frame)
        self._tell()

    @on(Input.Changed)
    def typed(self, event: Input.Changed) -> None:
        """Show what the numbers mean."""
        event.stop()
        try:
            if event.input.id == "size":
                self._sized(event.value)
            else:
                left, top, right, bottom = (self.query_one(f"#{s}", Input).value or "0" for s in SIDES)
                self._settle(Margins.of(self._picture, left=left, top=top, right=right, bottom=bottom))
        except RetouchError as error:
            self._tell(f"▲ {error}")

    @on(Select.Changed)
    def anchored(self, event: Select.Changed) -> None:
        """Move the picture inside the size."""
        event.stop()
        self._sized(self.query_one("#size", Input).value)

    def _sized(self, text: str) -> None:
        if not text.strip():
            return
        width, _, height = text.lower().replace("×", "x").partition("x")
        if not (width.strip().isdigit() and height.strip().isdigit()):
            self._tell("▲ a size is width x height, such as 768x512")
            return
        anchor = str(self.query_one("#anchor", Select).value)
        self._settle(Margins.to(self._picture, Size(int(width), int(height)), anchor))

    @on(Button.Pressed)
    def pressed(self, event: Button.Pressed) -> None:
        """Apply, crop or close."""
        event.stop()
        if event.button.id == "apply":
            self.action_apply()
        elif event.button.id == "crop":
            try:
                self._settle(Margins.to(self._picture, closest_valid_size(self._picture, self._multiple)))
            except RetouchError as error:
                self._tell(f"▲ {error}")
                return
            self.dismiss(self._frame)
        else:
            self.dismiss(None)

    def action_apply(self) -> None:
        """Return the frame."""
        self.dismiss(self._frame)
