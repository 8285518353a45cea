"""The status line: the pointer, the zoom, and what a run would do."""

from dataclasses import dataclass

from textual.widgets import Static

from retouch_tui.engine import Plan
from retouch_tui.layers import Point
from retouch_tui.widgets.run_line import seconds


@dataclass(frozen=True, kw_only=True)
class Status:
    """What the line shows."""

    at: Point | None = None
    zoom: float = 1.0
    """Half-cells per picture pixel."""
    pen_down: bool = False
    looking: str = ""
    """What is on the canvas when it is not the picture worked on."""
    hint: str = ""
    plan: Plan | None = None
    problem: str = ""
    link: str = ""
    """Colours, mouse and round trip of the terminal."""


def plan_words(plan: Plan) -> str:
    """Say what a run would do."""
    first, work = plan.boxes[0], plan.works[0]
    many = f" in {len(plan.boxes)} places" if len(plan.boxes) > 1 else ""
    parts = [f"{first.width}×{first.height} at {work.width}×{work.height}{many}", f"{plan.cells} cells"]
    if plan.seconds is not None:
        parts.append(f"~{seconds(plan.seconds)}")
    if plan.memory is not None:
        parts.append(f"{plan.memory / 1e9:.1f} GB" + (f" ({plan.sparing})" if plan.sparing else ""))
    return " · ".join(parts)


TIP = """Pointer in picture pixels and zoom; then what a run would do:
the part of the picture the model sees and the size it works at,
how many latent cells (8x8 pixels at that size) will change,
the time and the memory it will take."""


class StatusLine(Static):
    """One line below the canvas."""

    def on_mount(self) -> None:
        """Explain itself."""
        self.tooltip = TIP

    def show(self, status: Status) -> None:
        """Draw the status, the most useful part last to be cut."""
        wide = self.size.width
        place = "" if status.at is None else f"{int(status.at[0]):>4},{int(status.at[1]):<4} "
        left = f"{place}{zoom_words(status.zoom)}"
        if status.pen_down:
            left += " [reverse] pen down [/]"
        if status.looking:
            left = f"[reverse] {status.looking} [/] {left}"
        right = status.problem or status.hint or ("" if status.plan is None else plan_words(status.plan))
        if status.link and wide >= 110:
            right = f"{right}  [dim]{status.link}[/]" if right else f"[dim]{status.link}[/]"
        colour = "$warning" if status.problem else "$text-muted"
        self.update(f"{left} [dim]│[/] [{colour}]{right}[/]", layout=False)


def zoom_words(zoom: float) -> str:
    """Write the zoom as screen pixels for a picture pixel."""
    return f"{zoom:g}:1" if zoom >= 1 else f"1:{1 / zoom:.3g}"
