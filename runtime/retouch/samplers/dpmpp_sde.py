"""DPM-Solver++ (2S) on the stochastic equation, as k-diffusion's "DPM++ SDE".

Lu et al. 2022 (arXiv:2211.01095), algorithm 1 with r = 1/2, each half made stochastic by the ancestral split (Song
et al. 2021, arXiv:2010.02502, eq. 16). Both noises of a step are parts of one Brownian path over sigma.
"""

from collections.abc import Iterator
from math import sqrt

from retouch.arrays import Latents, Sigmas
from retouch.samplers import SAMPLERS, Denoise, Noise, Step, intervals, sampler
from retouch.samplers._ancestral import split


@SAMPLERS.register
@sampler(evaluations=2, stochastic=True)
def dpmpp_sde(denoise: Denoise, x: Latents, sigmas: Sigmas, noise: Noise, eta: float = 1.0) -> Iterator[Step]:
    """Order 2 without noise; draws two noises per step."""
    for i, sigma, sigma_next in intervals(sigmas):
        denoised = denoise(x, sigma)
        if sigma_next == 0:
            x = denoised
        else:
            middle = sqrt(sigma * sigma_next)
            upper, lower = noise(), noise()
            down, up = split(sigma, middle, eta)
            halfway = denoised + (down / sigma) * (x - denoised) + up * upper
            target = denoise(halfway, middle)
            down, up = split(sigma, sigma_next, eta)
            share = (sigma - middle) / (sigma - sigma_next)
            increment: Latents = sqrt(share) * upper
            increment = increment + sqrt(1 - share) * lower
            x = target + (down / sigma) * (x - target) + up * increment
        yield Step(i, sigma, x, denoised)
