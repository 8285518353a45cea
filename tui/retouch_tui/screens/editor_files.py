"""The part of the editor that deals with files: open, save, masks, the autosave, copying."""

import json
from dataclasses import replace
from pathlib import Path

from textual.timer import Timer

from retouch.errors import RetouchError
from retouch.picture import Picture
from retouch_tui.autosave import Moment
from retouch_tui.files import SUFFIXES, free_name, open_mask, open_picture, save_mask, save_result, seen
from retouch_tui.landing import Landing
from retouch_tui.project import Opening
from retouch_tui.sample import sample_picture
from retouch_tui.screens.contact_sheet import ContactSheet
from retouch_tui.screens.dialog import Confirm
from retouch_tui.screens.editor_tools import Tooling
from retouch_tui.screens.open_file import OpenFile, SaveFile
from retouch_tui.settings import save_settings
from retouch_tui.turns import Errand, in_turn

AUTOSAVE_SECONDS = 1.5
UNKNOWN_PX = 1 << 28
"""Files may be of any size: they are read and written in a thread."""


class Filing(Tooling):
    """Files."""

    _saving: Timer | None = None
    _saved_revision = -1

    # -- opening ----------------------------------------------------------------------------------------------

    def action_open(self) -> None:
        """Choose a picture."""
        source = self.workspace.source
        folder = Path(source).parent if source else Path.cwd()
        self.app.push_screen(OpenFile(folder, "Open a picture", self.settings.recent), self._opened)

    def _opened(self, path: Path | None) -> None:
        if path is not None and path.is_dir():
            self.open_folder(path)
        elif path is not None:
            self.open_path(path)

    def open_folder(self, folder: Path, *, fresh: bool = True) -> None:
        """Show the pictures of a folder, and open the one that is chosen."""

        def chosen(path: Path | None) -> None:
            if path is not None and path.is_dir():
                self.app.push_screen(OpenFile(path, "Open a picture", self.settings.recent), self._opened)
            elif path is not None:
                self.open_path(path, fresh=fresh)

        self.app.push_screen(ContactSheet(folder.resolve()), chosen)

    def open_path(self, path: Path, *, fresh: bool = True) -> None:
        """Open a picture file, in a `fresh` session or the one begun; a bad file changes nothing."""
        self.set_status(hint=f"opening {path.name} …")
        self._open(path, fresh=fresh)

    @in_turn
    def _open(self, path: Path, *, fresh: bool) -> None:
        workspace = self.workspace

        def run() -> tuple[Picture, bool, Opening]:
            picture, empty = open_picture(path)
            opening = Opening.of(seen(picture), empty)
            if fresh and workspace.touched:
                workspace.keep()
            return picture, empty is not None, opening

        def failed() -> None:
            if not workspace.history.entries:
                self.open_sample()

        self.work_out(Errand(UNKNOWN_PX, run), lambda found: self._took(path.resolve(), *found, fresh=fresh), failed)

    def _took(self, path: Path, picture: Picture, masked: bool, opening: Opening, *, fresh: bool) -> None:
        if fresh:
            self.begin_session()
        self.origin = picture
        self.workspace.begin(opening, str(path))
        self.set_settings(recent=self.settings.with_recent(str(path)).recent)
        for note in picture.notes:
            self.notify(note)
        if masked:
            self.notify("the transparent part is masked: it will be painted")
        self.picture_changed()
        self.set_status(hint="")

    def begin_session(self) -> None:
        """Keep the session and begin another; the full editor asks the app for it."""

    def restore_origin(self) -> None:
        """After a resume: read the metadata of the picture's file again, if it is still there."""
        source = Path(self.workspace.source)

        def kept(picture: Picture | None) -> None:
            if self.workspace.source == str(source):
                self.origin = picture

        if self.workspace.source and source.is_file():
            self.aside(lambda: _origin(source), kept, lambda: None)

    def open_sample(self) -> None:
        """Begin with the sample picture."""
        self.workspace.open(sample_picture(), "")
        self.origin = None
        self.picture_changed()

    def picture_changed(self) -> None:
        """Show a picture that was just opened."""
        self.shown_key, self.preview, self.frame = "", None, None
        self.set_status(looking="", plan=None, problem="", hint="")
        size = self.document.size
        self.cursor.go((size.width / 2, size.height / 2), size)
        self.hand.first_size_px = max(2, round(min(size) / 12))
        self.hand.document = self.document
        self.show_all()
        self.show_results()
        self.show_title()
        self.ask_plan()
        self.autosave_soon()

    def show_title(self) -> None:
        """Name the picture above the canvas."""

    def on_paste(self, event: object) -> None:
        """Open a picture whose path was pasted or dropped."""
        text = str(getattr(event, "text", "")).strip().strip("'\"").removeprefix("file://")
        path = Path(text).expanduser()
        if not text or "\n" in text:
            return
        if path.suffix.lower() in SUFFIXES and path.is_file():
            self.open_path(path)
        elif path.is_absolute() and path.is_dir():
            self.open_folder(path)

    # -- saving -----------------------------------------------------------------------------------------------

    def action_save(self) -> None:
        """Ask where to save the picture worked on, or the result in view."""
        try:
            suggestion = free_name(self.workspace.source, Path.cwd())
        except RetouchError as error:
            self.notify(str(error), severity="error")
            return
        self.app.push_screen(SaveFile(suggestion), self._save_to)

    def _save_to(self, path: Path | None) -> None:
        if path is None:
            return
        if path.exists():
            question = f"{path.name} exists. Replace it?"
            self.app.push_screen(Confirm(question, "Replace", "Keep"), lambda yes: self._write(path) if yes else None)
        else:
            self._write(path)

    def _write(self, path: Path) -> None:
        key = self.shown_key or self.workspace.history.base
        entry = self.workspace.history.entries[key]
        texts = dict(entry.recipe.get("texts", {}))
        if entry.lines:
            texts["retouch mask"] = "\n".join(entry.lines)
        if entry.recipe.get("draft"):
            texts.setdefault("retouch options", json.dumps(entry.recipe["draft"], ensure_ascii=False))
        pictures, origin = self.workspace.history.pictures, self.origin

        def saved(notes: list[str]) -> None:
            self.workspace.saved_key = key
            for note in notes:
                self.notify(note, severity="warning")
            self.notify(f"saved {path}")
            self.set_status(hint="")
            self.show_title()
            self.autosave_soon()

        self.set_status(hint=f"saving {path.name} …")
        self.aside(lambda: save_result(path, pictures.get(key), origin, texts, force=True), saved, lambda: None)

    def action_load_mask(self) -> None:
        """Take the mask from a file."""
        self.app.push_screen(OpenFile(Path.cwd(), "Open a mask", ()), self._mask_opened)

    @in_turn
    def _mask_opened(self, path: Path | None) -> None:
        if path is None:
            return
        document = self.document
        name = str(path).replace("\\", "\\\\").replace('"', '\\"')

        def run() -> Landing | None:
            return document.replacing(open_mask(path, document.size), "load mask", (f'+ file "{name}"',))

        self.change(Errand(UNKNOWN_PX, run))

    def action_save_mask(self) -> None:
        """Write the mask to a file."""
        suggestion = free_name(self.workspace.source, Path.cwd())
        named = suggestion.with_name(suggestion.name.replace("retouched", "mask"))
        self.app.push_screen(SaveFile(named), self._write_mask)

    @in_turn
    def _write_mask(self, path: Path | None) -> None:
        if path is not None:
            mask = self.document.mask
            run = lambda: save_mask(path, mask, force=False)  # noqa: E731
            self.work_out(Errand(UNKNOWN_PX, run), lambda _: self.notify(f"saved {path}"))

    def action_copy(self, what: str) -> None:
        """Copy the path, the prompt or the seed to the clipboard of the terminal (OSC 52)."""
        entry = self.workspace.history.entries[self.shown_key or self.workspace.history.base]
        texts = {
            "path": str(self.workspace.history.pictures.path(entry.key)),
            "prompt": entry.prompt,
            "seed": "" if entry.seed is None else str(entry.seed),
        }
        text = texts[what]
        if text:
            self.app.copy_to_clipboard(text)
            self.set_status(hint=f"copied: {text}")
        else:
            self.set_status(hint=f"this picture has no {what}")

    # -- the session ------------------------------------------------------------------------------------------

    def autosave_soon(self) -> None:
        """Save the session when nothing was done for a moment."""
        if self._saving is not None:
            self._saving.stop()
        self._saving = self.set_timer(AUTOSAVE_SECONDS, self._autosave)

    @in_turn
    def _autosave(self) -> None:
        """Copy the session between two actions, then write the copy while others go on."""
        if self.hand.busy:
            self.autosave_soon()
        elif self.workspace.touched:
            layers = 1 if self.document.sketch is None else 5
            self.work_out(Errand(layers * self.document.size.area, self.workspace.moment), self._write_session)

    def _write_session(self, moment: Moment) -> None:
        self.aside(lambda: self.workspace.keep(moment), lambda _: None, lambda: None)

    def _keep_settings(self) -> None:
        try:
            save_settings(self.config, self.settings)
        except RetouchError as error:
            self.notify(str(error), severity="warning")

    def set_settings(self, **changes: object) -> None:
        """Change some settings and keep them."""
        self.settings = replace(self.settings, **changes)  # type: ignore[arg-type]
        self._keep_settings()


def _origin(source: Path) -> Picture | None:
    try:
        return open_picture(source)[0]
    except RetouchError:
        return None
