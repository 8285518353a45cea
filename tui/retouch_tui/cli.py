"""The options of `retouch tui`; nothing heavy is imported before the editor really opens."""

import argparse
import os
import sys
from importlib import import_module
from pathlib import Path

from retouch_models.errors import UsageError

LARGEST_PORT = 65536


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the editor."""
    parser.add_argument(
        "picture", nargs="?", type=Path, help="the picture to open, or a folder to choose from; the sample if left out"
    )
    parser.add_argument(
        "--resume",
        nargs="?",
        const="",
        metavar="SESSION",
        help="go on with the last session (or a named one): picture, mask, options, results, running jobs",
    )
    parser.add_argument("--mouse", choices=("pixel", "cell", "off"), help="override what the terminal answers")
    parser.add_argument("--glyphs", choices=("half", "quad"), help="half blocks, or quarters for finer edges")
    parser.add_argument("--colors", choices=("truecolor", "256", "16", "none"), help="colours of the terminal")
    parser.add_argument(
        "--graphics", choices=("kitty", "iterm2", "sixel", "none"), help="how results are shown in real pixels"
    )
    parser.add_argument("--theme", help="retouch-dark, retouch-light or retouch-contrast")
    parser.add_argument(
        "--mirror",
        nargs="?",
        const="0",
        metavar="PORT",
        help="also show picture and mask in full resolution on a page of this machine, for ssh -L",
    )


def port_and_picture(mirror: str | None, picture: Path | None) -> tuple[int | None, Path | None]:
    """Read `--mirror`, behind which a picture may stand in the place of the port; UsageError for anything else."""
    if mirror is None or (mirror.isascii() and mirror.isdigit() and int(mirror) < LARGEST_PORT):
        return None if mirror is None else int(mirror), picture
    if picture is None and Path(mirror).exists():
        return 0, Path(mirror)
    raise UsageError(f"--mirror {mirror}: a port is a number below {LARGEST_PORT}; leave it out to have one chosen")


def run(args: argparse.Namespace) -> int:
    """Open the editor; returns the exit code."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("the editor needs a terminal; for scripts use: retouch inpaint --help")
    if os.environ.get("TERM", "") == "dumb":
        raise UsageError("TERM=dumb cannot show the editor; use another terminal, or: retouch inpaint --help")
    args.mirror, args.picture = port_and_picture(args.mirror, args.picture)
    return int(import_module("retouch_tui.main").run(args))
