"""One working box: cut out, encoded, denoised, decoded, joined."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch import tiled_vae
from retouch.arrays import RGB, Latents, Mask, Sigmas
from retouch.canvas import paste, place, size_of
from retouch.clock import Clock
from retouch.decode_window import decode_window, in_picture, window
from retouch.denoiser import Inputs
from retouch.geometry import Box, Size
from retouch.guidance import Guidance, guided_steps
from retouch.joining import feather_px, join
from retouch.latents import Canvas, Encoder, initial_latents
from retouch.loop import Loop
from retouch.masked_denoise import masked_denoise
from retouch.noise import Gaussian
from retouch.noise_levels import NoiseLevels
from retouch.progress import OnProgress, Phase, Progress
from retouch.providers import on_processor
from retouch.request import InpaintRequest, given
from retouch.result import RegionResult
from retouch.samplers import SAMPLERS, Denoise
from retouch.schedule import exact_sigmas, listed, sigmas, start
from retouch.session import Graphs, Tensor
from retouch.strokes import Layer
from retouch.work_area import Region


@dataclass(frozen=True, eq=False, kw_only=True)
class RegionRun:
    """What all regions of a run share."""

    graphs: Graphs
    levels: NoiseLevels
    loop: Loop
    encoder: Encoder
    request: InpaintRequest
    """With the model's defaults filled in."""
    context: NDArray[np.float32]
    """Text, (B, T, D): [negative, positive], or the positive alone."""
    extra: Callable[[Region], dict[str, Tensor]]
    """Further UNet inputs for a region."""
    noise: Gaussian
    clock: Clock
    report: OnProgress
    preview: Callable[[Latents], RGB]
    """Shows clean latents."""
    regions: int
    strokes: Layer | None = None
    """Colour strokes over the whole picture, (H, W, 4)."""

    def __call__(self, picture: RGB, region: Region, index: int) -> tuple[RGB, RegionResult]:
        """Repaint one region of the picture, (H, W, 3); returns a new picture."""
        where = region.placement
        spec = self.graphs.bundle.manifest.latent
        canvas = Canvas.of(picture, region, self.request, spec.factor, self.strokes)
        latents, opacity = self._denoised(canvas, region, index)
        self._tell("decode", index)
        with self.clock.phase("decode"):
            seen = window(canvas.cells) if self._decodes_window() else Box.of(Size(*latents.shape[:1:-1]))
            decode = partial(tiled_vae.decode, self.graphs["vae_decoder"], spec=spec, tile=self.graphs.memory.tile)
            decoded = decode_window(decode, latents, seen, spec.factor)
        with self.clock.phase("join"):
            mask = region.mask if opacity is None else _to_crop(opacity, region)
            # A crop may overhang the picture; only what lies in the picture is joined, else the mask's edge would
            # fade along the picture's border as if something were kept there.
            inside = in_picture(seen, canvas.cells, where).clamp(size_of(picture))
            part = inside.shift(-where.crop.left, -where.crop.top).slices
            raw, mask = place(decoded, where)[part], mask[part]
            radius = feather_px(self.request, where, spec.factor)
            joined = join(picture[inside.slices], raw, mask, self.request, radius)
            result = RegionResult(placement=where, box=inside, mask=mask, raw=raw, proof=joined.proof)
            return paste(picture, joined.pixels, inside), result

    def _denoised(self, canvas: Canvas, region: Region, index: int) -> tuple[Latents, Mask | None]:
        """The clean latents of a working box, and the opacity of what they show if that is not the mask."""
        request, spec = self.request, self.graphs.bundle.manifest.latent
        walk = self._levels_visited()
        self._tell("encode", index)
        with self.clock.phase("encode"):
            first = self.loop.place(self.noise((1, spec.channels, *canvas.cells.shape[2:])))
            stands = initial_latents(canvas, self.encoder, request, self.noise) if request.strength < 1 else None
            build = partial(self._denoiser, region, walk)
            masked = masked_denoise(build, canvas, self.encoder, request, walk, first, self.loop)
        x = start(walk, first, stands, request.strength)
        with self.clock.phase("steps"):
            latents = self._walk(masked.denoise, x, walk, region, index)
        return latents, masked.opacity(latents) if masked.opacity is not None else None

    def _levels_visited(self) -> Sigmas:
        request = self.request
        if request.sigmas is not None:
            return listed(request.sigmas, request.strength)
        steps = exact_sigmas if request.exact_steps else sigmas
        return steps(self.levels, str(request.schedule), given(request.steps), request.strength)

    def _denoiser(self, region: Region, walk: Sigmas, masked: Latents | None) -> Denoise:
        scale = given(self.request.guidance) if len(self.context) == 2 else 1.0
        guidance = Guidance(scale=scale, rescale=self.request.guidance_rescale, interval=_interval(self.request, walk))
        return self.loop.denoiser(Inputs(self.context, self.extra(region), masked), guidance, walk)

    def _walk(self, denoise: Denoise, x: Latents, walk: Sigmas, region: Region, index: int) -> Latents:
        shape, loop = x.shape, self.loop
        for step in SAMPLERS[str(self.request.sampler)](denoise, x, walk, lambda: loop.place(self.noise(shape))):
            x = step.x
            self.report(
                Progress(
                    phase="step",
                    region=index,
                    regions=self.regions,
                    step=step.index + 1,
                    steps=len(walk) - 1,
                    crop=region.placement.crop,
                    preview=partial(self._shown, step.denoised),
                )
            )
        return loop.host(x)

    def _shown(self, latents: Latents) -> RGB:
        """A preview of latents, wherever they lie."""
        return self.preview(self.loop.host(latents))

    def _decodes_window(self) -> bool:
        """Whether nothing that was asked for looks at the decoded picture far from the mask."""
        request = self.request
        if not on_processor(self.graphs.device) or self.graphs.bundle.manifest.size.fixed:
            return False
        near = request.colour_match == "none" and request.feather_out == 0 and request.coherence == 0
        return request.decode == "masked" and request.overlay and near

    def _tell(self, phase: Phase, index: int) -> None:
        self.report(Progress(phase=phase, region=index, regions=self.regions))


def _interval(request: InpaintRequest, walk: Sigmas) -> tuple[float, float] | None:
    """Noise levels (low, high] of the share of the steps that is guided; low lies below those of the last of them."""
    if request.guidance_interval is None:
        return None
    steps = len(walk) - 1
    first, last = guided_steps(request.guidance_interval, steps)
    return (float(walk[last]) if last < steps else -1.0), float(walk[first])


def _to_crop(opacity: Mask, region: Region) -> Mask:
    """Opacity at work size brought to the crop, and 0 wherever the region's mask is 0."""
    size = tuple(region.placement.crop.size)
    return np.where(region.mask > 0, np.clip(cv2.resize(opacity, size, interpolation=cv2.INTER_LINEAR), 0, 1), 0)
