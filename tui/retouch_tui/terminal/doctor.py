"""The text of `retouch doctor --terminal`: what was found, why, and how to decide otherwise."""

import os
from collections.abc import Mapping
from types import MappingProxyType

from retouch_tui.terminal.capabilities import Capabilities, Graphics, Mouse, decide
from retouch_tui.terminal.colour import ColourDepth
from retouch_tui.terminal.detect import ask, overrides
from retouch_tui.terminal.probe import Replies

LABEL = 10
BAR_CELLS = 48


def report(
    flags: Mapping[str, str | None] = MappingProxyType({}), configured: Mapping[str, str] = MappingProxyType({})
) -> str:
    """Ask the terminal and describe it; flags and configuration as in `detect.overrides`."""
    choices = overrides(flags, configured)
    replies = ask(choices)
    return describe(decide(replies, os.environ, choices), replies)


def describe(found: Capabilities, replies: Replies) -> str:
    """Return the report, many lines; it holds colours only where the terminal shows them."""
    inside = f" inside {found.multiplexer}" if found.multiplexer is not None else ""
    lines = [f"{'terminal':<{LABEL}}{found.name}{inside}", f"{'answers':<{LABEL}}{_answers(replies)}"]
    for finding in found.findings:
        lines += [
            f"{finding.what:<{LABEL}}{finding.value}",
            f"{'':<{LABEL}}because {finding.why}",
            f"{'':<{LABEL}}otherwise: {finding.cure}",
        ]
    lines.append(f"{'frames':<{LABEL}}{_frames(found)}")
    if found.cell_px is not None:
        lines.append(f"{'cell':<{LABEL}}{found.cell_px[0]}x{found.cell_px[1]} pixels")
    bar = _bar(found.colours)
    if bar:
        lines += ["", bar, "steps in this bar mean that the terminal has fewer colours: try --colors 256"]
    advice = _advice(found)
    return "\n".join([*lines, "", *advice] if advice else lines)


def _answers(replies: Replies) -> str:
    if not replies.complete:
        return "none (not asked, or silent); only the environment was looked at"
    trip = replies.round_trip_s
    return "yes" if trip is None else f"after {trip * 1000:.0f} ms"


def _frames(found: Capabilities) -> str:
    if not found.acknowledges:
        return "paced by the clock: the terminal does not tell when it has drawn one"
    return "paced by the terminal's answers" + (", each drawn at once" if found.sync_output else "")


def _bar(colours: ColourDepth) -> str:
    if colours is not ColourDepth.TRUECOLOUR:
        return ""
    shades = [round(cell * 255 / (BAR_CELLS - 1)) for cell in range(BAR_CELLS)]
    return "".join(f"\x1b[48;2;{shade};{110};{255 - shade}m " for shade in shades) + "\x1b[0m"


def _advice(found: Capabilities) -> list[str]:
    """What would make it better here."""
    advice = []
    if found.slow:
        advice.append("The line is slow: ssh -C makes the canvas four to ten times lighter.")
    if found.multiplexer == "tmux" and found.graphics is not Graphics.NONE:
        advice.append("Pictures pass through tmux only with: set -g allow-passthrough on")
    if found.multiplexer == "tmux" and found.mouse is not Mouse.OFF:
        advice.append("tmux hands the mouse on only with: set -g mouse on")
    if found.colours in (ColourDepth.ANSI, ColourDepth.NONE):
        advice.append("Few colours: retouch tui --mirror shows the whole picture in a browser.")
    return advice
