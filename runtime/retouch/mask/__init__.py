"""Masks: what to repaint, from a typed language, from files and from what the picture shows.

    mask = render(parse("rect 10%,10% 50%x50% - brush 24 90,80 140,120 | feather 6"), MaskSource(size=size))

The language is described in `docs/masks.md`.
"""

from retouch.mask.expression import Expression, Join, Step
from retouch.mask.parser import parse
from retouch.mask.render import MaskSource, change, render
from retouch.mask.report import MaskReport, describe
from retouch.mask.syntax import MaskError

__all__ = [
    "Expression",
    "Join",
    "MaskError",
    "MaskReport",
    "MaskSource",
    "Step",
    "change",
    "describe",
    "parse",
    "render",
]
