"""Zeros under the mask: the latents' mean, a flat brownish grey for most models."""

from retouch.arrays import Latents
from retouch.latent_content import LATENT_CONTENT


@LATENT_CONTENT.register
def latent_nothing(latents: Latents, mask: Latents, noise: Latents) -> Latents:  # noqa: ARG001  (the protocol's signature)
    """Set the masked latents to zero: z (1 - m)."""
    return latents * (1 - mask)
