"""Classifier-free guidance: how the predictions with and without the prompt become one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from retouch.arrays import Latents

Predict: TypeAlias = Callable[[Latents, float, bool], Latents]
"""(x, sigma, both) -> the model's raw output: (2, C, h, w) [negative, positive] if both, else (1, C, h, w) positive."""


@dataclass(frozen=True, kw_only=True)
class Guidance:
    """How strongly the prompt counts, and when."""

    scale: float = 7.5
    """uncond + scale * (cond - uncond); 1 is the prompt alone and costs half."""
    rescale: float = 0.0
    """0..1; how far the result's contrast is pulled back to that of the positive prediction."""
    interval: tuple[float, float] | None = None
    """Noise levels (low, high]; outside the prompt runs alone. None guides every step."""

    def scale_at(self, sigma: float) -> float:
        """Scale at one noise level (Kynkäänniemi et al. 2024, arXiv:2404.07724, eq. 6)."""
        inside = self.interval is None or self.interval[0] < sigma <= self.interval[1]
        return self.scale if inside else 1.0


def guided_steps(interval: tuple[float, float] | None, steps: int) -> tuple[int, int]:
    """Return the first step that is guided and the first after it that is not; all are without an interval."""
    if interval is None:
        return 0, steps
    first, last = (round(share * steps) for share in interval)
    return first, last


def combine(uncond: Latents, cond: Latents, scale: float, rescale: float = 0.0) -> Latents:
    """Combine two raw model outputs (epsilon, v or sample), (1, C, h, w) each.

    Ho & Salimans 2022 (arXiv:2207.12598) in the convention uncond + scale * (cond - uncond). `rescale` is φ of
    Lin et al. 2024 (arXiv:2305.08891), eq. 15-16: the standard deviation over all of a sample's values returns to
    that of `cond`. It acts on the raw output, because the rescaled value depends on what is predicted.
    """
    uncond, cond = uncond.astype(np.float32, copy=False), cond.astype(np.float32, copy=False)
    guided = uncond + np.float32(scale) * (cond - uncond)
    if rescale == 0:
        return guided
    axes = tuple(range(1, guided.ndim))
    spread = guided.std(axis=axes, keepdims=True, dtype=np.float64)
    wanted = cond.std(axis=axes, keepdims=True, dtype=np.float64)
    factor = np.divide(wanted, spread, out=np.ones_like(spread), where=spread > 0)
    back: Latents = (rescale * factor + (1 - rescale)).astype(np.float32)
    return guided * back


def guide(predict: Predict, guidance: Guidance) -> Callable[[Latents, float], Latents]:
    """Wrap a model that can run both prompts in one batch; where the scale is 1 only the positive half runs."""

    def guided(x: Latents, sigma: float) -> Latents:
        scale = guidance.scale_at(sigma)
        if scale == 1:
            return predict(x, sigma, False)
        pair = predict(x, sigma, True)
        return combine(pair[:1], pair[1:], scale, guidance.rescale)

    return guided
