"""Help: what the keys do, for the panel that had the focus first."""

from textual.app import ComposeResult
from textual.widgets import Static

from retouch_tui.actions import ACTIONS, Action
from retouch_tui.keymap import Keymap, shown
from retouch_tui.screens.dialog import Dialog, Sheet

PANELS = {
    "canvas": "Canvas: paint over what should change. Left button paints, right button erases, wheel zooms, middle "
    "button drags the view. Without a mouse: arrows move the cross, Space uses the tool, p puts the pen down, "
    "g hops anywhere in four keys.",
    "prompt": "Prompt: say what should be there. Empty removes the thing and continues the surroundings. "
    "Enter generates, Esc goes back to the canvas.",
    "options": "Options: every value is checked as you type; up and down change numbers; an empty value takes what "
    "suits the model. Rest the mouse on a name to read what it does. Esc goes back to the canvas.",
    "filmstrip": "Results: left and right look, Enter goes on from one, Space compares, d shows how it was made. "
    "Esc goes back to the canvas.",
}


GROUPS = ("Generate", "Tools", "Brush", "Mask", "Results", "View", "Cursor", "Files", "Screens")
"""Groups of actions, what a newcomer needs first."""


def spelled_keys(action: Action, keymap: Keymap) -> str:
    """Write the keys of an action."""
    return " ".join(shown(k) for k in keymap.keys[action.name]) or "—"


class HelpScreen(Dialog[None]):
    """All keys by group, below a word about the panel."""

    def __init__(self, panel: str, keymap: Keymap) -> None:
        """`panel` is one of PANELS."""
        super().__init__()
        self._panel = panel
        self._keymap = keymap

    def compose(self) -> ComposeResult:
        """Make the page."""
        with Sheet("Help", id="help"):
            yield Static(PANELS.get(self._panel, PANELS["canvas"]), markup=False, classes="lead")
            yield Static(
                "\n1 Paint over what is wrong   2 Say what should be there   3 F5 generates   4 a takes the result",
                markup=False,
                classes="lead",
            )
            for group in GROUPS:
                rows = [
                    f"{spelled_keys(a, self._keymap):<14} {a.label:<14} {a.help}" for a in ACTIONS if a.group == group
                ]
                if group == "Brush":
                    rows = [r for r in rows if "preset" not in r] + ["1 … 9          Size           brush size presets"]
                yield Static(group, classes="heading")
                yield Static("\n".join(rows), markup=False, classes="keys")
            yield Static("Keys are moved in keymap.toml; see Settings (F9).", classes="foot")
