"""The fix list: numbered flaws, each with its own prompt, run one after another."""

from typing import ClassVar, Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, DataTable, Input, Static

from retouch_tui.fixlist import FixList, State
from retouch_tui.screens.dialog import Dialog

STATES: dict[State, str] = {"waiting": "waiting", "running": "running …", "done": "✓ done", "failed": "▲ failed"}
EMPTY = (
    "No flaws yet. Paint over one or more flaws, then press s here to make each painted area a numbered flaw,\n"
    "or n to take all of the mask as one. Then give each its own prompt and run them in order."
)

Asked = Literal["run", "split", "add"]


class FixScreen(Dialog[Asked | None]):
    """Edits the list in place; returns what the editor should do next."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5,ctrl+g", "ask('run')", "Run all waiting", priority=True),
        Binding("s", "ask('split')", "Each masked area"),
        Binding("n", "ask('add')", "Whole mask"),
        Binding("delete,d", "remove", "Remove"),
        Binding("r", "again", "Run again"),
        Binding("enter", "edit", "Prompt", show=False),
    ]

    def __init__(self, fixes: FixList) -> None:
        """Show a list."""
        super().__init__()
        self._fixes = fixes

    def compose(self) -> ComposeResult:
        """Make the table and the prompt of its row."""
        with Vertical(classes="sheet", id="fixes") as sheet:
            sheet.border_title = "Fix list"
            sheet.border_subtitle = "Enter edits the prompt · s split mask · n add mask · d remove · r again · F5 run"
            yield Static(EMPTY, id="empty", markup=False)
            yield DataTable(cursor_type="row", zebra_stripes=True)
            yield Input(placeholder="prompt of this flaw; Enter keeps it", compact=True)
            with Horizontal(classes="buttons"):
                yield Button("Run all waiting (F5)", id="run", variant="primary", compact=True)
                yield Button("Close", id="close", compact=True)

    def on_mount(self) -> None:
        """Fill the table."""
        table = self.query_one(DataTable)
        table.add_columns("No", "Prompt", "Where", "State", "Result")
        self._fill()
        table.focus()

    def _fill(self) -> None:
        table = self.query_one(DataTable)
        row = table.cursor_row
        table.clear()
        for region in self._fixes:
            where = f"{region.box.left},{region.box.top} {region.box.width}×{region.box.height}"
            state = STATES[region.state] + (f": {region.note}" if region.note else "")
            prompt = region.prompt or "(remove)"
            table.add_row(str(region.number), prompt, where, state, region.result, key=str(region.number))
        table.display = len(self._fixes) > 0
        self.query_one("#empty").display = len(self._fixes) == 0
        self.query_one(Input).display = len(self._fixes) > 0
        if table.row_count:
            table.move_cursor(row=min(row, table.row_count - 1))

    def _chosen(self) -> int | None:
        table = self.query_one(DataTable)
        if not table.row_count:
            return None
        return int(str(table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value))

    @on(DataTable.RowHighlighted)
    def highlighted(self, event: DataTable.RowHighlighted) -> None:
        """Show the prompt of the row."""
        event.stop()
        number = self._chosen()
        if number is not None:
            self.query_one(Input).value = self._fixes[number].prompt

    @on(DataTable.RowSelected)
    def selected(self, event: DataTable.RowSelected) -> None:
        """Edit the prompt of the row."""
        event.stop()
        self.query_one(Input).focus()

    @on(Input.Submitted)
    def submitted(self, event: Input.Submitted) -> None:
        """Keep the prompt."""
        event.stop()
        number = self._chosen()
        if number is not None:
            self._fixes.change(number, prompt=event.value, state="waiting")
        self._fill()
        self.query_one(DataTable).focus()

    @on(Button.Pressed)
    def pressed(self, event: Button.Pressed) -> None:
        """Run or close."""
        event.stop()
        self.dismiss("run" if event.button.id == "run" else None)

    def action_ask(self, what: Asked) -> None:
        """Leave it to the editor."""
        self.dismiss(what)

    def action_remove(self) -> None:
        """Forget the row's flaw."""
        number = self._chosen()
        if number is not None:
            self._fixes.remove(number)
            self._fill()

    def action_again(self) -> None:
        """Let the row's flaw run again."""
        number = self._chosen()
        if number is not None:
            self._fixes.change(number, state="waiting", note="")
            self._fill()
