"""`retouch export`: the door to the export stage, which needs PyTorch."""

import argparse
from importlib import import_module
from typing import Any

from retouch_models.errors import MissingExtra


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the export stage."""
    _stage().add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Export; returns the exit code."""
    try:
        return int(_stage().run(args))
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("retouch"):
            raise
        raise MissingExtra("exporting a model", "export") from None


def _stage() -> Any:
    return import_module("retouch_export.cli")
