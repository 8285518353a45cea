"""`retouch tui`: the door to the terminal editor."""

import argparse
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from retouch_models.errors import MissingExtra


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the editor."""
    _stage().add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Open the editor; returns the exit code."""
    if not installed("textual"):  # asked without importing it: the editor sets its colours up before that
        raise MissingExtra("the terminal editor", "tui")
    try:
        return int(_stage().run(args))
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("retouch"):
            raise
        raise MissingExtra("the terminal editor", "tui") from None


def installed(package: str) -> bool:
    """Whether a package can be imported, found out without importing it."""
    try:
        return find_spec(package) is not None
    except ValueError:
        return False


def _stage() -> Any:
    return import_module("retouch_tui.cli")
