"""How the editor starts, and refuses to."""

import argparse
import io
import subprocess
import sys
from pathlib import Path

import pytest

from retouch.errors import UsageError
from retouch_tui import cli
from retouch_tui.main import _existing, _session
from retouch_tui.session import new_session
from retouch_tui.workspace import Workspace
from tui_support.pictures import landscape


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    cli.add_arguments(parser)
    return parser.parse_args(words)


def test_declaring_the_options_loads_neither_textual_nor_numpy() -> None:
    code = (
        "import sys, argparse; from retouch_tui import cli; cli.add_arguments(argparse.ArgumentParser());"
        "print([m for m in ('textual', 'numpy', 'cv2', 'PIL', 'rich') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_without_a_terminal_the_script_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(UsageError, match="retouch inpaint"):
        cli.run(parsed())


def test_a_missing_picture_is_told_before_the_screen_is_taken(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        _existing(tmp_path / "nowhere.png")


def test_resuming_names_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no session to resume"):
        _session("")
    session = new_session(tmp_path / "state")
    workspace = Workspace(session, None)  # type: ignore[arg-type]
    workspace.open(landscape(), "/a.png")
    session.save(workspace.saved())
    assert _session("").folder == session.folder
    assert _session(session.folder.name).folder == session.folder
    with pytest.raises(UsageError, match=session.folder.name):
        _session("yesterday")


def test_a_picture_may_stand_behind_the_mirror(tmp_path: Path) -> None:
    picture = tmp_path / "hill.png"
    picture.write_bytes(b"")
    assert cli.port_and_picture(None, picture) == (None, picture)
    assert cli.port_and_picture("8080", None) == (8080, None)
    assert cli.port_and_picture("0", picture) == (0, picture)
    assert cli.port_and_picture(str(picture), None) == (0, picture)
    for wrong in ("99999", "-1", "nowhere.png"):
        with pytest.raises(UsageError, match="a port is a number"):
            cli.port_and_picture(wrong, None)
