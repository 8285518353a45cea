"""The whole story: a picture, a mask and a request go in, the mended picture comes out.

`plan` chooses the working boxes; each is cut out, encoded, denoised, decoded and joined to the accepted result of
the one before, so only pixels inside a working box are ever processed.
"""

from dataclasses import dataclass
from types import TracebackType

from retouch import vae
from retouch.arrays import RGB, Latents, Mask
from retouch.canvas import cut, cut_mask, paste, place, size_of, take
from retouch.clock import Clock
from retouch.conditioning import Conditioning
from retouch.denoiser import Guidance, Inputs, UnetDenoiser
from retouch.errors import PictureError
from retouch.joining import feather_px, join
from retouch.latents import Canvas, Encoder, initial_latents, noise_stream
from retouch.masked_denoise import masked_inputs, wrap
from retouch.noise import Gaussian
from retouch.progress import OnProgress, Progress, ignore
from retouch.proof import prove
from retouch.providers import Device, open_device
from retouch.request import InpaintRequest
from retouch.result import InpaintResult, RegionResult
from retouch.samplers import SAMPLERS
from retouch.schedule import NoiseLevels, sigmas, start
from retouch.session import Graphs
from retouch.text import TextSide
from retouch.work_area import Region, plan, work_area_of
from retouch_models.bundle import Bundle


class Inpainter:
    """A model, opened on a device, that repaints masked parts of pictures.

    Sessions open when first needed and stay open; prompts and pictures already encoded are remembered, so further
    candidates cost only their steps. Not safe to call from two threads at once.
    """

    def __init__(self, bundle: Bundle, *, provider: str = "auto", threads: int | None = None) -> None:
        """Try the device for real; ProviderError if it was named and does not load."""
        self.bundle = bundle
        self.manifest = bundle.manifest
        self.device: Device = open_device(provider)
        self.graphs = Graphs(bundle, self.device, threads=threads)
        self.levels = NoiseLevels.from_spec(self.manifest.noise)
        self._encoder = Encoder(self.graphs)
        self._text = TextSide(self.graphs)

    def plan(self, mask: Mask, request: InpaintRequest) -> tuple[Region, ...]:
        """Choose the working boxes for a mask, (H, W); PictureError if it is empty."""
        return plan(mask, work_area_of(request), self.manifest.size)

    def run(
        self, image: RGB, mask: Mask, request: InpaintRequest, on_progress: OnProgress = ignore
    ) -> InpaintResult:
        """Repaint `mask` (H, W) of `image` (H, W, 3); neither array is written to.

        Raises PictureError (sizes, empty mask), UsageError (options), GenerationError, and whatever `on_progress`
        raises, which is how a run is cancelled.
        """
        if image.shape[:2] != mask.shape:
            raise PictureError(f"the mask is {size_of(mask)} and the picture {size_of(image)}; make them the same size")
        full = request.resolved(self.manifest)
        clock = Clock()
        regions = self.plan(mask, full)
        on_progress(Progress(phase="load", regions=len(regions)))
        with clock.phase("load"):
            self._open_graphs()
        with clock.phase("text"):
            text = self._text(full)
        noise = noise_stream(full)
        picture, done = image, list[RegionResult]()
        for index, region in enumerate(regions):
            run = _RegionRun(self, full, text, noise, clock, on_progress, index, len(regions))
            picture, result = run(picture, region)
            done.append(result)
        on_progress(Progress(phase="done", region=len(regions), regions=len(regions)))
        return InpaintResult(
            image=picture if picture is not image else image.copy(),
            request=full,
            regions=tuple(done),
            proof=_overall(image, picture, mask, done),
            provider=str(self.device),
            seconds=clock.seconds,
            notes=text.notes,
        )

    def close(self) -> None:
        """Free the sessions."""
        self.graphs.close()
