"""The part of the editor that opens dialogs above itself: lines, compare, still, details, fix list."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from retouch.arrays import RGB
from retouch.picture import Picture
from retouch_tui.files import free_name
from retouch_tui.fix_file import read_fix_file, write_fix_file
from retouch_tui.fixlist import Region, regions_of
from retouch_tui.screens.compare import CompareScreen
from retouch_tui.screens.details import DetailsScreen
from retouch_tui.screens.editor_canvas import CanvasEditing
from retouch_tui.screens.editor_frame import Framing
from retouch_tui.screens.editor_results import Generating
from retouch_tui.screens.fixes import FixScreen, common_options
from retouch_tui.screens.open_file import OpenFile, SaveFile
from retouch_tui.screens.script import Script, ScriptScreen
from retouch_tui.screens.still import StillScreen
from retouch_tui.script import drawn
from retouch_tui.terminal.capabilities import PLAIN, Capabilities, Mouse
from retouch_tui.terminal.link import LinkedApp
from retouch_tui.turns import Errand, in_turn
from retouch_tui.widgets.canvas_view import CanvasView
from retouch_tui.widgets.options import option_choices
from retouch_tui.widgets.sharp_canvas import SharpCanvas


def make_canvas(found: Capabilities) -> SharpCanvas:
    """Make a canvas for a terminal."""
    return SharpCanvas(depth=found.colours, glyphs=found.glyphs, pixel_mouse=found.mouse is Mouse.PIXEL)


class Dialogs(Framing, Generating, CanvasEditing):
    """Dialogs."""

    @in_turn
    def action_script(self) -> None:
        """Show the mask as lines."""
        document = self.document
        alpha = None if self.origin is None else self.origin.alpha
        self.app.push_screen(
            ScriptScreen(document.lines, lambda lines: drawn(lines, document.picture, alpha)), self._scripted
        )

    @in_turn
    def _scripted(self, script: Script | None) -> None:
        document = self.document
        if script is not None:
            run = lambda: document.replacing(script.mask, "edit lines", script.lines)  # noqa: E731
            self.change(Errand(document.size.area, run))

    @in_turn
    def action_compare(self) -> None:
        """Wipe between before and after."""
        self._with_before(self._compare)

    def _with_before(self, then: Callable[[], None]) -> None:
        """Go on when the picture before the one worked on is in memory."""
        history = self.workspace.history
        keys = [entry.key for entry in history.line_of(history.base)[-2:-1]]
        unread = [key for key in keys if history.pictures.at_hand(key) is None]
        run = lambda: [history.pictures.get(key) for key in unread]  # noqa: E731
        self.work_out(Errand(len(unread) * self.document.size.area, run), lambda _: then())

    def _compare(self) -> None:
        scene = replace(self.scene(), regions=(), frame=None, preview=None, drawing=None)
        if scene.compare is None:
            self.notify("nothing to compare with yet; generate first, or look at a result with , and .")
            return
        app = self.app
        canvas = make_canvas(app.capabilities) if isinstance(app, LinkedApp) else CanvasView()
        entry = self.workspace.history.entries[self.shown_key or self.workspace.history.base]
        words = f"result {entry.number} · drag or arrows · o flips · Esc"
        self.app.push_screen(CompareScreen(scene, canvas, words))

    @in_turn
    def action_still(self) -> None:
        """Show the picture in view over the whole screen, in real pixels where the terminal has them."""
        self._with_before(self._still)

    def _still(self) -> None:
        scene, app = self.scene(), self.app
        found = app.capabilities if isinstance(app, LinkedApp) else PLAIN
        app.push_screen(StillScreen(scene.picture, scene.compare, found))

    @in_turn
    def action_details(self) -> None:
        """Show how the result in view was made."""
        workspace, history = self.workspace, self.workspace.history
        key = self.shown_key or history.base
        entry = history.entries[key]

        def act(what: str | None) -> None:
            if what == "take":
                self.take(key)
            elif what == "reuse":
                self.action_reuse()
            elif what == "save":
                self.action_save()
            elif what is not None:
                self.action_copy(what.removeprefix("copy-"))

        def show(found: tuple[RGB, list[RGB]]) -> None:
            self.app.push_screen(DetailsScreen(entry, history.line_of(key), *found), act)

        run = lambda: (history.pictures.get(key), workspace.steps_of(entry))  # noqa: E731
        self.work_out(Errand(self.document.size.area, run), show)

    def action_fixes(self) -> None:
        """Show the fix list."""

        def act(what: str | None) -> None:
            if what in {"split", "add"}:
                self._add_fixes(lambda _: self.action_fixes(), apart=what == "split")
            elif what == "run":
                self.run_fixes()
            elif what == "load":
                self.app.push_screen(OpenFile(Path.cwd(), "Open a fix list", (), lists=True), self._load_fixes)
            elif what == "write":
                name = free_name(self.workspace.source, Path.cwd()).with_suffix(".toml")
                self.app.push_screen(SaveFile(name), self._write_fixes)
            self.show_all()
            self.autosave_soon()

        choices, cards = option_choices(self.engine), self.engine.models()
        self.app.push_screen(FixScreen(self.workspace.fixes, common_options(self.workspace.draft), choices, cards), act)

    def _load_fixes(self, path: Path | None) -> None:
        """Put the flaws of a file on the list, behind those that are there."""
        if path is None:
            self.action_fixes()
            return
        alpha = None if self.origin is None else self.origin.alpha
        fits = alpha is not None and alpha.shape == self.document.picture.shape[:2]
        picture = Picture(pixels=self.document.picture, alpha=alpha if fits else None)

        def took(regions: list[Region]) -> None:
            for region in regions:
                self.workspace.fixes.append(region)
            self.show_all()
            self.action_fixes()

        self.aside(lambda: read_fix_file(path, picture), took, self.action_fixes)

    def _write_fixes(self, path: Path | None) -> None:
        if path is not None:
            regions, size = list(self.workspace.fixes), self.document.size
            task = lambda: write_fix_file(path, regions, (size.height, size.width))  # noqa: E731
            self.aside(task, lambda _: self.notify(f"wrote {path}; run it with: retouch fix"), lambda: None)

    def action_add_fix(self) -> None:
        """Make the mask a numbered flaw."""

        def told(added: list[Region]) -> None:
            self.set_status(hint=f"flaw {added[0].number} is on the fix list (F6); paint the next one")

        self._add_fixes(told, apart=False)

    @in_turn
    def _add_fixes(self, then: Callable[[list[Region]], object], *, apart: bool) -> None:
        """Put the mask on the fix list and clear it; `then` gets the flaws, if there are any."""
        fixes, mask, prompt = self.workspace.fixes, self.document.mask, self.workspace.draft.request.prompt

        def land(regions: list[Region]) -> None:
            if not regions:
                self.notify("nothing is masked yet; paint over a flaw first", severity="warning")
                return
            added = [fixes.append(region) for region in regions]
            self.action_refine("clear")
            self.show_all()
            self.turns.take(lambda: then(added))

        self.work_out(Errand(mask.size, lambda: regions_of(mask, prompt, apart=apart)), land)
