"""Coloured shapes: simple things that are drawn here, not collected."""

import itertools
from collections.abc import Iterator

from recipes.pocket.concepts import Concept

COLOURS = {
    "red": "#e02b2b",
    "orange": "#f58a1f",
    "yellow": "#f8d22a",
    "green": "#2fa84f",
    "blue": "#2f6fe0",
    "purple": "#8a3fd1",
    "pink": "#f47fb5",
    "brown": "#8b5a2b",
    "black": "#222222",
    "white": "#f8f8f8",
    "gray": "#8c8c8c",
    "cyan": "#29c4d8",
}
OUTLINES = {
    "circle": '<circle cx="50" cy="50" r="42" {}/>',
    "square": '<rect x="10" y="10" width="80" height="80" {}/>',
    "triangle": '<path d="M50 8 94 88 6 88Z" {}/>',
    "star": '<path d="M50 5 61 38 96 38 68 59 79 93 50 72 21 93 32 59 4 38 39 38Z" {}/>',
    "heart": '<path d="M50 90C10 58 4 40 10 26 18 8 42 10 50 28 58 10 82 8 90 26 96 40 90 58 50 90Z" {}/>',
    "diamond": '<path d="M50 4 90 50 50 96 10 50Z" {}/>',
    "ring": '<path fill-rule="evenodd" d="M50 6a44 44 0 1 1-.1 0ZM50 28a22 22 0 1 0 .1 0Z" {}/>',
    "hexagon": '<path d="M28 10 72 10 94 50 72 90 28 90 6 50Z" {}/>',
}
PENS = {"flat": "", "simple": 'stroke="#222" stroke-width="3"'}
"""How each style draws the edge."""
SUFFIX = "-shape"
"""Ends the slug of every shape."""


def shapes() -> Iterator[tuple[str, str, Concept, str]]:
    """Every shape in every style: slug, style, words, SVG."""
    for (colour, value), (outline, body), (style, pen) in itertools.product(
        COLOURS.items(), OUTLINES.items(), PENS.items()
    ):
        words = Concept((f"{colour} {outline}",), ())
        drawing = body.format(f'fill="{value}" {pen}')
        svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">{drawing}</svg>'
        yield f"{colour}-{outline}{SUFFIX}", style, words, svg
