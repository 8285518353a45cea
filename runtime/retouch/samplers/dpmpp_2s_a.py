"""DPM-Solver++(2S) with ancestral noise.

Lu et al. 2022 (arXiv:2211.01095), algorithm 1 with r = 1/2; noise as in Song et al. 2021 (arXiv:2010.02502), eq. 16.
"""

from collections.abc import Iterator
from math import sqrt

from retouch.arrays import Latents, Sigmas
from retouch.samplers import SAMPLERS, Denoise, Noise, Step, intervals, sampler
from retouch.samplers._ancestral import split


@SAMPLERS.register
@sampler(evaluations=2, stochastic=True)
def dpmpp_2s_a(denoise: Denoise, x: Latents, sigmas: Sigmas, noise: Noise, eta: float = 1.0) -> Iterator[Step]:
    """Order 2 without noise."""
    for i, sigma, sigma_next in intervals(sigmas):
        denoised = denoise(x, sigma)
        down, up = split(sigma, sigma_next, eta)
        if down == 0:
            x = denoised
        else:
            middle = sqrt(sigma * down)
            halfway = denoised + (middle / sigma) * (x - denoised)
            target = denoise(halfway, middle)
            x = target + (down / sigma) * (x - target)
        if up > 0:
            x = x + up * noise()
        yield Step(i, sigma, x, denoised)
