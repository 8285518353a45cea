"""Euler with ancestral noise: steps below the next level and draws noise back up to it.

Song et al. 2021 (arXiv:2010.02502), eq. 12 and 16 with eta 1, in variance-exploding form (Crowson, k-diffusion).
"""

from collections.abc import Iterator

from retouch.arrays import Latents, Sigmas
from retouch.samplers import SAMPLERS, Denoise, Noise, Step, intervals, sampler
from retouch.samplers._ancestral import split


@SAMPLERS.register
@sampler(stochastic=True)
def euler_a(denoise: Denoise, x: Latents, sigmas: Sigmas, noise: Noise, eta: float = 1.0) -> Iterator[Step]:
    """Order 1."""
    for i, sigma, sigma_next in intervals(sigmas):
        denoised = denoise(x, sigma)
        down, up = split(sigma, sigma_next, eta)
        x = denoised + (down / sigma) * (x - denoised)
        if up > 0:
            x = x + up * noise()
        yield Step(i, sigma, x, denoised)
