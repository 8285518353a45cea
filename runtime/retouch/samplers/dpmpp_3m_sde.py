"""SDE-DPM-Solver++ with two earlier predictions, as k-diffusion's "DPM++ 3M SDE".

The exponential integrator of Lu et al. 2022 (arXiv:2211.01095), proposition 4.1, on the stochastic equation of its
section 5, with the data prediction continued as a parabola. k-diffusion takes the parabola's second divided difference
for its second derivative, which is twice that; this leaves its method at order 2 and is put right here.
"""

from collections.abc import Iterator
from math import exp, expm1, log, sqrt

from retouch.arrays import Latents, Sigmas
from retouch.samplers import SAMPLERS, Denoise, Noise, Step, intervals, sampler


@SAMPLERS.register
@sampler(stochastic=True)
def dpmpp_3m_sde(denoise: Denoise, x: Latents, sigmas: Sigmas, noise: Noise, eta: float = 1.0) -> Iterator[Step]:
    """Order 3 without noise once three predictions are known; starts with orders 1 and 2."""
    past: list[Latents] = []
    widths: list[float] = []
    for i, sigma, sigma_next in intervals(sigmas):
        denoised = denoise(x, sigma)
        if sigma_next == 0:
            x = denoised
        else:
            h = log(sigma / sigma_next)
            decay = h * (1 + eta)
            x = denoised + exp(-decay) * (x - denoised)
            x = x + _bend(denoised, past, widths, h, decay)
            if eta > 0:
                x = x + (sigma_next * sqrt(-expm1(-2 * eta * h))) * noise()
            widths = [h, *widths][:2]
        past = [denoised, *past][:2]
        yield Step(i, sigma, x, denoised)


def _bend(denoised: Latents, past: list[Latents], widths: list[float], h: float, decay: float) -> Latents | float:
    """What the prediction's slope and curvature over the step add to a step with a constant prediction.

    phi2 and phi3 are the exponential integrator's weights of the first and second derivative over `decay`.
    """
    phi2 = expm1(-decay) / decay + 1
    phi3 = phi2 / decay - 0.5
    if len(past) == 0:
        return 0.0
    r0 = widths[0] / h
    slope0: Latents = (denoised - past[0]) / r0
    if len(past) == 1:
        return phi2 * slope0
    r1 = widths[1] / h
    slope1: Latents = (past[0] - past[1]) / r1
    curve: Latents = (slope0 - slope1) / (r0 + r1)
    slope: Latents = slope0 + r0 * curve
    return phi2 * slope - (2 * phi3) * curve
