"""Denoisers with known answers, on which a sampler can be judged without a model."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class GaussianData:
    """Data ~ N(mean, spread^2), where everything about the diffusion is known.

    The probability-flow solution keeps (x - mean) / sqrt(spread^2 + sigma^2) constant.
    """

    mean: float = 0.0
    spread: float = 0.5

    def deviation(self, sigma: float) -> float:
        """Standard deviation of the noisy data at a noise level."""
        return float(np.hypot(self.spread, sigma))

    def denoise(self, x, sigma: float):
        """The ideal denoiser, the posterior mean, in x's dtype."""
        kept = (self.spread / self.deviation(sigma)) ** 2
        return x * kept + self.mean * (1 - kept)

    def jump(self, x, sigma: float):
        """The ideal consistency function: where the probability-flow solution through x ends."""
        return self.mean + (x - self.mean) * (self.spread / self.deviation(sigma))

    def solution(self, x, sigma: float, sigma_end: float):
        """The probability-flow solution through x, at another level."""
        return self.mean + (x - self.mean) * (self.deviation(sigma_end) / self.deviation(sigma))


def two_peaks(x, sigma: float, peak: float = 1.0, spread: float = 0.25):
    """The ideal denoiser of data at +-peak, N(+-peak, spread^2) half each: not linear in x."""
    total = spread**2 + sigma**2
    return (x * spread**2 + peak * sigma**2 * np.tanh(peak * x / total)) / total


def silence(x) -> Callable:
    """A noise that is 0."""
    return lambda: np.zeros_like(x)


def final(steps):
    """The last step of a walk."""
    *_, step = steps
    return step
