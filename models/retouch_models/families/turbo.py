"""SD-Turbo and SDXL-Turbo kinds: distilled to one to four steps, without guidance."""

from retouch_models.families import FAMILIES, Family
from retouch_models.manifest import Defaults


@FAMILIES.register
def turbo() -> Family:
    """The structure of SD 2 or SDXL; told apart by its schedule."""
    return Family(
        title="Turbo",
        recognises=lambda f: (
            f.distilled and not f.guidance_embedding and (f.pooled_text or (f.levels == 4 and f.linear_projection))
        ),
        defaults=Defaults(steps=4, guidance=1.0, sampler="euler_a"),
    )
