"""The midpoint method with the midpoint in log sigma.

After DPM-Solver-2, Lu et al. 2022 (arXiv:2206.00927), algorithm 1 with r1 = 1/2, in the slope form of Karras et al.
2022 (arXiv:2206.00364) that k-diffusion gave it.
"""

from collections.abc import Iterator
from math import sqrt

from retouch.arrays import Latents, Sigmas
from retouch.samplers import SAMPLERS, Denoise, Noise, Step, intervals, sampler


@SAMPLERS.register
@sampler(evaluations=2)
def dpm2(denoise: Denoise, x: Latents, sigmas: Sigmas, _noise: Noise) -> Iterator[Step]:
    """Order 2."""
    for i, sigma, sigma_next in intervals(sigmas):
        denoised = denoise(x, sigma)
        if sigma_next == 0:
            x = denoised
        else:
            middle = sqrt(sigma * sigma_next)
            halfway = denoised + (middle / sigma) * (x - denoised)
            slope = (halfway - denoise(halfway, middle)) / middle
            x = x + slope * (sigma_next - sigma)
        yield Step(i, sigma, x, denoised)
