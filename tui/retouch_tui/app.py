"""The application: brings engine, settings, session and screens together."""

from collections.abc import Callable, Iterable
from pathlib import Path
from time import monotonic

from textual import events
from textual.app import SystemCommand
from textual.screen import Screen

from retouch.errors import RetouchError
from retouch_tui import collector
from retouch_tui.actions import ACTIONS
from retouch_tui.engine import Draft, Engine
from retouch_tui.folders import config_folder, state_folder
from retouch_tui.keymap import FILE, load_keymap, shown
from retouch_tui.runner import Runner
from retouch_tui.screens.editor import EditorScreen
from retouch_tui.screens.terminal_check import TerminalCheck
from retouch_tui.session import SessionFolder, new_session, prune, resumable
from retouch_tui.settings import load_draft, load_settings
from retouch_tui.terminal.capabilities import PLAIN, Capabilities
from retouch_tui.terminal.link import LinkedApp
from retouch_tui.terminal.mirror import Mirror
from retouch_tui.themes import THEMES, themes
from retouch_tui.workspace import Workspace


class RetouchApp(LinkedApp[int]):
    """Wiring only."""

    TITLE = "retouch"
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] = [(0, "-narrow"), (100, "-normal"), (160, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS: list[tuple[int, str]] = [(0, "-low"), (34, "-high")]  # noqa: RUF012

    def __init__(
        self,
        engine: Engine,
        make_runner: Callable[[SessionFolder], Runner],
        *,
        capabilities: Capabilities = PLAIN,
        picture: Path | None = None,
        resume: SessionFolder | None = None,
        theme: str | None = None,
        mirror: int | None = None,
    ) -> None:
        """Begin with a picture, a session to resume, or the sample."""
        super().__init__(capabilities)
        self._engine = engine
        self._make_runner = make_runner
        self._picture = picture
        self._resume = resume
        self._root = state_folder()
        self._settings, self._troubles = load_settings(config_folder())
        self._keys = load_keymap(config_folder() / FILE)
        self._theme_asked = theme
        self._mirror_port = mirror
        self.mirror: Mirror | None = None
        self._input_at: float | None = None
        """When key or mouse were used since the last search for unreachable objects."""
        session = new_session(self._root) if resume is None else resume
        self.workspace = Workspace(session, make_runner(session))
        self.workspace.draft = self._first_draft()

    def _first_draft(self) -> Draft:
        cards = self._engine.models()
        names = [c.name for c in cards]
        wanted = self._settings.model if self._settings.model in names else next(iter(names), "")
        known = load_draft(config_folder(), wanted)
        return Draft(model=wanted) if known is None else known

    @property
    def editor(self) -> EditorScreen:
        """The editor, below whatever dialog is open."""
        return next(s for s in self.screen_stack if isinstance(s, EditorScreen))

    def on_mount(self) -> None:
        """Show the editor."""
        for theme in themes(self.capabilities.colours):
            self.register_theme(theme)
        wanted = self._theme_asked or self._settings.theme
        self.theme = wanted if wanted in self.available_themes else THEMES[0].name
        self.set_keymap(self._keys.textual())
        editor = EditorScreen(self.workspace, self._engine, self._keys, self._settings, config_folder())
        self.push_screen(editor)
        self.call_after_refresh(self._begin, editor)
        self.set_interval(collector.IDLE_S / 2, self._tidy)

    async def on_event(self, event: events.Event) -> None:
        """Remember when somebody was there."""
        if isinstance(event, events.InputEvent):
            self._input_at = monotonic()
        await super().on_event(event)

    def _tidy(self) -> None:
        """Search for unreachable objects once everybody is away."""
        if self._input_at is not None and monotonic() - self._input_at > collector.IDLE_S:
            self._input_at = None
            collector.search()

    def _begin(self, editor: EditorScreen) -> None:
        self.workspace.session.own()
        prune(self._root)
        self._begin_mirror()
        for trouble in self._troubles:
            self.notify(trouble, severity="warning")
        if self._resume is not None:
            editor.resume_session()
        elif self._picture is not None and self._picture.is_dir():
            editor.open_sample()
            editor.open_folder(self._picture, fresh=False)
        elif self._picture is not None:
            editor.open_path(self._picture, fresh=False)
        else:
            editor.open_sample()
            if not self._settings.toured:
                editor.welcome()
            self._tell_of_lost()

    def _tell_of_lost(self) -> None:
        """Say that a session ended without being closed."""
        lost = [s for s in resumable(self._root) if s.orphaned]
        if lost:
            self.notify("the last session was cut off; get it back with: retouch --resume", timeout=12)

    def _begin_mirror(self) -> None:
        if self._mirror_port is None:
            return
        try:
            self.mirror = Mirror(self._mirror_port)
        except OSError as error:
            self.notify(f"no mirror: port {self._mirror_port} cannot be used ({error}); try another", severity="error")
            return
        self.notify(f"{self.mirror.address}\nthrough ssh: ssh -L PORT:127.0.0.1:PORT", title="Mirror", timeout=30)

    def begin_session(self) -> None:
        """Begin another session in a folder of its own; the one before has been kept."""
        self.workspace.session.disown()
        self.workspace.session = new_session(self._root)
        self.workspace.session.own()

    def autosave_now(self) -> None:
        """Write the session before something else takes its place."""
        if not self.workspace.touched:
            return
        try:
            self.workspace.keep()
        except RetouchError as error:
            self.notify(str(error), severity="error")

    async def action_quit(self) -> None:
        """Close, keeping the session."""
        self.editor.action_leave()

    def on_unmount(self) -> None:
        """Let others resume the session; a running job goes on by itself."""
        self.workspace.session.disown()
        self.workspace.runner.close()
        if self.mirror is not None:
            self.mirror.close()

    def action_terminal(self) -> None:
        """Show what was found out about the terminal."""
        self.push_screen(TerminalCheck(self.capabilities, self.pacer))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every action, with its key, for the command palette."""
        if not isinstance(screen, EditorScreen):
            return
        for action in ACTIONS:
            if action.palette and action.name != "palette":
                keys = self._keys.keys[action.name]
                words = f"{action.help}" + (f"  ({shown(keys[0])})" if keys else "")
                yield SystemCommand(action.label, words, self._runs(screen, action.call))
        yield SystemCommand("Terminal check", "colours, mouse and speed of this terminal", self.action_terminal)
        for theme in THEMES:
            yield SystemCommand(f"Theme {theme.name}", "change the look", self._themes(theme.name))

    def _runs(self, screen: EditorScreen, call: str) -> Callable[[], None]:
        def run() -> None:
            self.call_later(screen.run_action, call)

        return run

    def _themes(self, name: str) -> Callable[[], None]:
        def change() -> None:
            self.theme = name
            self.editor.set_settings(theme=name)

        return change
