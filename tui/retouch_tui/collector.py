"""When Python looks for unreachable objects: never while somebody works.

A full search stops everything for a tenth of a second and more, at any moment. What is imported stays anyway and is
left out; the rest is searched when nobody has touched key or mouse for a while.
"""

import gc

NEVER = 1_000_000_000
IDLE_S = 30.0
"""Nobody who has touched nothing for so long notices a pause."""

YOUNG, MIDDLE = 700, 10
"""Python's own thresholds of the quick searches."""


def hold() -> None:
    """Leave out all objects that there are, and full searches until `search`."""
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, NEVER)


def search() -> None:
    """Search everything now, if it is left to us."""
    if gc.get_threshold()[2] == NEVER:
        gc.collect()
