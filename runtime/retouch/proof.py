"""What a result can prove about itself: untouched bytes, an invisible edge, little drift."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch.arrays import RGB, Mask

SCALES_PX = (1, 4, 16)
"""Widths of the bands that are compared across the edge."""
VISIBILITY = (1.0, 0.8, 0.6)
"""How much a step counts at each scale: the eye's contrast sensitivity falls gently towards wide ramps."""


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
    only what exceeds its uncertainty over the stretches. Texture raises all three alike, a smooth gradient as well,
    and a seam raises the first alone. The score is the greatest excess over the scales, weighted by `VISIBILITY`: a
    hard step of c ΔE on flat ground scores c, the same step faded over 16 px about a quarter of it, and a step that
    hides in texture scores less, as it does for the eye. 2.3 ΔE are just noticeable.
    """
    inside = mask >= 0.5
    if not inside.any() or inside.all():
        return 0.0
    return max(0.0, *(weight * _excess(result, inside, s) for s, weight in zip(SCALES_PX, VISIBILITY, strict=True)))


def _excess(result: RGB, inside: NDArray[np.bool_], scale: int) -> float:
    """Mean step across the edge beyond the steps across the two lines parallel to it, less its uncertainty, ΔE."""
    along_rows = _excess_along_rows(result, inside, scale)
    along_columns = _excess_along_rows(result.swapaxes(0, 1), inside.T, scale)
    excess = np.concatenate([along_rows, along_columns])
    if excess.size < 2:
        return 0.0
    # twice the standard error, more of it the fewer stretches there are to estimate it from
    doubt = 2 * (1 + 4 / excess.size) * excess.std(ddof=1) / math.sqrt(excess.size)
    return float(excess.mean() - doubt)


def _excess_along_rows(result: RGB, inside: NDArray[np.bool_], scale: int) -> NDArray[np.float64]:
    """Excess of each stretch of edge that rows cross, (stretches,), ΔE.

    Each crossing gives a run of six bands along its row, three on each side; runs of the same square of 8 bands'
    side make a stretch. Comparisons use the same runs on both sides, since means of fewer runs scatter more.
    """
    every = max(1, scale // 4)  # neighbouring runs of wide bands say the same
    rows, left = (found[::every] for found in np.nonzero(inside[:, 1:] != inside[:, :-1]))
    if not rows.size:
        return np.zeros(0)
    offset = np.arange(-3 * scale, 3 * scale)
    cols = np.where(inside[rows, left + 1, None], left[:, None] + 1 + offset, left[:, None] - offset)
    kept_in = cols.clip(0, inside.shape[1] - 1)
    pure = (kept_in == cols) & (inside[rows[:, None], kept_in] == (offset >= 0))
    measured = pure.reshape(-1, 6, scale).all(axis=2)
    bands = _lab(result[rows[:, None], kept_in].reshape(-1, 3)).reshape(-1, 6, scale, 3).mean(axis=2)
    outer, across, inner = np.moveaxis(np.diff(bands, axis=1)[:, 0::2], 1, 0)
    side = 8 * scale
    _, stretch = np.unique((rows // side) * inside.shape[1] + left // side, return_inverse=True)
    centre = measured[:, 2] & measured[:, 3]
    compared = [
        _compare(across, beside, centre & both, stretch.ravel(), max(1, 2 * scale // every))
        for beside, both in ((outer, measured[:, 0] & measured[:, 1]), (inner, measured[:, 4] & measured[:, 5]))
    ]
    counted = np.isfinite(compared)
    total = np.where(counted, compared, 0).sum(axis=0)[counted.any(axis=0)]
    return np.asarray(total / counted.sum(axis=0)[counted.any(axis=0)], np.float64)


def _compare(
    across: NDArray[np.float32],
    beside: NDArray[np.float32],
    runs: NDArray[np.bool_],
    stretch: NDArray[np.int64],
    enough: int,
) -> NDArray[np.float64]:
    """Length of the mean step across the edge minus that of the step beside it, per stretch; NaN for too few runs."""
    size = int(stretch.max()) + 1
    count = np.bincount(stretch[runs], minlength=size)
    lengths = []
    for steps in (across, beside):
        sums = [np.bincount(stretch[runs], steps[runs, c], size) for c in range(3)]
        lengths.append(np.linalg.norm(sums, axis=0) / np.maximum(count, 1))
    return np.where(count >= enough, lengths[0] - lengths[1], np.nan)


def _lab(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Convert (N, 3) sRGB to CIE Lab, L 0..100."""
    scaled = (pixels[None] / np.float32(255)).astype(np.float32)
    return np.asarray(cv2.cvtColor(scaled, cv2.COLOR_RGB2LAB)[0], np.float32)
