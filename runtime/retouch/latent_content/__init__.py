"""Masked content that is made of latents, after the picture was encoded: one file per kind."""

from typing import Protocol

from retouch.arrays import Latents
from retouch_models.registry import Registry


class LatentContent(Protocol):
    """Fills the masked part of the latents."""

    def __call__(self, latents: Latents, mask: Latents, noise: Latents) -> Latents:
        """Return new latents; `mask` is (1, 1, h, w), 1 = repaint, `noise` standard normal of the latents' shape."""
        ...


LATENT_CONTENT: Registry[LatentContent] = Registry("retouch.latent_content", "masked content")
