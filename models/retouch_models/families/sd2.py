"""Stable Diffusion 2.x, ordinary and inpainting: OpenCLIP ViT-H text, matrices around the attention."""

from retouch_models.families import FAMILIES, Family
from retouch_models.manifest import Defaults


@FAMILIES.register
def sd2() -> Family:
    """Four levels, one text encoder of width 1024 whose last layer the checkpoint leaves out already."""
    return Family(
        title="Stable Diffusion 2",
        recognises=lambda f: (
            f.levels == 4 and f.linear_projection and not (f.pooled_text or f.guidance_embedding or f.distilled)
        ),
        defaults=Defaults(steps=25, guidance=7.5),
    )
