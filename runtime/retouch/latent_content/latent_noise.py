"""Pure noise under the mask: nothing of the old content is left, and the model invents freely."""

from retouch.arrays import Latents
from retouch.latent_content import LATENT_CONTENT


@LATENT_CONTENT.register
def latent_noise(latents: Latents, mask: Latents, noise: Latents) -> Latents:
    """Replace the masked latents by noise of unit variance: z (1 - m) + noise m."""
    return latents * (1 - mask) + noise * mask
