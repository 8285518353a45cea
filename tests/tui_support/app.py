"""An app on the stand-in engine."""

from pathlib import Path

from retouch_tui.app import RetouchApp
from retouch_tui.runner import ThreadRunner
from retouch_tui.session import SessionFolder
from tui_support.engine import StandIn


def make_app(picture: Path | None = None, resume: SessionFolder | None = None) -> RetouchApp:
    """Make an app whose jobs run in a thread; folders come from the environment."""
    engine = StandIn()
    return RetouchApp(engine, lambda _: ThreadRunner(engine), picture=picture, resume=resume, theme="retouch-dark")
