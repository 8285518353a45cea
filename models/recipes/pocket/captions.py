"""Captions: how a thing, its style and its surroundings are put into words."""

import random
from typing import Literal

from recipes.pocket.concepts import Concept, with_article

Kind = Literal["object", "part", "full", "erase", "outpaint"]
"""What a scene asks for: draw a thing, complete one, draw all, remove, continue beyond the edge."""

DROPPED = 0.1
"""Share of empty captions: they are what guidance subtracts."""
EMPTY_PROMPT = "background"
"""What the runtime says when the user says nothing."""


def name_of(concept: Concept, draw: random.Random) -> str:
    """A name of a thing, now and then with a keyword or an article."""
    which = draw.random()
    name = concept.names[0] if which < 0.2 else concept.noun if which < 0.65 else draw.choice(concept.names)
    if concept.keywords and 0.85 < which < 0.92:
        name = f"{name}, {draw.choice(concept.keywords)}"
    elif concept.keywords and which >= 0.97:
        name = draw.choice(concept.keywords)
    return with_article(name) if draw.random() < 0.5 else name


def caption(
    kind: Kind, concept: Concept | None, style: str, background: str, draw: random.Random, *, plain: bool = True
) -> str:
    """The caption of a scene of that kind; no concept where nothing is shown.

    A style that is not the `plain` one of its thing is nearly always named, so that a bare noun means one look.

    What is painted is named, so that `background` and nothing at all come to mean an empty place.
    """
    if kind == "erase":  # the share of the runtime's own words is high: removing is what it is asked for most
        removals = (EMPTY_PROMPT, EMPTY_PROMPT, "", background, f"empty background, {background}")
        return draw.choice((*removals, "nothing, empty background"))
    if concept is None:
        return draw.choice((background, background, EMPTY_PROMPT, ""))
    if draw.random() < DROPPED:
        return ""
    words = name_of(concept, draw)
    if kind == "outpaint":
        return f"{words}, {background}"
    if draw.random() < (0.35 if plain else 0.9):
        words += f", {style} style"
    if draw.random() < (0.75 if kind == "full" else 0.3):
        words += f", {background}" if draw.random() < 0.5 else f" on {background}"
    return words
