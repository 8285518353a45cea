"""Starts the editor: asks the terminal first, guards the shell, then runs the app."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from retouch_models.errors import UsageError
from retouch_tui import collector
from retouch_tui.folders import config_folder, state_folder
from retouch_tui.terminal.capabilities import Capabilities, Mouse
from retouch_tui.terminal.cleanup import ShellGuard
from retouch_tui.terminal.detect import detect, overrides
from retouch_tui.terminal.probe import settle

if TYPE_CHECKING:
    from retouch_tui.app import RetouchApp
    from retouch_tui.session import SessionFolder


def run(args: argparse.Namespace) -> int:
    """Open the editor; the terminal is asked before anything imports Textual, which reads its environment then."""
    from retouch_tui.settings import load_settings

    settings, _ = load_settings(config_folder())
    flags = {"colors": args.colors, "glyphs": args.glyphs, "mouse": args.mouse, "graphics": args.graphics}
    configured = {name: value for name in flags if (value := getattr(settings, name)) not in {"", "auto"}}
    choices = overrides(flags, configured)
    guard = ShellGuard()
    try:
        capabilities = detect(choices)
        app = _app(args, capabilities)
    except BaseException:
        guard.not_begun()
        raise
    collector.hold()
    guard.install(save=app.autosave_now)
    code = app.run(mouse=capabilities.mouse is not Mouse.OFF)
    _hear_out(capabilities)
    guard.left()
    if app.workspace.busy:
        sys.stderr.write("the run goes on by itself; get its result with: retouch --resume\n")
    elif app.workspace.unsaved:
        sys.stderr.write("not saved to a file yet; go on with: retouch --resume\n")
    return 0 if code is None else code


def _hear_out(capabilities: Capabilities) -> None:
    """Wait for the answers to the last frames, which would otherwise end in the shell's command line."""
    if capabilities.acknowledges and sys.__stdin__ is not None and sys.__stderr__ is not None:
        settle(sys.__stdin__.fileno(), sys.__stderr__.fileno())


def _app(args: argparse.Namespace, capabilities: Capabilities) -> "RetouchApp":
    from retouch_tui.app import RetouchApp
    from retouch_tui.retouch_engine import ENGINE, RetouchEngine
    from retouch_tui.runner import ProcessRunner
    from retouch_tui.terminal.answers import install

    install(capabilities.cell_px if capabilities.own_pixels else None)
    return RetouchApp(
        RetouchEngine(),
        lambda session: ProcessRunner(ENGINE, session.folder / "worker.log"),
        capabilities=capabilities,
        picture=_existing(args.picture),
        resume=None if args.resume is None else _session(args.resume),
        theme=args.theme,
        mirror=args.mirror,
    )


def _existing(picture: Path | None) -> Path | None:
    if picture is not None and not picture.exists():
        raise UsageError(f"{picture}: no such file or folder; give a picture, or start without one and press F4")
    return picture


def _session(name: str) -> "SessionFolder":
    """Return the session to resume: the last one, or the one named."""
    from retouch_tui.session import resumable

    found = resumable(state_folder())
    if name:
        chosen = [s for s in found if s.folder.name == name or s.folder == Path(name)]
        if not chosen:
            known = ", ".join(s.folder.name for s in found[:5]) or "none"
            raise UsageError(f"no session {name!r} to resume; there are: {known}")
        return chosen[0]
    if not found:
        raise UsageError("there is no session to resume; open a picture with: retouch PICTURE")
    return found[0]
