"""Stable Diffusion XL, ordinary and inpainting: two text encoders, pooled text and picture sizes."""

from retouch_models.families import FAMILIES, Family
from retouch_models.manifest import Defaults


@FAMILIES.register
def sdxl() -> Family:
    """Three levels, two text encoders read at their last layer but one, 1024 pixels."""
    return Family(
        title="Stable Diffusion XL",
        recognises=lambda f: f.pooled_text and f.text_encoders == 2 and not (f.guidance_embedding or f.distilled),
        defaults=Defaults(steps=25, guidance=6.0, schedule="karras"),
    )
