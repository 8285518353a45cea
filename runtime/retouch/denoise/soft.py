"""Soft inpainting: the mask hardens from noise to detail, and the final opacity follows what really changed."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from retouch.arrays import Latents, Mask
from retouch.samplers import Denoise

WINDOW = 5
WINDOW_SIGMA = 1.5
"""Side and Gaussian weight of the window in which differences are ranked, latent cells."""
STRONGEST, MIDDLE = (0.9, 1.0), (0.25, 0.75)
"""Parts of the ranked window that are averaged, first one, then the other."""
BLUR_PX = 4.0


@dataclass(frozen=True, kw_only=True)
class SoftOptions:
    """The knobs of soft inpainting, with the defaults users know from the web UIs."""

    power: float = 1.0
    """How the mask's hardness follows the noise level, 0..8."""
    scale: float = 0.5
    """How hard the mask is while there is much noise, 0..8."""
    detail: float = 4.0
    """How much contrast a mix of two latents keeps, 1..32."""
    influence: float = 0.0
    """How much the mask counts in the final opacity beside the difference, 0..1."""
    threshold: float = 0.5
    """Difference at which the result becomes half opaque, 0..8."""
    contrast: float = 2.0
    """How sharply opacity rises there, 0..8."""


def soften(denoise: Denoise, known: Latents, mask: Latents, options: SoftOptions) -> Denoise:
    """Mix the estimate with the original by m^(σ^power · scale) at every step.

    In the noise only the mask's core is repainted; as σ falls to 0 every cell above 0 is. Where the mask is 0 the
    output is exactly `known`.
    """

    def softened(x: Latents, sigma: float) -> Latents:
        weight = np.where(mask > 0, mask.astype(np.float64) ** (sigma**options.power * options.scale), 0.0)
        return keep_contrast(known, denoise(x, sigma), weight, options.detail)

    return softened


def keep_contrast(known: Latents, new: Latents, weight: NDArray[np.float64], detail: float) -> Latents:
    """Mix latents linearly, then give each cell the length that the power mean of order `detail` asks for.

    A plain mean of two unlike latents is shorter than both, which decodes to grey. Float64, since lengths are
    raised to the power `detail`.
    """
    a, b = known.astype(np.float64), new.astype(np.float64)
    mixed = (1 - weight) * a + weight * b
    length, of_a, of_b = (np.linalg.norm(z, axis=1, keepdims=True) for z in (mixed, a, b))
    wanted = ((1 - weight) * of_a**detail + weight * of_b**detail) ** (1 / detail)
    factor = np.divide(wanted, length, out=np.ones_like(length), where=length > 0)
    return np.where(weight == 0, known, np.where(weight == 1, new, mixed * factor)).astype(np.float32)


def soft_opacity(known: Latents, final: Latents, mask: Latents, pixel_mask: Mask, options: SoftOptions) -> Mask:
    """Opacity of the result, (H, W) like `pixel_mask`: opaque where the latents changed, clear where they did not.

    `mask` is the soft latent mask, (1, 1, h, w). Pixels at mask 0 stay clear whatever happened to their cell.
    """
    changed = np.linalg.norm((final - known).astype(np.float64), axis=1)[0]
    for part in (STRONGEST, MIDDLE):
        changed = ranked_mean(changed, *part)
    by_mask = 1 - mask[0, 0].astype(np.float64) ** (options.scale / 2)
    preserve = 0.5 * (1 - options.influence) + options.influence * by_mask
    half = np.maximum(options.threshold * preserve / (1.00001 - preserve), 1e-9)
    opacity = 1 - _smootherstep(1 / (1 + (changed / half) ** options.contrast))
    size = pixel_mask.shape[1::-1]
    wide = cv2.resize(opacity.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    smooth = np.clip(cv2.GaussianBlur(wide, (0, 0), BLUR_PX), 0, 1)
    return np.where(pixel_mask > 0, smooth, np.float32(0))


def ranked_mean(values: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    """Mean of the ranks low..high of each cell's window, (h, w); ranks count by a Gaussian around the cell.

    Windows end at the border of the array.
    """
    reach = WINDOW // 2
    line = np.exp(-np.square(np.arange(-reach, reach + 1)) / (2 * WINDOW_SIGMA**2))
    kernel = np.outer(line, line).ravel()
    shape = (*values.shape, WINDOW * WINDOW)
    windows = sliding_window_view(np.pad(values, reach), (WINDOW, WINDOW)).reshape(shape)
    within = sliding_window_view(np.pad(np.ones_like(values), reach), (WINDOW, WINDOW)).reshape(shape)
    order = np.argsort(windows, axis=2)
    ranked = np.take_along_axis(windows, order, axis=2)
    weight = np.take_along_axis(within * kernel, order, axis=2)
    top = np.cumsum(weight, axis=2)
    share = weight / top[..., -1:]
    top = top / top[..., -1:]
    part = np.clip(np.minimum(top, high) - np.maximum(top - share, low), 0, None)
    return np.asarray((ranked * part).sum(axis=2) / part.sum(axis=2), np.float64)


def _smootherstep(t: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ease 0..1 with zero slope and curvature at both ends (Perlin 2002)."""
    return t * t * t * (t * (6 * t - 15) + 10)
