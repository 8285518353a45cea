"""What the sampler starts from and what the UNet sees beside it, for one working box."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retouch import tiled_vae, vae
from retouch.arrays import RGB, Latents, Mask
from retouch.canvas import LATENT_MASKS, LatentMask, cut, fit_mask
from retouch.content import CONTENT
from retouch.latent_content import LATENT_CONTENT
from retouch.memo import Memo
from retouch.noise import Gaussian, gaussian
from retouch.request import InpaintRequest
from retouch.session import Graphs
from retouch.strokes import Layer, Paint, cut_paint, lay_over
from retouch.variation import slerp
from retouch.work_area import Region


@dataclass(frozen=True, eq=False, kw_only=True)
class Canvas:
    """One working box at work size, in pixels and in latent cells."""

    image: RGB
    """(h, w, 3)"""
    mask: Mask
    """(h, w), soft values kept."""
    cells: LatentMask
    """(1, 1, h/f, w/f): which latent cells are repainted, 0 or 1."""
    zoom: float
    """Work pixels per picture pixel."""
    paint: Paint | None = None
    """Colour strokes above the picture, (h, w, 4); they steer what the run starts from, and nothing else."""

    @classmethod
    def of(
        cls, picture: RGB, region: Region, request: InpaintRequest, factor: int, strokes: Layer | None = None
    ) -> "Canvas":
        """Cut the region out of the picture and bring its mask to latent cells the way the request says."""
        where = region.placement
        mask = fit_mask(region.mask, where.work)
        cells = LATENT_MASKS[request.latent_mask](mask, factor)
        paint = None if strokes is None else cut_paint(strokes, where)
        return cls(image=cut(picture, where), mask=mask, cells=cells, zoom=where.zoom, paint=paint)

    def hole(self, kind: str) -> Mask:
        """Where the masked picture is blank, (h, w): all that is painted, or what the `nearest` mask calls painted."""
        return (self.mask >= 0.5 if kind == "nearest" else self.mask > 0).astype(np.float32)


class Encoder:
    """The VAE's encoder with the bundle's scale, remembering the last pictures: candidates share them."""

    def __init__(self, graphs: Graphs) -> None:
        """Open nothing yet."""
        self._graphs = graphs
        self._spec = graphs.bundle.manifest.latent
        self._memo: Memo[Latents] = Memo(size=8)
        self.factor = self._spec.factor
        """Pixels per latent cell and side."""
        self.knows_masks = graphs.bundle.manifest.conditioning.masked_picture
        """Whether the UNet takes the mask and the masked picture."""

    def __call__(self, image: RGB) -> Latents:
        """Encode a picture, (h, w, 3), to (1, C, h/f, w/f)."""
        return self._memo(image, lambda: self._run(vae.to_unit(image)))

    def masked(self, image: RGB, hole: Mask) -> Latents:
        """Encode the picture with the hole at exactly mid grey, 0 in -1..1 (Rombach et al. 2022, inpainting)."""
        unit = vae.to_unit(image) * (hole == 0)

        return self._memo(unit, lambda: self._run(unit))

    def _run(self, unit: NDArray[np.float32]) -> Latents:
        return tiled_vae.encode_unit(self._graphs["vae_encoder"], unit, self._spec, self._graphs.memory.tile)

    def forget(self) -> None:
        """Forget the pictures."""
        self._memo.clear()


def noise_stream(request: InpaintRequest) -> Gaussian:
    """The run's noise: from `seed`, moved towards `variation_seed` for the first draw, which starts the run."""
    main = gaussian(request.rng, request.seed)
    if request.variation_seed is None or request.variation == 0:
        return main
    other = gaussian(request.rng, request.variation_seed)
    first = True

    def varied(shape: tuple[int, ...]) -> Latents:
        nonlocal first
        drawn = main(shape)
        if first:
            first = False
            return slerp(drawn, other(shape), request.variation)
        return drawn

    return varied


def initial_latents(canvas: Canvas, encoder: Encoder, request: InpaintRequest, noise: Gaussian) -> Latents:
    """Latents of what stands under the mask, (1, C, h/f, w/f); for strength below 1."""
    if request.content in LATENT_CONTENT:
        known = encoder(canvas.image)
        return LATENT_CONTENT[request.content](known, canvas.cells, noise(known.shape))
    filled = CONTENT[request.content](canvas.image, canvas.mask, request.seed)
    if canvas.paint is not None:
        filled = lay_over(filled, canvas.paint, canvas.mask)
    latents = encoder(filled)
    if request.extra_noise > 0:
        latents = latents + np.float32(request.extra_noise) * canvas.cells * noise(latents.shape)
    return latents
