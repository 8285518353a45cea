"""Differential diffusion: how much a spot may change decides from which step on it is repainted."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from retouch.arrays import Latents, Sigmas
from retouch.denoise.keep_known import keep_known
from retouch.samplers import Denoise

DenoiseAt: TypeAlias = Callable[[float], Denoise]
"""Builds the denoiser for the mask [map >= threshold]; a model without mask inputs ignores the threshold."""

ROUNDING = 1e-6
"""Map values and noise levels this close to a limit count as on it."""


def differential(denoise_at: DenoiseAt, known: Latents, change_map: Latents, sigmas: Sigmas, noise: Latents) -> Denoise:
    """Repaint a cell once its map value reaches the step's threshold (Levin & Fried 2023, arXiv:2306.00950).

    `change_map` is (1, 1, h, w): 1 changes from the first step, 0.5 in the second half of the steps alone, 0 never.
    For models with mask inputs `denoise_at` re-makes mask and masked picture for the threshold; it is called once
    for each threshold, in falling order. With a map of zeros and ones this is `keep_known`.
    """
    made: tuple[float, Denoise] | None = None

    def denoise(x: Latents, sigma: float) -> Latents:
        nonlocal made
        limit = threshold(sigma, sigmas)
        if made is None or made[0] != limit:
            mask = (change_map >= limit - ROUNDING).astype(np.float32)
            made = limit, keep_known(denoise_at(limit), known, mask, noise)
        kept = made[1]
        return kept(x, sigma)

    return denoise


def threshold(sigma: float, sigmas: Sigmas) -> float:
    """Least map value that is repainted at a noise level: 1 in the first of n steps, 1/n in the last.

    A level between two steps, as solvers of higher order ask for, belongs to the earlier step.
    """
    steps = len(sigmas) - 1
    step = int(np.count_nonzero(sigmas[:-1] >= sigma * (1 - ROUNDING))) - 1
    return (steps - max(step, 0)) / steps
