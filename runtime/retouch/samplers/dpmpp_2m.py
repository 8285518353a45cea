"""DPM-Solver++(2M), Lu et al. 2022 (arXiv:2211.01095), algorithm 2."""

from collections.abc import Iterator
from math import log

from retouch.arrays import Latents, Sigmas
from retouch.samplers import SAMPLERS, Denoise, Noise, Step, intervals, sampler


@SAMPLERS.register
@sampler()
def dpmpp_2m(denoise: Denoise, x: Latents, sigmas: Sigmas, _noise: Noise) -> Iterator[Step]:
    """Order 2; the first step and the one to sigma 0 have order 1."""
    previous: Latents | None = None
    h_last = 0.0
    for i, sigma, sigma_next in intervals(sigmas):
        denoised = denoise(x, sigma)
        if sigma_next == 0:
            x = denoised
        else:
            h = log(sigma / sigma_next)
            target = denoised
            if previous is not None:
                target = denoised + (0.5 * h / h_last) * (denoised - previous)
            x = target + (sigma_next / sigma) * (x - target)
            h_last = h
        previous = denoised
        yield Step(i, sigma, x, denoised)
