"""Euler's method on the probability-flow equation, Karras et al. 2022 (arXiv:2206.00364), algorithm 1 of order 1."""

from collections.abc import Iterator

from retouch.arrays import Latents, Sigmas
from retouch.samplers import SAMPLERS, Denoise, Noise, Step, intervals, sampler


@SAMPLERS.register
@sampler()
def euler(denoise: Denoise, x: Latents, sigmas: Sigmas, _noise: Noise) -> Iterator[Step]:
    """Order 1: x + slope * (sigma_next - sigma), slope = (x - denoised) / sigma, without its cancellation."""
    for i, sigma, sigma_next in intervals(sigmas):
        denoised = denoise(x, sigma)
        x = denoised + (sigma_next / sigma) * (x - denoised)
        yield Step(i, sigma, x, denoised)
