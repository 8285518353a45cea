"""The whole story: a picture, a mask and a request go in, the mended picture comes out.

`plan` chooses the working boxes; each is cut out, encoded, denoised, decoded and joined to the accepted result of
the one before, so only pixels inside a working box are ever processed.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from retouch.arrays import RGB, Mask
from retouch.best_of import Drafts, paint_best
from retouch.canvas import size_of
from retouch.card_memory import card_memory, card_of
from retouch.clock import Clock
from retouch.errors import GenerationError, PictureError, UsageError
from retouch.estimate import steps_gflop
from retouch.failures import OutOfMemory
from retouch.fast import fast_words
from retouch.known_speed import remember
from retouch.latent_content import LATENT_CONTENT
from retouch.latents import Encoder, noise_stream
from retouch.loop import LoopOptions, Loops
from retouch.memory_choice import MemoryChoice
from retouch.memory_plan import MemoryMode, MemoryPlan, give_back
from retouch.noise_levels import NoiseLevels
from retouch.preview import Previewer, PreviewKind
from retouch.progress import OnProgress, Progress, ignore
from retouch.proof import Proof, changed_outside
from retouch.providers import PROVIDERS, on_processor, open_device
from retouch.ranking import Ranker
from retouch.region_run import RegionRun
from retouch.request import InpaintRequest
from retouch.result import InpaintResult, RegionResult
from retouch.session import Graphs, usable_processors
from retouch.strokes import Layer
from retouch.text_side import TextSide
from retouch.work_area import Region, plan, work_area_of
from retouch_models.bundle import Bundle


class Inpainter:
    """A model, opened on a device, that repaints masked parts of pictures.

    Sessions open when first needed and stay open; prompts and pictures already encoded are remembered, so further
    candidates cost only their steps. Not safe to call from two threads at once.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        provider: str = "auto",
        threads: int | None = None,
        memory: MemoryMode = "auto",
        memory_limit: float | None = None,
        preview: PreviewKind = "auto",
    ) -> None:
        """Try the device for real; ProviderError if it was named and does not load.

        `memory_limit` is in bytes; without one, `auto` keeps to what the system has left. `preview` chooses how
        `Progress.preview` is made.
        """
        self.bundle = bundle
        self.manifest = bundle.manifest
        card = card_of(provider)  # before this process has a share of it
        self.device = open_device(provider)
        self.memory = MemoryChoice(
            bundle=bundle,
            device=self.device,
            mode=memory,
            limit_bytes=memory_limit,
            card=card if self.device.provider == "cuda" else None,
        )
        """How a run may use memory."""
        options = LoopOptions.from_environment()
        self.graphs = Graphs(
            bundle,
            self.device,
            threads=threads,
            memory_limit=None if memory_limit is None else int(memory_limit),
            record=options.records_on(self.device),
        )
        self.levels = NoiseLevels.from_spec(self.manifest.noise)
        self._loops = Loops(self.graphs, self.levels, options)
        self._encoder = Encoder(self.graphs)
        self._text = TextSide(self.graphs)
        self._rank: Ranker | None = None
        self._previewer = Previewer(self.graphs, preview)

    def plan(self, mask: Mask, request: InpaintRequest) -> tuple[Region, ...]:
        """Choose the working boxes for a mask, (H, W); PictureError if it is empty."""
        area = replace(work_area_of(request), few=PROVIDERS[self.device.provider].few_sizes)
        return plan(mask, area, self.manifest.size)

    def run(
        self,
        image: RGB,
        mask: Mask,
        request: InpaintRequest,
        on_progress: OnProgress = ignore,
        *,
        strokes: Layer | None = None,
    ) -> InpaintResult:
        """Repaint `mask` (H, W) of `image` (H, W, 3); no array is written to.

        `strokes`, (H, W, 4), is paint that the run starts from where the mask allows it; strength must be below 1. With
        `request.best_of` above 1 the result's request names the seed that was kept.
        Raises PictureError (sizes, empty mask), UsageError (options), GenerationError, and whatever `on_progress`
        raises, which is how a run is cancelled.
        """
        if image.shape[:2] != mask.shape:
            raise PictureError(f"the mask is {size_of(mask)} and the picture {size_of(image)}; make them the same size")
        full = request.resolved(self.manifest)
        if strokes is not None:
            _check_strokes(strokes, image, full)
        if full.best_of > 1:
            paint = partial(self._painted, image, mask, strokes)
            return paint_best(paint, self._ranker, Drafts.of(full, self.manifest), on_progress)
        return self._painted(image, mask, strokes, full, on_progress)

    def _painted(
        self, image: RGB, mask: Mask, strokes: Layer | None, full: InpaintRequest, on_progress: OnProgress
    ) -> InpaintResult:
        """Paint one picture, sparing memory where it runs out."""
        regions = self.plan(mask, full)
        said = ""
        for rung in self.memory_plans(full, regions):
            self.graphs.use(rung)
            try:
                return self._with_fallback(partial(self._attempt, image, mask, full, regions, on_progress, strokes))
            except (OutOfMemory, MemoryError) as error:
                said = str(error)
            finally:
                give_back()
            self.close()
        said = said or "the run went out of memory; close other programs, or give a smaller --work-size"
        raise GenerationError("; ".join(filter(None, (said, self._held_by_others()))))

    def memory_plans(self, request: InpaintRequest, regions: tuple[Region, ...]) -> tuple[MemoryPlan, ...]:
        """Return how a run would use memory, and what it would fall back to; `request` must be resolved."""
        return self.memory.rungs(request, regions)

    def _held_by_others(self) -> str:
        """What others hold on the card now that this process has let go of its own; empty if it is not known."""
        return card_memory(self.device.device_id).held() if self.device.provider == "cuda" else ""

    def _with_fallback(self, attempt: Callable[[], InpaintResult]) -> InpaintResult:
        """Try again with latents on the host where the loop on the device fails before its first step is done."""
        try:
            return attempt()
        except OutOfMemory:
            raise
        except GenerationError as error:
            if not self._loops.give_up_device(error):
                raise
        return attempt()

    def _attempt(
        self,
        image: RGB,
        mask: Mask,
        full: InpaintRequest,
        regions: tuple[Region, ...],
        on_progress: OnProgress,
        strokes: Layer | None,
    ) -> InpaintResult:
        clock = Clock()
        on_progress(Progress(phase="load", regions=len(regions)))
        with clock.phase("load"):
            self._open_graphs()
        with clock.phase("text"):
            text = self._text(full)
            for role in self.manifest.text.encoders:
                self.graphs.rest(role)
        loop = self._loops.of(full)
        run = RegionRun(
            graphs=self.graphs,
            levels=self.levels,
            loop=loop,
            encoder=self._encoder,
            request=full,
            context=text.conditioning.context,
            extra=text.extra,
            noise=noise_stream(full),
            clock=clock,
            report=on_progress,
            preview=self._previewer,
            regions=len(regions),
            strokes=strokes,
        )
        picture, done = image, list[RegionResult]()
        for index, region in enumerate(regions):
            picture, result = run(picture, region, index)
            done.append(result)
        on_progress(Progress(phase="done", region=len(regions), regions=len(regions)))
        self._learn_speed(steps_gflop(self.manifest, full, regions), clock.seconds.get("steps", 0.0))
        return InpaintResult(
            image=picture,
            request=full,
            regions=tuple(done),
            proof=proof_of_all(image, picture, mask, done),
            provider=str(self.device),
            seconds=clock.seconds,
            notes=(
                *text.conditioning.notes,
                *_fast_notes(full),
                *self._loops.notes(full),
                *self.graphs.notes,
                *self._previewer.notes,
            ),
        )

    def _learn_speed(self, gflop: float, seconds: float) -> None:
        """Keep how fast the steps were, for plans; fewer threads or folded weights tell nothing of usual runs."""
        usual = self.graphs.threads == usable_processors() and not self.graphs.memory.folded
        if usual and on_processor(self.device) and gflop and seconds:
            remember(str(self.device), self.manifest.name, gflop / seconds)

    def _ranker(self, result: InpaintResult) -> float:
        if self._rank is None:
            self._rank = Ranker(self.graphs)
        return self._rank(result)

    def forget(self) -> None:
        """Forget the prompts and pictures that were encoded; the sessions stay open."""
        self._encoder.forget()
        self._text.forget()

    def close(self) -> None:
        """Free the sessions, and what is held on the device."""
        self._loops.close()
        self.graphs.close()

    def _open_graphs(self) -> None:
        for role in ("vae_encoder", "unet", "vae_decoder"):
            self.graphs[role]


