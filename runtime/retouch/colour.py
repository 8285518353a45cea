"""Colour match: the patch takes on the picture's colours, judged by the pixels that both show."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch.arrays import RGB, Mask
from retouch.errors import UnknownName

ENOUGH = 256
"""Kept pixels needed for a judgement; with fewer the patch stays as it is."""
MOST = 400_000
"""A judgement from this many pixels is as good as from all."""
SAME = 0.5
"""Colours that agree to this many levels (or ΔE) on average are left alone: less cannot be seen, only rounded."""
GAIN = (0.5, 2.0)
"""Limits for the change of contrast, so that flat surroundings cannot blow up a patch."""
FLAT = 0.5
"""Deviation below which a ratio of contrasts says nothing, ΔE."""

Pixels: TypeAlias = NDArray[np.uint8]
"""A sample of sRGB pixels, (n, 3)."""


def match_colours(patch: RGB, picture: RGB, mask: Mask, kind: str) -> RGB:
    """Return the patch with its colours moved so that it agrees with the picture where the mask is 0.

    `patch` is the model's raw picture of the crop, `picture` the crop. Only kept pixels are counted: what was
    repainted is meant to differ. One correction for the whole patch moves a visible edge rather than removing it;
    for that there is the Poisson blend. Raises UnknownName for a kind that is not in `KINDS`.
    """
    if kind not in KINDS:
        raise UnknownName("colour match", kind, tuple(KINDS))
    kept = np.flatnonzero(mask == 0)
    if kept.size < ENOUGH:
        return patch.copy()
    sample = kept[:: -(-kept.size // MOST)]
    return KINDS[kind](patch, patch.reshape(-1, 3)[sample], picture.reshape(-1, 3)[sample])


def _same(patch: RGB, have: Pixels, want: Pixels) -> RGB:  # noqa: ARG001  (one signature for all kinds)
    return patch.copy()


def _lab(patch: RGB, have: Pixels, want: Pixels) -> RGB:
    """Match mean and standard deviation in CIE Lab (Reinhard et al. 2001, eq. 10-11, in CIE instead of their lαβ)."""
    mine, theirs = _to_lab(have[None])[0], _to_lab(want[None])[0]
    gain = np.clip((theirs.std(axis=0) + FLAT) / (mine.std(axis=0) + FLAT), *GAIN)
    offset = theirs.mean(axis=0) - gain * mine.mean(axis=0)
    moved = np.sqrt(np.square(mine * (gain - 1) + offset).sum(axis=1)).mean()
    if moved < SAME:
        return patch.copy()
    lab = _to_lab(patch)
    lab *= gain.astype(np.float32)
    lab += offset.astype(np.float32)
    back = cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)
    return np.asarray(cv2.convertScaleAbs(np.clip(back, 0, 1), alpha=255), np.uint8)


def _histogram(patch: RGB, have: Pixels, want: Pixels) -> RGB:
    """Match the distribution of each channel: every level moves to the picture's level of the same rank."""
    curves = np.stack([_curve(have[:, c], want[:, c]) for c in range(3)], axis=1)
    moved = np.abs(np.take_along_axis(curves, have.astype(np.int64), axis=0) - have).mean()
    if moved < SAME:
        return patch.copy()
    return np.asarray(cv2.LUT(patch, np.clip(np.rint(curves), 0, 255).astype(np.uint8)[None]), np.uint8)


def _curve(have: NDArray[np.uint8], want: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Map of levels, (256,), between the mid-ranks of two samples; levels beyond the sample shift like its ends."""
    levels = np.arange(256)
    seen = np.bincount(have, minlength=256)
    wanted = np.bincount(want, minlength=256)
    rank = (np.cumsum(seen) - seen / 2) / have.size
    goal = (np.cumsum(wanted) - wanted / 2) / want.size
    known = levels[seen > 0]
    to = np.interp(rank[known], goal[wanted > 0], levels[wanted > 0])
    inner = np.interp(levels, known, to)
    beyond = np.clip(levels - known[-1], 0, None) + np.clip(levels - known[0], None, 0)
    return np.asarray(inner + beyond, np.float64)


def _to_lab(picture: RGB) -> NDArray[np.float32]:
    return np.asarray(cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)


KINDS: Mapping[str, Callable[[RGB, Pixels, Pixels], RGB]] = {"none": _same, "lab": _lab, "histogram": _histogram}
"""Colour matches by name."""
