"""How a result was made: its picture, its options, and what can be done with it."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Static

from retouch.arrays import RGB
from retouch_tui.history import Entry
from retouch_tui.screens.dialog import Dialog
from retouch_tui.widgets.picture_box import PictureBox
from retouch_tui.widgets.run_line import seconds

OPTIONS = (
    "negative_prompt",
    "fast",
    "steps",
    "guidance",
    "strength",
    "sampler",
    "schedule",
    "blend",
    "area",
    "padding",
)


def recipe_rows(entry: Entry, line: list[Entry]) -> list[tuple[str, str]]:
    """Return the rows of names and values."""
    request = entry.recipe.get("draft", {}).get("request", {})
    rows = [
        ("Result", f"{entry.number} · {entry.kind}"),
        ("Came from", " → ".join(str(e.number) for e in line[:-1]) or "—"),
        ("Prompt", entry.prompt or "— (nothing: remove)"),
    ]
    if request:
        rows += [(_name(n), _value(request[n])) for n in OPTIONS if request.get(n) not in {None, ""}]
    if entry.seed is not None:
        rows.append(("Seed", str(entry.seed)))
    if entry.seconds:
        rows.append(("Took", seconds(entry.seconds)))
    proof = entry.recipe.get("proof")
    if proof:
        rows.append(("Proof", str(proof)))
    if entry.lines:
        rows.append(("Mask", "\n".join(entry.lines[:12])))
    return rows


def _name(option: str) -> str:
    return option.replace("_", " ").capitalize()


def _value(value: object) -> str:
    return "on" if value is True else str(value)


class DetailsScreen(Dialog[str | None]):
    """Returns what to do: take, reuse, copy-prompt, copy-seed, copy-path, save."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "choose('take')", "Take"),
        Binding("r", "choose('reuse')", "Reuse options"),
        Binding("p", "choose('copy-prompt')", "Copy prompt"),
        Binding("s", "choose('copy-seed')", "Copy seed"),
        Binding("f", "choose('copy-path')", "Copy path"),
        Binding("w", "choose('save')", "Save as"),
        Binding("left", "scrub(-1)", "Step back", priority=True),
        Binding("right", "scrub(1)", "Step on", priority=True),
    ]

    def __init__(self, entry: Entry, line: list[Entry], pixels: RGB, steps: list[RGB]) -> None:
        """Show one entry, the way to it, and the previews of its steps."""
        super().__init__()
        self._steps = steps
        self._at = 0
        self._entry, self._line, self._pixels = entry, line, pixels

    def compose(self) -> ComposeResult:
        """Make picture and table."""
        with Horizontal(classes="sheet", id="details") as sheet:
            sheet.border_title = f"Result {self._entry.number}"
            sheet.border_subtitle = "← → steps · a take · r reuse · p s f copy prompt, seed, file · w save"
            yield PictureBox(id="details-picture")
            with VerticalScroll():
                for name, value in recipe_rows(self._entry, self._line):
                    yield Static(name, classes="heading")
                    yield Static(value, markup=False)

    def on_mount(self) -> None:
        """Show the picture."""
        self.query_one(PictureBox).show(self._pixels)
        self._at = len(self._steps)

    def action_scrub(self, by: int) -> None:
        """Look at the steps the picture came from; after the last one is the picture itself."""
        self._at = min(max(self._at + by, 0), len(self._steps))
        last = self._at == len(self._steps)
        self.query_one(PictureBox).show(self._pixels if last else self._steps[self._at])
        words = f"Result {self._entry.number}" + ("" if last else f" · step {self._at + 1} of {len(self._steps)}")
        self.query_one("#details").border_title = words

    def action_choose(self, what: str) -> None:
        """Return the choice."""
        self.dismiss(what)
