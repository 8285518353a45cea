"""Latent consistency models of any base: the guidance is an input of the UNet, four to eight steps."""

from retouch_models.families import FAMILIES, Family
from retouch_models.manifest import Defaults


@FAMILIES.register
def lcm() -> Family:
    """Guidance embedded, so one evaluation per step and no negative prompt."""
    return Family(
        title="Latent consistency model",
        recognises=lambda f: f.guidance_embedding,
        defaults=Defaults(steps=6, guidance=8.0, sampler="lcm"),
    )
