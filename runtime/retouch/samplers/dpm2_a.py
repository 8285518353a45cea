"""`dpm2` with ancestral noise: its midpoint step ends below the next level, and noise is drawn back up to it.

Lu et al. 2022 (arXiv:2206.00927), algorithm 1; noise as in Song et al. 2021 (arXiv:2010.02502), eq. 16.
"""

from collections.abc import Iterator
from math import sqrt

from retouch.arrays import Latents, Sigmas
from retouch.samplers import SAMPLERS, Denoise, Noise, Step, intervals, sampler
from retouch.samplers._ancestral import split


@SAMPLERS.register
@sampler(evaluations=2, stochastic=True)
def dpm2_a(denoise: Denoise, x: Latents, sigmas: Sigmas, noise: Noise, eta: float = 1.0) -> Iterator[Step]:
    """Order 2 without noise."""
    for i, sigma, sigma_next in intervals(sigmas):
        denoised = denoise(x, sigma)
        down, up = split(sigma, sigma_next, eta)
        if down == 0:
            x = denoised
        else:
            middle = sqrt(sigma * down)
            halfway = denoised + (middle / sigma) * (x - denoised)
            slope = (halfway - denoise(halfway, middle)) / middle
            x = x + slope * (down - sigma)
        if up > 0:
            x = x + up * noise()
        yield Step(i, sigma, x, denoised)
