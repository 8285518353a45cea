"""The editor: canvas, tools, prompt, options and results on one screen."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.geometry import Offset
from textual.widget import Widget
from textual.widgets import Button, Footer

from retouch_tui.actions import bindings
from retouch_tui.raster import Scene, Side
from retouch_tui.screens.editor_dialogs import Dialogs, make_canvas
from retouch_tui.screens.editor_files import UNKNOWN_PX
from retouch_tui.screens.help import HelpScreen
from retouch_tui.screens.jump import JumpScreen
from retouch_tui.screens.settings import SettingsScreen
from retouch_tui.screens.welcome import WelcomeScreen
from retouch_tui.settings import Settings
from retouch_tui.terminal.capabilities import Mouse
from retouch_tui.terminal.link import LinkedApp
from retouch_tui.turns import Errand, in_turn
from retouch_tui.widgets.canvas_pane import CanvasPane
from retouch_tui.widgets.canvas_view import CanvasView
from retouch_tui.widgets.filmstrip import Filmstrip
from retouch_tui.widgets.options import OptionsPanel, option_choices
from retouch_tui.widgets.prompt import PromptBox, PromptLine
from retouch_tui.widgets.run_line import RunLine
from retouch_tui.widgets.status_line import StatusLine
from retouch_tui.widgets.toolbox import Toolbox, ToolLine

LINK_SECONDS = 3.0
DEVICE_SECONDS = 2.0
"""Devices are looked for when the editor is up: trying them takes a second of the processor."""


def found_mouse_off(app: App[object]) -> bool:
    """Whether the terminal has no mouse, so that the crosshair must always be seen."""
    return isinstance(app, LinkedApp) and app.capabilities.mouse is Mouse.OFF


class EditorScreen(Dialogs):
    """Wires the parts together."""

    CSS_PATH = "editor.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("editor")]

    def compose(self) -> ComposeResult:
        """Make all panels; the style sheet decides which are seen."""
        engine = self.engine
        choices = option_choices(engine)
        app = self.app
        found = app.capabilities if isinstance(app, LinkedApp) else None
        canvas = CanvasView() if found is None else make_canvas(found)
        yield ToolLine(id="tool-line")
        with Horizontal(id="main"):
            with VerticalScroll(id="tools", can_focus=False):
                yield Toolbox()
            with Vertical(id="stage"):
                yield CanvasPane(canvas, id="pane")
                yield RunLine(id="run")
                yield StatusLine("", id="status")
                yield Filmstrip(id="film")
            with Vertical(id="side"):
                yield PromptBox(id="prompt")
                yield OptionsPanel(choices, engine.models(), id="options")
                yield Button("Generate  F5", id="generate", variant="primary")
        yield PromptLine(id="prompt-line")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Show the workspace."""
        self.query_one("#prompt").border_title = "Prompt"
        self.query_one("#options").border_title = "Options"
        self.query_one("#tools").border_title = "Tools"
        self.query_one("#film").border_title = "Results"
        self.canvas.focus()
        self.crosshair = found_mouse_off(self.app)
        self.set_interval(LINK_SECONDS, self._show_link)
        self.set_timer(DEVICE_SECONDS, self._find_devices)
        self.show_draft()
        for problem in self.keymap.problems:
            self.notify(problem, title="Keymap", severity="warning", timeout=12)

    def _find_devices(self) -> None:
        """Offer the devices that work here, once somebody has looked for them."""

        def offer(found: Sequence[str]) -> None:
            self.query_one(OptionsPanel).offer("provider", found)

        self.aside(self.engine.find_providers, offer, lambda: None)

    def _show_link(self) -> None:
        """Show colours and round trip of the terminal."""
        app = self.app
        if isinstance(app, LinkedApp) and not app.is_headless:
            found, trip = app.capabilities, app.pacer.round_trip_s
            words = [str(found.glyphs), str(found.colours), f"mouse {found.mouse}"]
            words += [] if trip is None else [f"{trip * 1000:.0f} ms"]
            self.set_status(link=" · ".join(words))

    def show_title(self) -> None:
        """Name picture, size and model above the canvas."""
        workspace, size = self.workspace, self.document.size
        name = Path(workspace.source).name if workspace.source else "sample"
        mark = " [b]●[/]" if workspace.unsaved else ""
        pane = self.query_one(CanvasPane)
        pane.border_title = f"{name} {size.width}×{size.height}{mark}"
        pane.border_subtitle = f"{workspace.draft.model} · {workspace.draft.provider}"

    def show_all(self, side: Side | None = None) -> None:
        """Show everything anew, the title too."""
        super().show_all(side)
        self.show_title()

    def begin_session(self) -> None:
        """Keep the session and begin another."""
        begin = getattr(self.app, "begin_session", None)
        if begin is not None:
            begin()

    def mirrored(self, scene: Scene) -> None:
        """Pass the scene on to the mirror, if there is one."""
        mirror = getattr(self.app, "mirror", None)
        if mirror is not None:
            mirror.show(scene.picture, scene.mask)

    def show_tools(self) -> None:
        """Draw the toolbox; what changed is worth saving."""
        super().show_tools()
        if self.document.revision != self._saved_revision:
            self._saved_revision = self.document.revision
            self.autosave_soon()

    def on_resize(self) -> None:
        """Draw what depends on the width."""
        self.query_one(StatusLine).show(self.status)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Generate."""
        if event.button.id == "generate":
            event.stop()
            self.action_generate()

    # -- panels -----------------------------------------------------------------------------------------------

    def action_panel(self, name: str) -> None:
        """Open a drawer and go there, or close it and go back."""
        drawer = self.query_one("#side" if name == "options" else "#film")
        opens = not drawer.has_class("-show")
        drawer.set_class(opens, "-show")
        drawer.set_class(not opens, "-hide")
        if not opens:
            self.canvas.focus()
        elif name == "options":
            self.query_one("#field-negative_prompt").focus()
        else:
            drawer.focus()

    def action_to_canvas(self) -> None:
        """Go back to the canvas; drawers close."""
        for drawer in self.query("#side, #film"):
            drawer.remove_class("-show")
        super().action_to_canvas()

    def panel_name(self) -> str:
        """Say which panel has the focus."""
        focused = self.focused
        for node in () if focused is None else focused.ancestors_with_self:
            if isinstance(node, (PromptBox, PromptLine)):
                return "prompt"
            if isinstance(node, OptionsPanel):
                return "options"
            if isinstance(node, Filmstrip):
                return "filmstrip"
        return "canvas"

    def action_help(self) -> None:
        """Explain the panel that has the focus."""
        self.app.push_screen(HelpScreen(self.panel_name(), self.keymap))

    def action_jump(self) -> None:
        """Put a letter above each panel that is seen."""
        line = self.query_one("#prompt-line")
        names: dict[str, tuple[str, Widget]] = {
            "c": ("canvas", self.canvas),
            "o": ("options", self.query_one("#options")),
            "p": ("prompt", line if line.display else self.query_one("#prompt")),
            "r": ("results", self.query_one("#film")),
            "g": ("generate", self.query_one("#generate")),
        }
        seen = {k: (n, w) for k, (n, w) in names.items() if w.region and w.display}
        places = {k: (n, Offset(max(w.region.x, 0), w.region.y)) for k, (n, w) in seen.items()}

        def go(letter: str | None) -> None:
            if letter == "o":
                self.query_one("#field-negative_prompt").focus()
            elif letter is not None:
                seen[letter][1].focus()

        self.app.push_screen(JumpScreen(places), go)

    def action_settings(self) -> None:
        """Show the settings."""

        def keep(settings: Settings | None) -> None:
            if settings is None:
                self.app.theme = self.settings.theme
            else:
                self.settings = settings
                self._keep_settings()

        self.app.push_screen(SettingsScreen(self.settings, self.keymap, self.config), keep)

    def welcome(self) -> None:
        """Show the tour of the first start."""
        self.app.push_screen(WelcomeScreen(self.keymap), lambda _: self.set_settings(toured=True))

    # -- the end ----------------------------------------------------------------------------------------------

    @in_turn
    def action_leave(self) -> None:
        """Close; the session is kept."""
        if self.workspace.touched:
            self.set_status(hint="keeping the session …")
            self.work_out(Errand(UNKNOWN_PX, self.workspace.keep), lambda _: self.app.exit(0))
        else:
            self.app.exit(0)

    @in_turn
    def resume_session(self) -> None:
        """Bring the session back as it was."""
        self.set_status(hint="reading your last session …")
        self.work_out(Errand(UNKNOWN_PX, self.workspace.resume), self._resumed, self.open_sample)

    def _resumed(self, count: int) -> None:
        self.restore_origin()
        self.begin_looking()
        came = f"; {count} result{'s' * (count != 1)} came while you were away" if count else ""
        self.notify(f"your last session is back{came}")

    def begin_looking(self) -> None:
        """Show a resumed session: what was on the canvas, and a run that still goes on."""
        self.set_look(side=Side.AFTER)
        self.picture_changed()
        self.show_draft()
        if self.workspace.busy:
            self.follow_run("a run of the last session goes on")
        self.query_one(RunLine).display = self.workspace.busy
