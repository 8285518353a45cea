"""Linear multistep (Adams-Bashforth) on sigmas of any spacing.

The last slopes are continued as a polynomial and integrated over the step: Hairer, Nørsett & Wanner, "Solving
Ordinary Differential Equations I", section III.5, on the equation of Karras et al. 2022 (arXiv:2206.00364), eq. 1.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.polynomial import Polynomial

from retouch.arrays import Latents, Sigmas
from retouch.samplers import SAMPLERS, Denoise, Noise, Step, intervals, sampler

ORDER = 4


@SAMPLERS.register
@sampler()
def lms(denoise: Denoise, x: Latents, sigmas: Sigmas, _noise: Noise) -> Iterator[Step]:
    """Order 4 once four slopes are known; it starts as Euler."""
    slopes: list[Latents] = []
    for i, sigma, sigma_next in intervals(sigmas):
        denoised = denoise(x, sigma)
        slopes = [(x - denoised) / sigma, *slopes][:ORDER]
        if sigma_next == 0:
            x = denoised
        else:
            nodes = sigmas[i + 1 - len(slopes) : i + 1][::-1]
            for weight, slope in zip(weights(nodes.tolist(), sigma_next), slopes, strict=True):
                x = x + weight * slope
        yield Step(i, sigma, x, denoised)


def weights(nodes: Sequence[float], end: float) -> list[float]:
    """Integrate each Lagrange polynomial of `nodes` from the first node to `end`.

    The step is mapped to 0..1, which keeps the polynomials' coefficients of like size.
    """
    width = end - nodes[0]
    places = [(node - nodes[0]) / width for node in nodes]
    totals = []
    for j, place in enumerate(places):
        others = [other for k, other in enumerate(places) if k != j]
        numerator = Polynomial.fromroots(others) if others else Polynomial([1.0])
        scale = float(np.prod([place - other for other in others]))
        totals.append(width * float(numerator.integ()(1.0)) / scale)
    return totals