def _fast_notes(request: InpaintRequest) -> tuple[str, ...]:
    """What is to be said of the fast preset where its pictures were never compared with exact ones."""
    return (f"the fast preset is {fast_words('general')}",) if request.fast_form == "general" else ()


def _check_strokes(strokes: Layer, image: RGB, request: InpaintRequest) -> None:
    """Refuse strokes that could not be seen."""
    if size_of(strokes) != size_of(image):
        raise PictureError(
            f"the strokes are {size_of(strokes)} and the picture {size_of(image)}; make them the same size"
        )
    if request.strength == 1:
        raise UsageError(
            "at strength 1 the run starts from noise and strokes are not seen; give --strength 0.8 or less"
        )
    if request.content in LATENT_CONTENT:
        raise UsageError(f"--content {request.content} covers the strokes; leave it out")


def proof_of_all(before: RGB, after: RGB, mask: Mask, regions: list[RegionResult]) -> Proof:
    """Prove the whole picture: bytes over all of it, the worst of the regions for the rest."""
    drifts = [r.proof.drift_db for r in regions if r.proof.drift_db is not None]
    names = dict.fromkeys(r.proof.blend for r in regions)
    return Proof(
        bytes_changed_outside=changed_outside(before, after, mask),
        seam_before=max(r.proof.seam_before for r in regions),
        seam_after=max(r.proof.seam_after for r in regions),
        drift_db=min(drifts) if drifts else None,
        blend=", ".join(names),
    )
