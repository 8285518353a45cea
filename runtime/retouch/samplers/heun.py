"""Heun's method, Karras et al. 2022 (arXiv:2206.00364), algorithm 1: Euler corrected by the slope at its end."""

from collections.abc import Iterator

from retouch.arrays import Latents, Sigmas
from retouch.samplers import SAMPLERS, Denoise, Noise, Step, intervals, sampler


@SAMPLERS.register
@sampler(evaluations=2)
def heun(denoise: Denoise, x: Latents, sigmas: Sigmas, _noise: Noise) -> Iterator[Step]:
    """Order 2."""
    for i, sigma, sigma_next in intervals(sigmas):
        denoised = denoise(x, sigma)
        if sigma_next == 0:
            x = denoised
        else:
            slope: Latents = (x - denoised) / sigma
            guess = x + slope * (sigma_next - sigma)
            slope_next: Latents = (guess - denoise(guess, sigma_next)) / sigma_next
            x = x + (slope + slope_next) * (0.5 * (sigma_next - sigma))
        yield Step(i, sigma, x, denoised)
