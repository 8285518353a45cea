"""The autosave: moments of a session, written one after another whichever thread they come from."""

from dataclasses import dataclass
from threading import Lock

from retouch_tui.history import Entry, PictureStore
from retouch_tui.session import Saved, SessionFolder


@dataclass(frozen=True, eq=False)
class Moment:
    """A session as it was once, with the folder that it belongs to."""

    number: int
    """Moments of one session are numbered as they come."""
    session: SessionFolder
    pictures: PictureStore
    saved: Saved


class Autosave:
    """Writes moments; one that comes after a later one is left out."""

    def __init__(self) -> None:
        """Nothing is written yet."""
        self._lock = Lock()
        self._last = 0

    def write(self, moment: Moment) -> None:
        """Write pictures that are only in memory, then the session; OutputError if it cannot be."""
        with self._lock:
            if moment.number >= self._last:
                self._last = moment.number
                write_pictures(moment.pictures, moment.saved.entries)
                moment.session.save(moment.saved)


def write_pictures(pictures: PictureStore, entries: tuple[Entry, ...]) -> None:
    """Bring pictures that are only in memory to disk."""
    for entry in entries:
        if not pictures.path(entry.key).exists():
            pictures.write(entry.key, pictures.get(entry.key))
