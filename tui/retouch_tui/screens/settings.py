"""Settings: the look, and where keys and files are."""

from dataclasses import replace
from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Button, Label, Select, Static

from retouch_tui.actions import ACTIONS
from retouch_tui.keymap import FILE, Keymap, default_keys
from retouch_tui.screens.dialog import Dialog, Sheet
from retouch_tui.screens.help import spelled_keys
from retouch_tui.settings import Settings
from retouch_tui.themes import THEMES

NEXT_START = {
    "mouse": ("auto", "pixel", "cell", "off"),
    "glyphs": ("auto", "half", "quad"),
    "colors": ("auto", "truecolor", "256", "16", "none"),
    "graphics": ("auto", "kitty", "iterm2", "sixel", "none"),
}
LABELS = {"mouse": "Mouse", "glyphs": "Glyphs", "colors": "Colours", "graphics": "Pictures"}


class SettingsScreen(Dialog[Settings | None]):
    """Returns the changed settings."""

    def __init__(self, settings: Settings, keymap: Keymap, folder: Path) -> None:
        """Show the settings of a folder."""
        super().__init__()
        self._settings, self._keymap, self._folder = settings, keymap, folder

    def compose(self) -> ComposeResult:
        """Make the rows."""
        with Sheet("Settings", id="settings"):
            yield from self._row("theme", "Theme", tuple(t.name for t in THEMES), self._settings.theme)
            for name, choices in NEXT_START.items():
                yield from self._row(name, LABELS[name], choices, getattr(self._settings, name))
            yield Static("Mouse, glyphs, colours and pictures change at the next start.", classes="lead")
            with Horizontal(classes="buttons"):
                yield Button("Keep", id="keep", variant="primary", compact=True)
                yield Button("Terminal check", id="terminal", compact=True)
            yield Static("Keys", classes="heading")
            yield Static(f"Moved in {self._folder / FILE}:\n{self._example()}", markup=False)
            for problem in self._keymap.problems:
                yield Static(f"▲ {problem}", markup=False, classes="problem")

    def _row(self, name: str, label: str, choices: tuple[str, ...], value: str) -> ComposeResult:
        with Horizontal(classes="row"):
            yield Label(label, classes="label")
            known = value if value in choices else choices[0]
            yield Select([(c, c) for c in choices], value=known, allow_blank=False, id=name, compact=True)

    def _example(self) -> str:
        moved = [a for a in ACTIONS if self._keymap.keys[a.name] != default_keys()[a.name]]
        if not moved:
            return '\n    [keys]\n    brush = "b"\n    generate = ["ctrl+g", "f5"]\n'
        return "\n" + "\n".join(f"    {a.name:<14} {spelled_keys(a, self._keymap)}" for a in moved) + "\n"

    @on(Select.Changed, "#theme")
    def themed(self, event: Select.Changed) -> None:
        """Try the look at once."""
        event.stop()
        self.app.theme = str(event.value)

    @on(Button.Pressed)
    async def pressed(self, event: Button.Pressed) -> None:
        """Keep, or look at the terminal."""
        event.stop()
        if event.button.id == "terminal":
            await self.run_action("app.terminal")
            return
        chosen = {name: str(self.query_one(f"#{name}", Select).value) for name in ("theme", *NEXT_START)}
        self.dismiss(replace(self._settings, **chosen))  # type: ignore[arg-type]  # all of them are words
