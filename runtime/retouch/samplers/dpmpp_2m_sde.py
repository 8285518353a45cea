"""SDE-DPM-Solver++(2M), Lu et al. 2022 (arXiv:2211.01095), section 5 (midpoint form)."""

from collections.abc import Iterator
from math import exp, expm1, log, sqrt

from retouch.arrays import Latents, Sigmas
from retouch.samplers import SAMPLERS, Denoise, Noise, Step, intervals, sampler


@SAMPLERS.register
@sampler(stochastic=True)
def dpmpp_2m_sde(denoise: Denoise, x: Latents, sigmas: Sigmas, noise: Noise, eta: float = 1.0) -> Iterator[Step]:
    """Order 2 without noise (`dpmpp_2m` then); `eta` scales the noise as in k-diffusion."""
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
            x = target + exp(-h * (1 + eta)) * (x - target)
            if eta > 0:
                x = x + (sigma_next * sqrt(-expm1(-2 * eta * h))) * noise()
            h_last = h
        previous = denoised
        yield Step(i, sigma, x, denoised)
