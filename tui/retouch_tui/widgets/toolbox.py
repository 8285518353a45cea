"""The toolbox: a column of tools beside the canvas, or one line above it on small screens."""

from dataclasses import dataclass

from textual.widgets import Static

from retouch_tui.layers import Colour
from retouch_tui.tools import TOOLS, tool_names


@dataclass(frozen=True, kw_only=True)
class ToolState:
    """What the toolbox shows."""

    tool: str = "brush"
    size_px: int = 40
    tolerance: int = 24
    colour: Colour = (215, 38, 56)
    swapped: bool = False
    masked_share: float = 0.0
    """0..1."""
    areas: int = 0
    keys: tuple[tuple[str, str], ...] = ()
    """Pairs of action name and the key to show for it."""

    def key(self, action: str) -> str:
        """Return the key of an action, ready for markup."""
        return dict(self.keys).get(action, " ").replace("[", "\\[")


def percent(share: float) -> str:
    """Write a share of the picture so that one pixel is more than nothing."""
    if 0 < share < 0.001:
        return "<0.1%"
    return f"{share * 100:.1f}%"


MASK_ROWS = (
    ("invert", "Invert"),
    ("expand", "Grow"),
    ("shrink", "Shrink"),
    ("feather", "Feather"),
    ("fill-holes", "Fill holes"),
    ("drop-specks", "Specks"),
    ("clear", "Clear"),
)
ACTION_OF = {"expand": "grow"}


class Toolbox(Static):
    """The column."""

    _rows = 0

    def show(self, state: ToolState) -> None:
        """Draw the state."""
        rows = []
        for name in tool_names():
            tool = TOOLS[name]
            key = state.key(name)
            link = f"[@click=screen.tool('{name}')]{tool.label:<11}[/]"
            rows.append(f"[reverse] {key} {link}[/]" if name == state.tool else f" [$accent]{key}[/] {link}")
        rows += ["", "[b $accent]Pen[/]", *self._pen(state), "", "[b $accent]Mask[/]"]
        rows.append(f" [b]{percent(state.masked_share)}[/] in {state.areas} area{'s' * (state.areas != 1)}")
        for name, label in MASK_ROWS:
            key = state.key(ACTION_OF.get(name, name))
            rows.append(f" [$accent]{key}[/] [@click=screen.refine('{name}')]{label:<11}[/]")
        grown = len(rows) != self._rows
        self._rows = len(rows)
        self.update("\n".join(rows), layout=grown)

    def _pen(self, state: ToolState) -> list[str]:
        red, green, blue = state.colour
        rows = []
        tool = TOOLS[state.tool]
        if tool.sized:
            smaller, larger = "[@click='screen.size(-1)'] − [/]", "[@click='screen.size(1)'] + [/]"
            rows.append(f" {state.size_px:>3} px [$accent]{smaller}{larger}[/]")
        if state.tool == "wand":
            less, more = "[@click='screen.tolerance(-8)'] − [/]", "[@click='screen.tolerance(8)'] + [/]"
            rows.append(f" ±{state.tolerance:<3} [$accent]{less}{more}[/]")
        if tool.effect in {"sketch", "pick"}:
            rows.append(f" [on rgb({red},{green},{blue})]    [/] colour")
        if tool.effect == "mask":
            rows.append(" erases" if state.swapped or state.tool == "eraser" else " right: erase")
        return rows or [" [dim]drag on it[/]"]


class ToolLine(Static):
    """The one line of small screens."""

    def show(self, state: ToolState) -> None:
        """Draw the state."""
        parts = []
        for name in tool_names():
            key = state.key(name)
            shown = f" [reverse] {key} {TOOLS[name].label} [/]" if name == state.tool else f" [$accent]{key}[/]"
            parts.append(f"[@click=screen.tool('{name}')]{shown}[/]")
        pen = f" {state.size_px}px" if TOOLS[state.tool].sized else ""
        tail = f" [dim]│[/]{pen} [b]{percent(state.masked_share)}[/] masked"
        self.update("".join(parts) + tail, layout=False)
