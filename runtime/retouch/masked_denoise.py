"""How the mask acts on the denoising of one working box: chosen by the request and by what the model knows of masks."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from retouch.arrays import Latents, Mask, Sigmas
from retouch.canvas import latent_mask
from retouch.denoise.coherence import coherence_map
from retouch.denoise.differential import ROUNDING, differential
from retouch.denoise.keep_known import keep_known
from retouch.denoise.soft import SoftOptions, soft_opacity, soften
from retouch.latents import Canvas, Encoder
from retouch.loop import Loop
from retouch.request import InpaintRequest
from retouch.samplers import Denoise

DenoiseWith = Callable[[Latents | None], Denoise]
"""Builds the denoiser that looks at a mask and masked picture, (1, 1 + C, h, w), or at none."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Masked:
    """A denoiser that respects the mask."""

    denoise: Denoise
    opacity: Callable[[Latents], Mask] | None = None
    """Opacity of the result at work size, (h, w), from the final latents; None where the mask itself is it."""


def masked_denoise(
    build: DenoiseWith,
    canvas: Canvas,
    encoder: Encoder,
    request: InpaintRequest,
    walk: Sigmas,
    noise: Latents,
    loop: Loop,
) -> Masked:
    """Compose the denoiser for a working box and latents that live in `loop`; `noise` is what the run starts from.

    A model with mask inputs (9 channels) needs no help with a hard mask; an ordinary one (4 channels) always keeps
    the known latents. Grey mask values, a coherence ring and soft inpainting need it for both.
    """
    knows_masks = encoder.knows_masks

    def looking_at(cells: Latents, hole: Mask) -> Latents | None:
        return np.concatenate([cells, encoder.masked(canvas.image, hole)], axis=1) if knows_masks else None

    base = build(looking_at(canvas.cells, canvas.hole(request.latent_mask)))
    factor = encoder.factor
    if request.coherence > 0 or request.denoising == "differential":
        change = _change_map(canvas, request, factor)
        known = loop.place(encoder(canvas.image))

        def denoise_at(threshold: float) -> Denoise:
            cells = (change >= threshold - ROUNDING).astype(np.float32)
            return build(looking_at(cells, _hole_of(cells, factor))) if knows_masks else base

        return Masked(denoise=differential(denoise_at, known, change, walk, noise))
    if request.denoising == "soft":
        soft = latent_mask(canvas.mask, factor, soft=True)
        known, options = encoder(canvas.image), SoftOptions()
        return Masked(
            denoise=_on_host(partial(soften, known=known, mask=soft, options=options), base, loop),
            opacity=lambda final: soft_opacity(known, final, soft, canvas.mask, options),
        )
    if not knows_masks:
        return Masked(denoise=keep_known(base, loop.place(encoder(canvas.image)), canvas.cells, noise))
    return Masked(denoise=base)


def _on_host(wrap: Callable[[Denoise], Denoise], base: Denoise, loop: Loop) -> Denoise:
    """Wrap a denoiser by something that needs arrays, on their way through the host."""
    wrapped = wrap(lambda x, sigma: loop.host(base(x, sigma)))
    return lambda x, sigma: loop.place(wrapped(x, sigma))


def _change_map(canvas: Canvas, request: InpaintRequest, factor: int) -> Latents:
    """How much each latent cell may change, (1, 1, h, w): the mask, soft if asked for, and the ring around it."""
    inside = latent_mask(canvas.mask, factor, soft=True) if request.denoising == "differential" else canvas.cells
    ring_cells = request.coherence * canvas.zoom / factor
    return coherence_map(inside, ring_cells, request.coherence_strength)


def _hole_of(cells: Latents, factor: int) -> Mask:
    return np.asarray(cells[0, 0].repeat(factor, axis=0).repeat(factor, axis=1), np.float32)
