"""Whole-mask operations: each returns a changed copy of a uint8 (H, W) mask."""

import cv2
import numpy as np

from retouch_tui.layers import Mask8


def invert(mask: Mask8) -> Mask8:
    """Swap what is kept and what is repainted."""
    return 255 - mask


def clear(mask: Mask8) -> Mask8:
    """Keep everything."""
    return np.zeros_like(mask)


def _disc(radius_px: int) -> Mask8:
    side = np.arange(-radius_px, radius_px + 1)
    return (side[:, None] ** 2 + side[None, :] ** 2 <= radius_px * radius_px).astype(np.uint8)


def expand(mask: Mask8, radius_px: int) -> Mask8:
    """Move the mask's edge outward by `radius_px`."""
    return np.asarray(cv2.dilate(mask, _disc(radius_px)), np.uint8)


def shrink(mask: Mask8, radius_px: int) -> Mask8:
    """Move the mask's edge inward by `radius_px`; the picture's border does not eat into it."""
    return np.asarray(cv2.erode(mask, _disc(radius_px)), np.uint8)


def feather(mask: Mask8, radius_px: int) -> Mask8:
    """Soften the edge inward only, so that no pixel outside the painted area can change."""
    distance = cv2.distanceTransform((mask > 0).astype(np.uint8), cv2.DIST_L2, 3)
    ramp = np.clip(distance / (radius_px + 1), 0.0, 1.0)
    softened: Mask8 = np.minimum(mask, np.rint(ramp * 255).astype(np.uint8))
    return softened


def fill_holes(mask: Mask8) -> Mask8:
    """Repaint whatever the mask surrounds completely."""
    framed = np.pad(np.where(mask >= 128, 255, 0).astype(np.uint8), 1)
    cv2.floodFill(framed, np.zeros((framed.shape[0] + 2, framed.shape[1] + 2), np.uint8), (0, 0), 128)
    return np.where(framed[1:-1, 1:-1] == 0, 255, mask).astype(np.uint8)


def drop_specks(mask: Mask8, area_px: int) -> Mask8:
    """Keep nothing of areas smaller than `area_px` pixels."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats((mask > 0).astype(np.uint8), connectivity=8)
    small = np.zeros(count, bool)
    small[1:] = stats[1:, cv2.CC_STAT_AREA] < area_px
    return np.where(small[labels], 0, mask).astype(np.uint8)


def areas(mask: Mask8) -> tuple[int, np.ndarray]:
    """Count the separate areas and label them: int32 (H, W), 0 where nothing is masked."""
    count, labels = cv2.connectedComponents((mask > 0).astype(np.uint8), connectivity=8)
    return count - 1, labels
