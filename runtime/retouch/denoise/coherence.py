"""The coherence ring: around the mask the picture is re-drawn a little, so that its edge can be met half-way."""

from typing import Literal, TypeAlias

import cv2
import numpy as np

from retouch.arrays import Latents

Falloff: TypeAlias = Literal["gaussian", "linear", "staged"]


def coherence_map(mask: Latents, ring_cells: float, least: float, falloff: Falloff = "gaussian") -> Latents:
    """Turn a latent mask, (1, 1, h, w), into a change map for `differential` with a ring around the mask.

    Inside the mask the map is the mask. Over `ring_cells` outwards it falls off, but no ring cell lies below
    `least`, the share of the steps that is run on all of them; "staged" puts the whole ring at `least`. With
    `least` 0 a Gaussian ring fades to nothing.
    """
    solid = mask[0, 0] >= 0.5
    if ring_cells <= 0 or not solid.any():
        return mask.copy()
    distance = cv2.distanceTransform((~solid).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    if falloff == "gaussian":
        ring = np.exp(-np.square(distance * 2.5 / ring_cells) / 2)
    elif falloff == "linear":
        ring = 1 - distance / (ring_cells + 1)
    else:
        ring = np.zeros_like(distance)
    ring = np.where(distance <= ring_cells, np.maximum(ring, least), 0)
    return np.maximum(mask, ring[None, None]).astype(np.float32)
