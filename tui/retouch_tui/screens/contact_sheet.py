"""The contact sheet: all pictures of a folder, to choose one."""

from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Footer, Static

from retouch_tui.files import pictures_in
from retouch_tui.screens.dialog import Dialog
from retouch_tui.widgets.picture_grid import PictureGrid

EMPTY = "\n  No pictures here (png, jpg, webp, …).\n\n  F4 chooses another folder, Esc closes."


class ContactSheet(Dialog[Path | None]):
    """Returns the picture to open, the folder itself to choose another one, None for none."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("f4,ctrl+o", "elsewhere", "Other folder", key_display="F4")]

    def __init__(self, folder: Path) -> None:
        """Show a folder."""
        super().__init__()
        self._folder = folder
        self._paths, self._problem = _pictures(folder)

    def compose(self) -> ComposeResult:
        """Make the grid."""
        yield Static("", id="sheet-title", markup=False)
        if self._paths:
            yield PictureGrid(self._paths, id="sheet-grid")
        else:
            yield Static(f"\n  {self._problem}" if self._problem else EMPTY, id="sheet-grid", markup=False)
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Name the folder."""
        self._title("")

    def _title(self, name: str) -> None:
        count = len(self._paths)
        words = f" {_short(self._folder)} · {count} picture{'s' * (count != 1)}" + (f" · {name}" if name else "")
        self.query_one("#sheet-title", Static).update(words)

    @on(PictureGrid.Moved)
    def moved(self, event: PictureGrid.Moved) -> None:
        """Name the marked picture in full."""
        event.stop()
        self._title(event.path.name)

    @on(PictureGrid.Chosen)
    def chosen(self, event: PictureGrid.Chosen) -> None:
        """Open it."""
        event.stop()
        self.dismiss(event.path)

    def action_elsewhere(self) -> None:
        """Choose another folder."""
        self.dismiss(self._folder)


def _short(folder: Path) -> str:
    """Write a folder as a person would say it here."""
    here, home = Path.cwd(), Path.home()
    if folder.is_relative_to(here):
        return str(folder.relative_to(here)) if folder != here else folder.name
    return f"~/{folder.relative_to(home)}" if folder.is_relative_to(home) else str(folder)


def _pictures(folder: Path) -> tuple[list[Path], str]:
    """The pictures, or in words why there are none."""
    try:
        return pictures_in(folder), ""
    except OSError as error:
        return [], f"{folder} cannot be read ({error.strerror}); choose another folder with F4"
