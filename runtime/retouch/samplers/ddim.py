"""DDIM without noise, Song, Meng & Ermon 2021 (arXiv:2010.02502), eq. 12 with eta 0.

In variance-exploding space it is Euler's step; it has its own name because people know it by that.
"""

from collections.abc import Iterator

from retouch.arrays import Latents, Sigmas
from retouch.samplers import SAMPLERS, Denoise, Noise, Step, intervals, sampler


@SAMPLERS.register
@sampler()
def ddim(denoise: Denoise, x: Latents, sigmas: Sigmas, _noise: Noise) -> Iterator[Step]:
    """Order 1: predicted clean latents plus the predicted noise at the next level."""
    for i, sigma, sigma_next in intervals(sigmas):
        denoised = denoise(x, sigma)
        predicted_noise = (x - denoised) / sigma
        x = denoised + sigma_next * predicted_noise
        yield Step(i, sigma, x, denoised)
