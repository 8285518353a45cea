"""Multistep consistency sampling for latent consistency models.

Luo et al. 2023 (arXiv:2310.04378) with algorithm 1 of Song et al. 2023 (arXiv:2303.01469): jump to the clean latents,
draw noise at the next level, repeat. The boundary weight c_skip = 1 / (1 + (20 t)^2) is below 1e-5 at every timestep
t >= 19 that its schedule visits, and is left out.
"""

from collections.abc import Iterator

from retouch.arrays import Latents, Sigmas
from retouch.samplers import SAMPLERS, Denoise, Noise, Step, intervals, sampler


@SAMPLERS.register
@sampler(stochastic=True)
def lcm(denoise: Denoise, x: Latents, sigmas: Sigmas, noise: Noise) -> Iterator[Step]:
    """Every step starts afresh from the last estimate, so errors do not add up."""
    for i, sigma, sigma_next in intervals(sigmas):
        denoised = denoise(x, sigma)
        x = denoised + sigma_next * noise() if sigma_next > 0 else denoised
        yield Step(i, sigma, x, denoised)
