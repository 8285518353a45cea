"""The fix list: numbered flaws, each with its own prompt and options, run one after another."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import SystemRandom
from typing import ClassVar, Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, DataTable, Input, Static

from retouch_tui.engine import Draft, ModelCard
from retouch_tui.fields import FIELDS
from retouch_tui.fixlist import FixList, Region, State, own_options
from retouch_tui.messages import ActionAsked, DraftEdited
from retouch_tui.screens.dialog import Dialog
from retouch_tui.widgets.options import OptionsPanel
from retouch_tui.workspace import LARGEST_RANDOM_SEED

STATES: dict[State, str] = {
    "waiting": "waiting",
    "running": "running …",
    "done": "✓ done",
    "failed": "▲ failed",
    "skipped": "skipped",
}
EMPTY = (
    "No flaws yet.\n\n"
    "Paint over one or more flaws, then press s here to make each painted area a numbered flaw, or n to take all of "
    "the mask as one. Then give each its own prompt and options, and run them in order.\n\n"
    "o opens a fix list that was written before."
)
MORE = "t goes on from the next candidate · u follows the options panel again · o opens, w writes a list"
OF_ALL = ("model", "provider", "memory", "memory_gb")
"""Options that all flaws share: another model for each would have to be opened each time."""
FIX_FIELDS = tuple(field for field in FIELDS if field.name not in OF_ALL)

Asked = Literal["run", "split", "add", "load", "write"]


def own_words(region: Region) -> str:
    """Say which options a flaw has for itself."""
    labels = {field.name: field.label.lower() for field in FIELDS}
    words = [f"{labels.get(name, name)} {_shown(value)}" for name, value in region.own]
    return " · ".join([*words, *([f"take {region.take}"] if region.take > 1 else [])])


def _shown(value: object) -> str:
    if value is None or value == "":
        return "the model's" if value is None else "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)


class FixScreen(Dialog[Asked | None]):
    """Edits the list in place; returns what the editor should do next."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5,ctrl+g", "ask('run')", "Run all waiting", priority=True),
        Binding("s", "ask('split')", "Each masked area"),
        Binding("n", "ask('add')", "Whole mask"),
        Binding("o", "ask('load')", "Open a list"),
        Binding("w", "ask('write')", "Write the list"),
        Binding("delete,d", "remove", "Remove"),
        Binding("r", "again", "Run again"),
        Binding("x", "skip", "Skip"),
        Binding("t", "take", "Take the next candidate"),
        Binding("u", "follow", "Follow the options panel"),
        Binding("enter", "edit", "Prompt", show=False),
    ]

    def __init__(
        self, fixes: FixList, common: Draft, choices: Mapping[str, Sequence[str]], cards: Sequence[ModelCard]
    ) -> None:
        """Show a list; flaws follow the `common` options where they have none of their own."""
        super().__init__()
        self._fixes, self._common = fixes, common
        self._choices, self._cards = choices, cards

    def compose(self) -> ComposeResult:
        """Make the table, and prompt and options of its row."""
        with Vertical(classes="sheet", id="fixes") as sheet:
            sheet.border_title = "Fix list"
            sheet.border_subtitle = (
                "Enter prompt · Tab options · s split · n add · d remove · r again · x skip · F5 run"
            )
            yield Static(EMPTY, id="empty", markup=False)
            with Horizontal(id="fix-body"):
                with Vertical(id="fix-left"):
                    yield DataTable(cursor_type="row", zebra_stripes=True)
                    yield Input(placeholder="prompt of this flaw; Enter keeps it", compact=True, id="fix-prompt")
                yield OptionsPanel(self._choices, self._cards, id="fix-options", fields=FIX_FIELDS)
            yield Static(MORE, id="fix-keys", markup=False, classes="lead")
            with Horizontal(classes="buttons"):
                yield Button("Run all (F5)", id="run", variant="primary", compact=True)
                yield Button("Open (o)", id="load", compact=True)
                yield Button("Write (w)", id="write", compact=True)
                yield Button("Close", id="close", compact=True)

    def on_mount(self) -> None:
        """Fill the table."""
        table = self._table
        table.add_columns("No", "Prompt", "State", "Where", "Its own options")
        self._fill()
        table.focus()

    @property
    def _table(self) -> DataTable[str]:
        return self.query_one(DataTable)

    def _fill(self) -> None:
        table = self._table
        row = table.cursor_row
        table.clear()
        for region in self._fixes:
            where = f"{region.box.left},{region.box.top} {region.box.width}×{region.box.height}"
            state = STATES[region.state] + (f": {region.note}" if region.note else "")
            state += f" ({region.result})" if region.result else ""
            prompt = region.prompt or "(remove)"
            table.add_row(str(region.number), prompt, state, where, own_words(region), key=str(region.number))
        self.query_one("#fix-body").display = len(self._fixes) > 0
        self.query_one("#empty").display = len(self._fixes) == 0
        if table.row_count:
            table.move_cursor(row=min(row, table.row_count - 1))

    def _chosen(self) -> Region | None:
        table = self._table
        if not table.row_count:
            return None
        return self._fixes[int(str(table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value))]

    def _show_row(self) -> None:
        region = self._chosen()
        if region is not None:
            self.query_one("#fix-prompt", Input).value = region.prompt
            panel = self.query_one("#fix-options", OptionsPanel)
            panel.border_title = f"Options of flaw {region.number}"
            panel.show(region.draft(self._common))

    @on(DataTable.RowHighlighted)
    def highlighted(self, event: DataTable.RowHighlighted) -> None:
        """Show prompt and options of the row."""
        event.stop()
        self._show_row()

    @on(DataTable.RowSelected)
    def selected(self, event: DataTable.RowSelected) -> None:
        """Edit the prompt of the row."""
        event.stop()
        self.query_one("#fix-prompt").focus()

    @on(Input.Submitted, "#fix-prompt")
    def submitted(self, event: Input.Submitted) -> None:
        """Keep the prompt."""
        event.stop()
        region = self._chosen()
        if region is not None:
            self._fixes.change(region.number, prompt=event.value, state="waiting")
        self._fill()
        self._table.focus()

    @on(DraftEdited)
    def edited(self, event: DraftEdited) -> None:
        """Keep in what the options of the row differ from those of the panel."""
        event.stop()
        region = self._chosen()
        if region is not None:
            self._fixes.change(region.number, own=own_options(self._common, event.draft))
            with self.prevent(DataTable.RowHighlighted):
                self._fill()

    @on(ActionAsked)
    def asked(self, event: ActionAsked) -> None:
        """Draw a seed for the row, or go back to the table."""
        event.stop()
        region = self._chosen()
        if event.action == "dice" and region is not None:
            draft = region.draft(self._common).with_request(seed=SystemRandom().randint(0, LARGEST_RANDOM_SEED))
            self._change(region, own=own_options(self._common, draft))
        elif event.action == "generate":
            self._table.focus()

    @on(Button.Pressed)
    def pressed(self, event: Button.Pressed) -> None:
        """Run, open, write or close."""
        event.stop()
        asked: dict[str | None, Asked] = {"run": "run", "load": "load", "write": "write"}
        self.dismiss(asked.get(event.button.id))

    def action_to_canvas(self) -> None:
        """Go back from the options to the table."""
        self._table.focus()

    def action_ask(self, what: Asked) -> None:
        """Leave it to the editor."""
        self.dismiss(what)

    def action_remove(self) -> None:
        """Forget the row's flaw."""
        region = self._chosen()
        if region is not None:
            self._fixes.remove(region.number)
            self._fill()

    def _change(self, region: Region | None, **changes: object) -> None:
        if region is not None:
            self._fixes.change(region.number, **changes)
            self._fill()
            self._show_row()

    def action_again(self) -> None:
        """Let the row's flaw run again; without a seed of its own it gets a new one."""
        self._change(self._chosen(), state="waiting", note="", result="")

    def action_skip(self) -> None:
        """Leave the row's flaw out, or in again."""
        region = self._chosen()
        if region is not None and region.state != "running":
            self._change(region, state="waiting" if region.state == "skipped" else "skipped")

    def action_take(self) -> None:
        """Go on from the next of the row's candidates, the first after the last."""
        region = self._chosen()
        if region is not None:
            count = region.draft(self._common).candidates
            self._change(region, take=region.take % count + 1)

    def action_follow(self) -> None:
        """Let the row's flaw follow the options panel in everything."""
        self._change(self._chosen(), own=(), take=1)


def common_options(draft: Draft) -> Draft:
    """Return the options that flaws follow: those of the panel, without its prompt."""
    return replace(draft, request=replace(draft.request, prompt=""))
