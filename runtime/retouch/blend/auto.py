"""The blend with the least visible seam, found by trying them all."""

from dataclasses import dataclass

from retouch.arrays import RGB, Mask
from retouch.blend import BLENDS, Blend, BlendOptions
from retouch.proof import seam_score

SIMPLEST_FIRST = ("hard", "feather", "laplacian", "poisson")
TIE = 0.25
"""A simpler blend wins when its score is within this of the best, ΔE; a tenth of what is just noticeable."""


@dataclass(frozen=True, eq=False)
class Choice:
    """The blend that was taken, with every score that led to it."""

    name: str
    result: RGB
    scores: dict[str, float]
    """Seam score of each candidate, ΔE."""


@BLENDS.register
def auto(options: BlendOptions) -> Blend:
    """Return the result of the best blend; `choose` also tells which it was."""

    def blend(picture: RGB, patch: RGB, mask: Mask) -> RGB:
        return choose(picture, patch, mask, options).result

    return blend


def choose(picture: RGB, patch: RGB, mask: Mask, options: BlendOptions) -> Choice:
    """Try the blends and take the simplest of those with the lowest seam score."""
    results = {name: BLENDS[name](options)(picture, patch, mask) for name in SIMPLEST_FIRST}
    scores = {name: seam_score(result, mask) for name, result in results.items()}
    best = min(scores.values())
    name = next(name for name in SIMPLEST_FIRST if scores[name] <= best + TIE)
    return Choice(name, results[name], scores)
