"""Stable Diffusion 1.x, ordinary and inpainting: CLIP ViT-L text, convolutions around the attention."""

from retouch_models.families import FAMILIES, Family
from retouch_models.manifest import Defaults


@FAMILIES.register
def sd15() -> Family:
    """Four levels, one text encoder of width 768, 512 pixels."""
    return Family(
        title="Stable Diffusion 1",
        recognises=lambda f: f.levels == 4 and not (f.linear_projection or f.pooled_text or f.guidance_embedding),
        defaults=Defaults(steps=25, guidance=7.5, schedule="karras"),
    )
