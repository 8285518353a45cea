"""The model that ships in the package: three levels, a vocabulary of its own, flat illustrations at 256 pixels."""

from retouch_models.families import FAMILIES, Family, Tolerance
from retouch_models.manifest import Defaults


@FAMILIES.register
def pocket() -> Family:
    """A small network of SD 1's structure, trained for v at one size."""
    return Family(
        title="pocket",
        recognises=lambda f: f.levels == 3 and not f.linear_projection and not f.pooled_text,
        defaults=Defaults(steps=15, guidance=3.5, empty_prompt="background", blend="poisson"),
        largest=1.5,
        fast_sigmas=(14.6146, 5.743, 2.754, 1.318, 0.439),  # models/recipes/pocket/fit_fast.py
        tolerance=Tolerance(picture_db={"fp32": 50.0, "fp16": 38.0, "int8": 25.0}),
    )
