"""One working box: cut out, encoded, denoised, decoded, joined."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from retouch import vae
from retouch.arrays import RGB, Latents, Sigmas
from retouch.canvas import cut, fit_mask, paste, place, take
from retouch.clock import Clock
from retouch.denoiser import Inputs, Unet, denoiser
from retouch.guidance import Guidance
from retouch.joining import feather_px, join
from retouch.latents import Canvas, Encoder, initial_latents
from retouch.noise import Gaussian
from retouch.progress import OnProgress, Progress
from retouch.request import InpaintRequest, given
from retouch.result import RegionResult
from retouch.samplers import SAMPLERS, Denoise
from retouch.noise_levels import NoiseLevels
from retouch.schedule import exact_sigmas, sigmas, start
from retouch.session import Graphs, Tensor
from retouch.work_area import Region


@dataclass(frozen=True, eq=False, kw_only=True)
class RegionRun:
    """What all regions of a run share."""

    graphs: Graphs
    levels: NoiseLevels
    encoder: Encoder
    request: InpaintRequest
    """With the model's defaults filled in."""
    context: "np.ndarray[tuple[int, ...], np.dtype[np.float32]]"
    """Text, (B, T, D): [negative, positive], or the positive alone."""
    extra: Callable[[Region], dict[str, Tensor]]
    """Further UNet inputs for a region."""
    noise: Gaussian
    clock: Clock
    report: OnProgress
    regions: int

    def __call__(self, picture: RGB, region: Region, index: int) -> tuple[RGB, RegionResult]:
        """Repaint one region of the picture, (H, W, 3); returns a new picture."""
        where = region.placement
        spec = self.graphs.bundle.manifest.latent
        canvas = Canvas.of(cut(picture, where), fit_mask(region.mask, where.work), self.request, spec.factor)
        latents = self._denoised(canvas, region, index)
        self.report(Progress(phase="decode", region=index, regions=self.regions))
        with self.clock.phase("decode"):
            decoded = vae.decode(self.graphs["vae_decoder"], latents, spec)
        with self.clock.phase("join"):
            raw = place(decoded, where)
            crop = take(picture, where.crop)
            joined = join(crop, raw, region.mask, self.request, feather_px(self.request, where, spec.factor))
            result = RegionResult(placement=where, mask=region.mask, raw=raw, proof=joined.proof)
            return paste(picture, joined.pixels, where.crop), result

    def _denoised(self, canvas: Canvas, region: Region, index: int) -> Latents:
        request, spec = self.request, self.graphs.bundle.manifest.latent
        walk = exact_sigmas if request.exact_steps else sigmas
        levels = walk(self.levels, str(request.schedule), given(request.steps), request.strength)
        self.report(Progress(phase="encode", region=index, regions=self.regions))
        with self.clock.phase("encode"):
            first = initial_latents(canvas, self.encoder, request, self.noise) if request.strength < 1 else None
            masked = self._masked(canvas)
        shape = (1, spec.channels, *canvas.cells.shape[2:])
        x = start(levels, self.noise(shape), first, request.strength)
        denoise = self._denoiser(masked, region)
        with self.clock.phase("steps"):
            return self._walk(denoise, x, levels, region, index)

    def _masked(self, canvas: Canvas) -> Latents | None:
        """Mask and masked picture for 9-channel models, (1, 1 + C, h, w)."""
        if not self.graphs.bundle.manifest.conditioning.masked_picture:
            return None
        hole = canvas.hole(self.request.latent_mask)
        return np.concatenate([canvas.cells, self.encoder.masked(canvas.image, hole)], axis=1)

    def _denoiser(self, masked: Latents | None, region: Region) -> Denoise:
        unet = Unet(self.graphs["unet"], self.levels, Inputs(self.context, self.extra(region), masked))
        guidance = Guidance(scale=given(self.request.guidance), rescale=self.request.guidance_rescale)
        return denoiser(unet, self.graphs.bundle.manifest.noise.prediction, guidance)

    def _walk(self, denoise: Denoise, x: Latents, levels: Sigmas, region: Region, index: int) -> Latents:
        spec, steps = self.graphs.bundle.manifest.latent, len(levels) - 1
        shape = x.shape
        for step in SAMPLERS[str(self.request.sampler)](denoise, x, levels, lambda: self.noise(shape)):
            x, clean = step.x, step.denoised
            self.report(
                Progress(
                    phase="step",
                    region=index,
                    regions=self.regions,
                    step=step.index + 1,
                    steps=steps,
                    crop=region.placement.crop,
                    preview=lambda clean=clean: vae.preview(clean, spec),  # type: ignore[misc]
                )
            )
        return x
