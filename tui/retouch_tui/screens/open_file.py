"""Choose a picture: the file dialog with a preview and the pictures opened lately."""

from pathlib import Path
from typing import ClassVar

import numpy as np
from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option
from textual.worker import get_current_worker
from textual_fspicker import FileOpen, FileSave, Filters
from textual_fspicker.icons import Icons
from textual_fspicker.parts import DirectoryNavigation

from retouch.arrays import RGB
from retouch.errors import RetouchError
from retouch_tui.files import is_picture, open_picture, pictures_in, quick_thumbnail, seen
from retouch_tui.history import THUMBNAIL_PX, thumbnail
from retouch_tui.widgets.picture_box import PictureBox

SHEET = (3, 3)
"""Pictures across and down in the preview of a folder."""
SHEET_GREY = 28


def _icon(path: Path | str) -> Text:
    """Mark folders in a way that every terminal shows."""
    return Text("▸ " if Path(path).is_dir() else "  ")


Icons.set_picker(_icon)


def filters() -> Filters:
    """Return what the dialog shows: pictures, or everything."""
    return Filters(("Pictures", is_picture), ("All files", lambda _: True))


LISTS = Filters(("Fix lists", lambda path: path.suffix.lower() == ".toml"), ("All files", lambda _: True))
"""What the dialog shows where a fix list is asked for."""


class Beside(Vertical):
    """What stands beside the list of files: a preview, and pictures opened lately."""

    def __init__(self, recent: tuple[str, ...]) -> None:
        """Offer the pictures that are still there."""
        super().__init__()
        self._recent = [p for p in recent if Path(p).is_file()]

    def compose(self) -> ComposeResult:
        """Make preview and list."""
        yield PictureBox("\n  no preview yet:\n  move to a picture")
        yield Static("", id="preview-words", markup=False)
        if self._recent:
            yield Static("Opened lately", classes="heading")
            yield OptionList(*(Option(Path(p).name, id=str(i)) for i, p in enumerate(self._recent)), compact=True)

    def path(self, index: int) -> Path:
        """Return a picture opened lately."""
        return Path(self._recent[index])


class OpenFile(FileOpen):  # type: ignore[misc]  # untyped here
    """Returns the path of a picture, None for none."""

    BINDINGS: ClassVar = [("f4", "dismiss(None)", "Close"), ("f3", "sheet", "Contact sheet")]

    def __init__(self, folder: Path, title: str, recent: tuple[str, ...] = (), *, lists: bool = False) -> None:
        """Begin in a folder; `lists` are fix lists instead of pictures."""
        super().__init__(folder, title, filters=LISTS if lists else filters(), double_click_directories=False)
        self._recent = recent

    def on_mount(self) -> None:
        """Put the preview beside the list."""
        super().on_mount()
        self.query_one(DirectoryNavigation).parent.mount(Beside(self._recent))

    def action_sheet(self) -> None:
        """Return the folder, to see all its pictures."""
        self.dismiss(Path(self.query_one(DirectoryNavigation).location))

    @on(DirectoryNavigation.Highlighted)
    def highlighted(self, event: DirectoryNavigation.Highlighted) -> None:
        """Preview the file under the cursor."""
        if event.path.is_file():
            self._preview(event.path)
        elif event.path.is_dir():
            self._preview_folder(event.path)

    @on(OptionList.OptionSelected, "Beside OptionList")
    def recent_chosen(self, event: OptionList.OptionSelected) -> None:
        """Take a picture opened lately."""
        event.stop()
        self.dismiss(self.query_one(Beside).path(event.option_index))

    @work(thread=True, exclusive=True, group="preview")
    def _preview(self, path: Path) -> None:
        if path.suffix.lower() == ".toml":
            return
        try:
            pixels, words = thumbnail(seen(open_picture(path)[0])), ""
        except RetouchError as error:
            pixels, words = None, f"\n  {error}"
        self._bring(pixels, words)

    @work(thread=True, exclusive=True, group="preview")
    def _preview_folder(self, folder: Path) -> None:
        try:
            sheet = contact_sheet(folder)
        except OSError as error:
            sheet, words = None, f"\n  {error.strerror}"
        else:
            words = "\n  no pictures here"
        self._bring(sheet, words)

    def _bring(self, pixels: RGB | None, words: str) -> None:
        """Show what a thread has read, unless something else is looked at meanwhile, or the dialog is closed."""
        if self.is_attached and not get_current_worker().is_cancelled:
            self.app.call_from_thread(self._show, pixels, words)

    def _show(self, pixels: RGB | None, words: str) -> None:
        for box in self.query(PictureBox):
            box.show(pixels, words)


def contact_sheet(folder: Path) -> RGB | None:
    """Return the first pictures of a folder side by side; None when there are none."""
    cells = []
    for path in pictures_in(folder)[: SHEET[0] * SHEET[1]]:
        small = quick_thumbnail(path, THUMBNAIL_PX)
        if small is None:
            continue
        cell = np.full((THUMBNAIL_PX, THUMBNAIL_PX, 3), SHEET_GREY, np.uint8)
        top, left = (THUMBNAIL_PX - small.shape[0]) // 2, (THUMBNAIL_PX - small.shape[1]) // 2
        cell[top : top + small.shape[0], left : left + small.shape[1]] = small
        cells.append(cell)
    if not cells:
        return None
    empty = np.full_like(cells[0], SHEET_GREY)
    across = min(SHEET[0], len(cells))
    rows = [cells[i : i + across] for i in range(0, len(cells), across)]
    return np.concatenate([np.concatenate([*row, *[empty] * (across - len(row))], axis=1) for row in rows])


class SaveFile(FileSave):  # type: ignore[misc]  # untyped here
    """Returns the path to write to, None for none; an existing file is asked about by the editor."""

    def __init__(self, suggestion: Path) -> None:
        """Suggest a name."""
        super().__init__(suggestion.parent, "Save the picture as", default_file=suggestion, can_overwrite=True)

    def on_mount(self) -> None:
        """Begin in the name: Enter saves under the suggestion."""
        self.call_after_refresh(self.query_one(Input).focus)
