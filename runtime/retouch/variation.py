"""Variation of a seed: noise on the way from one seed's to another's."""

import math

import numpy as np

from retouch.arrays import Latents

NEARLY_PARALLEL = 0.9995
"""Cosine above which the arc is a straight line to float32's precision."""


def slerp(start: Latents, end: Latents, share: float) -> Latents:
    """Walk `share` (0 start .. 1 end) of the arc between two noises of one shape.

    Spherical interpolation (Shoemake 1985, "Animating rotation with quaternion curves", section 3.3) keeps the
    norm, and with it the variance that the model expects; a straight line would pass through weaker noise.
    Angles are taken over the whole array, so one picture's noise is one vector.
    """
    a, b = start.astype(np.float64), end.astype(np.float64)
    norms = float(np.linalg.norm(a) * np.linalg.norm(b))
    cosine = float(np.vdot(a, b)) / norms if norms > 0 else 1.0
    if abs(cosine) > NEARLY_PARALLEL:  # opposite noises have no one arc between them either
        mixed = (1.0 - share) * a + share * b
    else:
        angle = math.acos(cosine)
        mixed = (math.sin((1.0 - share) * angle) * a + math.sin(share * angle) * b) / math.sin(angle)
    return mixed.astype(np.float32)
