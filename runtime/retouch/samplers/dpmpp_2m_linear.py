"""DPM-Solver++(2M) whose last two steps take the data prediction D for linear in sigma, not in log sigma.

2M (Lu et al. 2022, arXiv:2211.01095, algorithm 2) extrapolates D in lambda = -log sigma, which suits the noise. Near
the clean end D hardly changes any more while lambda runs away: 2M overshoots there and must give up on the step to 0.
With D = D_i + b (s - sigma_i) the flow dx/ds = (x - D) / s has the exact solution

    x' = r x + (1 - r) D_i + b (sigma' h - sigma_i (1 - r)),    r = sigma' / sigma_i,  h = -log r,

which stays finite: at sigma' = 0 it is D_i - b sigma_i, the line drawn out to 0. Where only a handful of steps are
made that is worth one to two dB; with many steps it makes no difference.
"""

from collections.abc import Iterator
from math import log

from retouch.arrays import Latents, Sigmas
from retouch.samplers import SAMPLERS, Denoise, Noise, Step, intervals, sampler

LINEAR = 2
"""Steps at the end that are linear in sigma."""


@SAMPLERS.register
@sampler()
def dpmpp_2m_linear(denoise: Denoise, x: Latents, sigmas: Sigmas, _noise: Noise) -> Iterator[Step]:
    """Order 2 also in the step to sigma 0; the first step has order 1."""
    previous: Latents | None = None
    sigma_last = 0.0
    for i, sigma, sigma_next in intervals(sigmas):
        denoised = target = denoise(x, sigma)
        if previous is not None:
            near_end = i >= len(sigmas) - 1 - LINEAR
            share = (_linear if near_end else _logarithmic)(sigma_last, sigma, sigma_next)
            target = denoised + share * (denoised - previous)
        x = target if sigma_next == 0 else target + (sigma_next / sigma) * (x - target)
        previous, sigma_last = denoised, sigma
        yield Step(i, sigma, x, target if sigma_next == 0 else denoised)


def _linear(sigma_last: float, sigma: float, sigma_next: float) -> float:
    """How much of the last change of D a step adds to it, with D linear in sigma."""
    ratio = sigma_next / sigma
    behind = 0.0 if sigma_next == 0 else -sigma_next * log(ratio) / (1 - ratio)
    return (sigma - behind) / (sigma_last - sigma)


def _logarithmic(sigma_last: float, sigma: float, sigma_next: float) -> float:
    """The same as 2M has it."""
    return 0.5 * log(sigma / sigma_next) / log(sigma_last / sigma)
