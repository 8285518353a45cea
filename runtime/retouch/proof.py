"""What a result can prove about itself: untouched bytes, an invisible edge, little drift."""

import math
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch.arrays import RGB, Mask

SCALES_PX = (1, 4, 16)
"""Widths of the bands that are compared across the edge."""
VISIBILITY = (1.0, 0.8, 0.6)
"""How much a step counts at each scale: the eye's contrast sensitivity falls gently towards wide ramps."""

Signed: TypeAlias = NDArray[np.float32]
"""Signed distance to the mask's edge, (H, W), px: 1, 2, ... inside, 0, -1, ... outside."""


@dataclass(frozen=True, kw_only=True)
class Proof:
    """The measurements stored with a result; JSON-able."""

    bytes_changed_outside: int
    """Bytes that differ where the mask is 0; an overlay promises 0."""
    seam_before: float
    """Seam score of the raw patch laid over the picture with a hard edge, ΔE."""
    seam_after: float
    """Seam score of the result, ΔE."""
    drift_db: float | None
    """PSNR outside the mask between the picture and the raw decode; None when they are identical."""
    blend: str
    """Name of the blend that was used."""


def prove(before: RGB, decoded: RGB, result: RGB, mask: Mask, blend: str) -> Proof:
    """Measure a result; `decoded` is the model's picture of the same crop before any blending."""
    drift = drift_db(before, decoded, mask)
    overlaid = np.where((mask >= 0.5)[..., None], decoded, before)
    return Proof(
        bytes_changed_outside=changed_outside(before, result, mask),
        seam_before=round(seam_score(overlaid, mask), 3),
        seam_after=round(seam_score(result, mask), 3),
        drift_db=round(drift, 2) if math.isfinite(drift) else None,
        blend=blend,
    )


def changed_outside(before: RGB, after: RGB, mask: Mask) -> int:
    """Count the bytes that differ where the mask is exactly 0."""
    return int(np.count_nonzero((before != after) & (mask == 0)[..., None]))


def drift_db(original: RGB, decoded: RGB, mask: Mask) -> float:
    """PSNR of the raw decode outside the mask, dB; infinite when identical or when nothing is outside."""
    outside = mask == 0
    error = np.square(original[outside].astype(np.float64) - decoded[outside])
    mean = float(error.mean()) if error.size else 0.0
    return math.inf if mean == 0 else 10 * math.log10(255**2 / mean)


def seam_score(result: RGB, mask: Mask) -> float:
    """Measure how visible the mask's edge is, in ΔE (CIE 1976): 0 cannot be told from its surroundings.

    Two bands of 1, 4 or 16 px lie along the edge, one on each side. Averaged over short stretches, their colours
    differ by the seam plus whatever the picture itself does there. The same comparison along two parallel lines, two
    bands further in and two further out, tells what the picture does by itself; only the excess counts, and of that
    only what exceeds its standard error over the stretches. Texture raises all three alike, a smooth gradient as
    well, and a seam raises the first alone. The score is the greatest excess over the scales, weighted by
    `VISIBILITY`: a hard step of c ΔE on flat ground scores c, the same step faded over 16 px a third of it, and a
    step that hides in texture scores less, as it does for the eye. 2.3 ΔE are just noticeable.
    """
    inside = mask >= 0.5
    if not inside.any() or inside.all():
        return 0.0
    signed = _signed_distance(inside)
    excess = [weight * _excess(result, signed, scale) for scale, weight in zip(SCALES_PX, VISIBILITY, strict=True)]
    return max(0.0, *excess)


def _signed_distance(inside: NDArray[np.bool_]) -> Signed:
    within = cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    without = cv2.distanceTransform((~inside).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    return np.asarray(np.where(inside, within, 1 - without), np.float32)


def _excess(result: RGB, signed: Signed, scale: int) -> float:
    """Mean step across the edge beyond the steps across the two lines parallel to it, less its standard error, ΔE."""
    near = np.nonzero((signed > -3 * scale) & (signed <= 3 * scale))
    band = np.ceil(signed[near] / scale).astype(np.int64) + 2  # 0..2 lie outside the edge, 3..5 inside
    side = 8 * scale
    stretch = (near[0] // side) * (signed.shape[1] // side + 1) + near[1] // side
    _, stretch = np.unique(stretch, return_inverse=True)
    mean, count = _means(_lab(result[near]), stretch.ravel() * 6 + band)
    measured = count >= 2 * scale**2
    both = measured[:, :-1] & measured[:, 1:]
    steps = np.linalg.norm(np.diff(mean, axis=1), axis=2)
    parallel = np.where(both, steps, 0)[:, [0, 4]].sum(axis=1) / np.maximum(both[:, [0, 4]].sum(axis=1), 1)
    excess = (steps[:, 2] - parallel)[both[:, 2] & both[:, [0, 4]].any(axis=1)]
    return float(excess.mean() - excess.std() / math.sqrt(len(excess))) if excess.size else 0.0


def _means(values: NDArray[np.float32], cell: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Average (N, 3) values per cell: means (stretches, 6 bands, 3) and counts (stretches, 6 bands)."""
    size = 6 * (int(cell.max()) // 6 + 1)
    count = np.bincount(cell, minlength=size)
    total = np.stack([np.bincount(cell, values[:, c], size) for c in range(3)], axis=1)
    return (total / np.maximum(count, 1)[:, None]).reshape(-1, 6, 3), count.reshape(-1, 6)


def _lab(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Convert (N, 3) sRGB to CIE Lab, L 0..100."""
    scaled = (pixels[None] / np.float32(255)).astype(np.float32)
    return np.asarray(cv2.cvtColor(scaled, cv2.COLOR_RGB2LAB)[0], np.float32)
