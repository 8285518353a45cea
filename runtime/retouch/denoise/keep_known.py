"""Masked denoising: outside the mask the latents stay those of the original."""

import cv2
import numpy as np

from retouch.arrays import Latents
from retouch.samplers import Denoise


def keep_known(denoise: Denoise, known: Latents, mask: Latents, noise: Latents) -> Denoise:
    """Show the model the original at the right noise level outside the mask, and take nothing from it there.

    Of the variants in use this is the one that replaces both the model's input, x := m x + (1 - m)(z0 + σ ε), and
    its output, x0 := m x0 + (1 - m) z0. Replacing only the output lets the sampler's path drift off the original's,
    replacing only the input leaves the last step's error; after the sampler's step it would need a hook there. ε is
    the run's one starting noise, because multistep samplers extrapolate from earlier outputs and a new ε at each
    step would look to them like motion. The output is exactly z0 where the mask is 0.
    """

    rest = 1 - mask

    def masked(x: Latents, sigma: float) -> Latents:
        noised = known + np.float32(sigma) * noise
        return mask * denoise(mask * x + rest * noised, sigma) + rest * known  # exact at 0 and at 1

    return masked


def grown(mask: Latents, cells: int = 1) -> Latents:
    """Grow a latent mask by whole cells to all eight sides.

    With 9-channel models a mask one cell wider than the mask channel lets the model settle the edge itself, which
    lessens the colour step there.
    """
    box = np.ones((2 * cells + 1, 2 * cells + 1), np.uint8)
    return np.asarray(cv2.dilate(mask[0, 0], box)[None, None], np.float32)
