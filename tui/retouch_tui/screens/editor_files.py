"""The part of the editor that deals with files: open, save, masks, the frame, the autosave, copying."""

import json
from dataclasses import replace
from pathlib import Path

from textual import work
from textual.timer import Timer

from retouch.errors import RetouchError
from retouch.geometry import Box
from retouch.picture import Picture
from retouch.resize import resize_canvas
from retouch_tui.files import SUFFIXES, free_name, open_mask, open_picture, save_mask, save_result, seen
from retouch_tui.layers import Mask8, Point
from retouch_tui.refine import to_bytes
from retouch_tui.sample import sample_picture
from retouch_tui.screens.contact_sheet import ContactSheet
from retouch_tui.screens.dialog import Confirm
from retouch_tui.screens.editor_base import EditorBase
from retouch_tui.screens.frame import FrameScreen, margins_of
from retouch_tui.screens.open_file import OpenFile, SaveFile
from retouch_tui.session import Saved
from retouch_tui.settings import save_settings

AUTOSAVE_SECONDS = 1.5
GRAB_SHARE = 0.35
"""A drag of the frame that starts within this part of the picture's side moves that edge."""


class Filing(EditorBase):
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

        def took(found: tuple[Picture, Mask8 | None]) -> None:
            self._took(path.resolve(), *found, fresh=fresh)

        def failed() -> None:
            if not self.workspace.history.entries:
                self.open_sample()

        self.aside(lambda: open_picture(path), took, failed)

    def _took(self, path: Path, picture: Picture, empty: Mask8 | None, *, fresh: bool) -> None:
        if fresh:
            self.begin_session()
        self.origin = picture
        self.workspace.open(seen(picture), str(path), empty)
        self.set_settings(recent=self.settings.with_recent(str(path)).recent)
        for note in picture.notes:
            self.notify(note)
        if empty is not None:
            self.notify("the transparent part is masked: it will be painted")
        self.picture_changed()
        self.set_status(hint="")

    def begin_session(self) -> None:
        """Keep the session and begin another; the full editor asks the app for it."""

    def restore_origin(self) -> None:
        """After a resume: read the metadata of the picture's file again, if it is still there."""
        source = Path(self.workspace.source)
        if self.workspace.source and source.is_file():
            try:
                self.origin = open_picture(source)[0]
            except RetouchError:
                self.origin = None

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

    def _mask_opened(self, path: Path | None) -> None:
        if path is None:
            return
        try:
            mask = open_mask(path, self.document.size)
        except RetouchError as error:
            self.notify(str(error), severity="error")
            return
        name = str(path).replace("\\", "\\\\").replace('"', '\\"')
        self.show_change(self.workspace.replace_mask(mask, "load mask", f'+ file "{name}"'))
        self.ask_plan()

    def action_save_mask(self) -> None:
        """Write the mask to a file."""
        suggestion = free_name(self.workspace.source, Path.cwd())
        named = suggestion.with_name(suggestion.name.replace("retouched", "mask"))

        def write(path: Path | None) -> None:
            if path is None:
                return
            try:
                save_mask(path, self.document.mask, force=False)
                self.notify(f"saved {path}")
            except RetouchError as error:
                self.notify(str(error), severity="error")

        self.app.push_screen(SaveFile(named), write)

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

    # -- the frame --------------------------------------------------------------------------------------------

    def pull_frame(self, start: Point, at: Point) -> None:
        """Move the edges nearest to where the drag began."""
        size = self.document.size
        dx, dy = round(at[0] - start[0]), round(at[1] - start[1])
        left = dx if start[0] < size.width * GRAB_SHARE else 0
        right = dx if start[0] > size.width * (1 - GRAB_SHARE) else 0
        top = dy if start[1] < size.height * GRAB_SHARE else 0
        bottom = dy if start[1] > size.height * (1 - GRAB_SHARE) else 0
        frame = Box(left, top, size.width + right, size.height + bottom)
        if min(frame.size) >= 1:
            self._show_frame(frame)

    def _show_frame(self, frame: Box) -> None:
        self.frame = frame
        self.canvas.show(self.scene())
        self.set_status(hint=f"{self.document.size} becomes {frame.size} · Enter applies · Esc drops · c for numbers")

    def open_frame(self) -> None:
        """Ask for the frame in numbers."""
        cards = {c.name: c for c in self.engine.models()}
        card = cards.get(self.workspace.draft.model)
        grid = 8 if card is None else card.multiple_px

        def framed(frame: Box | None) -> None:
            self.frame = frame
            if frame is None:
                self.show_all()
            else:
                self.apply_frame()

        self.app.push_screen(FrameScreen(self.document.size, self.frame, grid, self._show_frame), framed)

    def apply_frame(self) -> None:
        """Put the picture on its new canvas; new room is masked."""
        frame, self.frame = self.frame, None
        document = self.document
        if frame is None or frame == document.whole:
            self.show_all()
            return
        margins = margins_of(frame, document.size)
        canvas = resize_canvas(document.picture, None, margins)
        room = to_bytes(canvas.mask)
        kept = canvas.old.shift(-margins.left, -margins.top)
        room[canvas.old.slices] = document.mask[kept.slices]
        old = canvas.old
        line = f"+ (all - rect {old.left},{old.top} {old.width}x{old.height})"
        shift = (margins.left, margins.top)
        self.workspace.frame(canvas.pixels, room, f"canvas {frame.size}", line if room.any() else "", shift)
        self.picture_changed()
        self.set_status(hint="the new room is masked · F5 paints it" if room.any() else "cropped")

    # -- the session ------------------------------------------------------------------------------------------

    def autosave_soon(self) -> None:
        """Save the session when nothing was done for a moment."""
        if self._saving is not None:
            self._saving.stop()
        self._saving = self.set_timer(AUTOSAVE_SECONDS, self._autosave)

    def _autosave(self) -> None:
        if self.workspace.touched:
            self._write_session(self.workspace.saved())

    @work(thread=True, exclusive=False, group="autosave")
    def _write_session(self, saved: Saved) -> None:
        try:
            self.workspace.write_pictures()
            self.workspace.session.save(saved)
        except RetouchError as error:
            problem = str(error)
            self.bring(lambda: self.notify(problem, severity="error", timeout=12))

    def _keep_settings(self) -> None:
        try:
            save_settings(self.config, self.settings)
        except RetouchError as error:
            self.notify(str(error), severity="warning")

    def set_settings(self, **changes: object) -> None:
        """Change some settings and keep them."""
        self.settings = replace(self.settings, **changes)  # type: ignore[arg-type]
        self._keep_settings()
