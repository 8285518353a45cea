"""Finds out about the terminal before Textual is imported, which reads its environment only then."""

import os
import sys
from collections.abc import Mapping, MutableMapping

from retouch_tui.terminal.capabilities import Capabilities, Graphics, Mouse, Overrides, decide, word
from retouch_tui.terminal.cells import GlyphMode
from retouch_tui.terminal.colour import ColourDepth
from retouch_tui.terminal.probe import SILENT, Replies, probe

MULTIPLEXER_TERMS = ("tmux", "screen")
"""Beginnings of the names that multiplexers give to their terminals."""

PLAIN_TERMS = ("", "dumb", "linux", "vt100", "vt220", "cons25", "emacs")
"""Terminals that print questions they do not understand."""


def overrides(flags: Mapping[str, str | None], configured: Mapping[str, str]) -> Overrides:
    """Read the user's choices `colors`, `glyphs`, `mouse`, `graphics`: flag, RETOUCH_..., configuration.

    Raises UsageError for a word that is not one of the choices.
    """

    def chosen(name: str) -> tuple[str | None, str]:
        flag, variable = flags.get(name), f"RETOUCH_{name.upper()}"
        if flag is not None:
            return flag, f"--{name}"
        if variable in os.environ:
            return os.environ[variable], variable
        return configured.get(name), f"{name} in the configuration"

    return Overrides(
        colours=word(ColourDepth, *chosen("colors")),
        glyphs=word(GlyphMode, *chosen("glyphs")),
        mouse=word(Mouse, *chosen("mouse")),
        graphics=word(Graphics, *chosen("graphics")),
        probe=os.environ.get("RETOUCH_PROBE", "1") != "0",
    )


def ask(choices: Overrides, *, stay_deaf: bool = False) -> Replies:
    """Ask the terminal behind standard input and error, the ones Textual uses; see `probe` for `stay_deaf`."""
    if not choices.probe or sys.__stdin__ is None or sys.__stderr__ is None:
        return SILENT
    term = os.environ.get("TERM", "")
    # Terminal.app prints the `p` of a mode question.
    plain = term in PLAIN_TERMS or os.environ.get("TERM_PROGRAM") == "Apple_Terminal"
    inside = "TMUX" in os.environ or "STY" in os.environ or term.startswith(MULTIPLEXER_TERMS)
    return probe(sys.__stdin__.fileno(), sys.__stderr__.fileno(), plain=plain, multiplexed=inside, stay_deaf=stay_deaf)


def detect(choices: Overrides) -> Capabilities:
    """Ask, decide, and set the environment for Textual; call before anything imports textual.

    A `ShellGuard` made before restores the terminal's attributes afterwards.
    """
    found = decide(ask(choices, stay_deaf=True), os.environ, choices)
    apply(found, os.environ)
    return found


def apply(found: Capabilities, environment: MutableMapping[str, str]) -> None:
    """Set what Textual must find, except where the user has set it."""
    for name, value in found.settings().items():
        environment.setdefault(name, value)
