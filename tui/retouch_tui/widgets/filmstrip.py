"""The filmstrip: results as small pictures, the one looked at marked, the one worked on named."""

from dataclasses import dataclass
from typing import ClassVar

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.strip import Strip
from textual.widget import Widget

from retouch.arrays import RGB
from retouch_tui.messages import ResultChosen
from retouch_tui.widgets.picture_box import sheet

GAP = 1


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of the strip."""

    key: str
    caption: str
    thumbnail: RGB | None
    """None while it is not known."""


def half_blocks(pixels: RGB, columns: int, rows: int, ground: tuple[int, int, int]) -> list[list[Segment]]:
    """Draw a picture into cells, fitted and centred; ground fills the rest."""
    whole = sheet(pixels, columns, rows, ground)
    return [
        [
            Segment("▀", Style(color=Color.from_rgb(*upper), bgcolor=Color.from_rgb(*lower)))
            for upper, lower in zip(whole[2 * row].tolist(), whole[2 * row + 1].tolist(), strict=True)
        ]
        for row in range(rows)
    ]


class Filmstrip(Widget, can_focus=True):
    """A row of results; arrows look, Enter takes."""

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "look(-1)", "Look left", id="film-left"),
        Binding("right", "look(1)", "Look right", id="film-right"),
        Binding("enter", "take", "Take", tooltip="go on from this result", id="film-take"),
        Binding("space", "screen.compare", "Compare", id="film-compare"),
        Binding("escape", "screen.to_canvas", "Canvas", id="film-leave"),
        Binding("d", "screen.details", "Details", tooltip="how it was made; copy, reuse", id="film-details"),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        """Begin empty."""
        super().__init__(id=id)
        self._frames: tuple[Frame, ...] = ()
        self._shown = ""
        self._cells: dict[tuple[str, int, int], list[list[Segment]]] = {}

    def show(self, frames: tuple[Frame, ...], shown: str) -> None:
        """Draw the frames and mark one."""
        self._frames, self._shown = frames, shown
        self.refresh()

    @property
    def _wide(self) -> int:
        return max(8, self._high * 3)

    @property
    def _high(self) -> int:
        return max(1, self.size.height - 1)

    def _first(self) -> int:
        """Index of the first frame drawn, so that the marked one is in sight."""
        fitting = max(1, self.size.width // (self._wide + GAP))
        at = next((i for i, f in enumerate(self._frames) if f.key == self._shown), 0)
        return max(0, min(at - fitting // 2, len(self._frames) - fitting))

    def render_line(self, y: int) -> Strip:
        """Draw one row of all frames."""
        base = self.rich_style
        if not self._frames or self.size.width == 0:
            return Strip.blank(self.size.width, base)
        segments: list[Segment] = []
        for frame in self._frames[self._first() :]:
            marked = frame.key == self._shown
            if y < self._high:
                segments += self._picture(frame)[y]
            else:
                style = base + Style(reverse=marked, bold=marked)
                segments.append(Segment(frame.caption[: self._wide].center(self._wide), style))
            segments.append(Segment(" " * GAP, base))
        return Strip(segments).crop(0, self.size.width).extend_cell_length(self.size.width, base)

    def _picture(self, frame: Frame) -> list[list[Segment]]:
        place = (frame.key, self._wide, self._high)
        ground = self.background_colors[1].rgb
        if frame.thumbnail is None:
            return [[Segment(" " * self._wide, Style(bgcolor=Color.from_rgb(*ground)))]] * self._high
        if place not in self._cells:
            self._cells[place] = half_blocks(frame.thumbnail, self._wide, self._high, ground)
        return self._cells[place]

    def on_click(self, event: events.Click) -> None:
        """Look at the picture that was clicked; a second click takes it."""
        index = self._first() + event.x // (self._wide + GAP)
        if 0 <= index < len(self._frames):
            self.post_message(ResultChosen(self._frames[index].key, take=event.chain > 1))

    def action_look(self, steps: int) -> None:
        """Look at a neighbour."""
        keys = [f.key for f in self._frames]
        if keys:
            at = keys.index(self._shown) if self._shown in keys else 0
            self.post_message(ResultChosen(keys[min(max(at + steps, 0), len(keys) - 1)]))

    def action_take(self) -> None:
        """Go on from the marked picture."""
        if self._shown:
            self.post_message(ResultChosen(self._shown, take=True))
