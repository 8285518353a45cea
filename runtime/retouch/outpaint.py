"""Grow a picture: new space on its sides is painted strip by strip, each with what is already there in view.

Every strip is one run on a window of the canvas that holds nothing unpainted but the strip itself. So the model never
sees empty space as context, and no blend mixes it in: towards the outside the strip ends where the window ends.
"""

from dataclasses import replace

import numpy as np

from retouch.arrays import RGB, Mask
from retouch.canvas import size_of
from retouch.content import CONTENT
from retouch.edit import Edit, apply, flattened
from retouch.errors import UsageError
from retouch.geometry import Box, Size
from retouch.picture import Picture
from retouch.pipeline import Inpainter, proof_of_all
from retouch.progress import OnProgress, Progress, ignore
from retouch.request import InpaintRequest
from retouch.resize import Margins, resize_canvas
from retouch.result import InpaintResult, RegionResult
from retouch.strips import Strip, strips

OVERLAP_SHARE = 1 / 16
"""Automatic overlap as a share of the model's native side."""
_GOLDEN = 0x9E3779B97F4A7C15
"""Odd and near 2^64 over the golden ratio: multiples of it spread seeds evenly (Knuth, TAOCP 3, 6.4)."""


def automatic_overlap(native: int) -> int:
    """Pixels of the old picture that are painted over, fading, when the user names no overlap."""
    return max(2, round(native * OVERLAP_SHARE))


def ring(old: Size, margins: Margins, overlap: int) -> Mask:
    """What may change on the grown canvas, (H, W): the new space and the overlap inside the old picture."""
    width, height = old.width + margins.left + margins.right, old.height + margins.top + margins.bottom
    kept = Box(
        margins.left + (overlap if margins.left else 0),
        margins.top + (overlap if margins.top else 0),
        width - margins.right - (overlap if margins.right else 0),
        height - margins.bottom - (overlap if margins.bottom else 0),
    )
    mask = np.ones((height, width), np.float32)
    if not kept.empty:
        mask[kept.slices] = 0
    return mask


def outpaint(
    engine: Inpainter,
    picture: Picture,
    margins: Margins,
    request: InpaintRequest,
    on_progress: OnProgress = ignore,
    *,
    overlap: int | None = None,
    fill: str = "edge",
) -> Edit:
    """Grow a picture and paint the new space; the result has exactly the size asked for.

    Old pixels farther than `overlap` from the new space keep their bytes, with 0 all of them do. `fill` names the
    masked content that stands in new space before it is painted. Errors as of `Inpainter.run`.
    """
    native = engine.manifest.size.native
    overlap = automatic_overlap(native) if overlap is None else overlap
    _check(margins, request, overlap)
    grown = resize_canvas(picture.pixels, picture.alpha, margins)
    canvas = replace(picture, pixels=grown.pixels, alpha=grown.alpha)
    before, plan = flattened(canvas), strips(picture.size, margins, native)
    shown, results = before, list[InpaintResult]()
    for index, strip in enumerate(plan):
        told = _numbered(on_progress, index, len(plan), last=index + 1 == len(plan))
        one = _request_of(request, index, overlap)
        shown, result = _paint(engine, shown, strip, one, told, overlap=overlap, fill=fill)
        results.append(result)
    mask = ring(picture.size, margins, overlap)
    done = apply(canvas, before, shown, mask)
    if picture.alpha is None:
        done = replace(done, alpha=None)
    return Edit(done, _whole(before, shown, mask, results, request.seed))


def _paint(
    engine: Inpainter, shown: RGB, strip: Strip, request: InpaintRequest, told: OnProgress, *, overlap: int, fill: str
) -> tuple[RGB, InpaintResult]:
    """Paint one strip into a copy of the canvas; regions of the result are in canvas pixels."""
    window = shown[strip.window.slices]
    here = strip.new.shift(-strip.window.left, -strip.window.top)
    size = size_of(window)
    new, mask = (np.zeros((size.height, size.width), np.float32) for _ in range(2))
    new[here.slices] = 1
    mask[here.pad(overlap).clamp(size).slices] = 1
    filled = CONTENT[fill](window, new, request.seed)
    result = engine.run(filled, mask, request, told)
    picture = shown.copy()
    picture[strip.window.slices] = result.image
    regions = tuple(_moved(region, strip.window) for region in result.regions)
    return picture, replace(result, regions=regions)


def _request_of(request: InpaintRequest, index: int, overlap: int) -> InpaintRequest:
    """The request of one strip: all of its window, noise of its own, and a fade that ends inside the overlap."""
    feather = float(overlap) if request.feather is None else request.feather
    seed = (request.seed + index * _GOLDEN) % 2**64
    return replace(request, area="picture", feather=feather, seed=seed)


def _moved(region: RegionResult, window: Box) -> RegionResult:
    where = region.placement
    return replace(region, placement=replace(where, crop=where.crop.shift(window.left, window.top)))


def _numbered(on_progress: OnProgress, index: int, total: int, *, last: bool) -> OnProgress:
    """Report a strip as one region of the whole; only the last one ends the run."""

    def told(progress: Progress) -> None:
        if progress.phase == "done" and not last:
            return
        region = total if progress.phase == "done" else index
        on_progress(replace(progress, region=region, regions=total))

    return told


def _whole(before: RGB, after: RGB, mask: Mask, results: list[InpaintResult], seed: int) -> InpaintResult:
    """One result of all strips."""
    first = results[0]
    regions = [region for result in results for region in result.regions]
    seconds: dict[str, float] = {}
    for result in results:
        for phase, spent in result.seconds.items():
            seconds[phase] = seconds.get(phase, 0.0) + spent
    return replace(
        first,
        image=after,
        request=replace(first.request, seed=seed),
        regions=tuple(regions),
        proof=proof_of_all(before, after, mask, regions),
        seconds=seconds,
        notes=tuple(dict.fromkeys(note for result in results for note in result.notes)),
    )


def check_margins(margins: Margins) -> None:
    """Refuse margins that add nothing or cut something off; UsageError says what to do."""
    sides = (margins.left, margins.top, margins.right, margins.bottom)
    if min(sides) < 0:
        raise UsageError("outpaint only adds space; cut some off with: retouch canvas resize")
    if max(sides) == 0:
        raise UsageError("say where the picture grows, as in --left 25% or --right 128")


def _check(margins: Margins, request: InpaintRequest, overlap: int) -> None:
    check_margins(margins)
    if not 0 <= overlap <= 4096:
        raise UsageError(f"--overlap must be from 0 to 4096 pixels, not {overlap}")
    if request.feather is not None and request.feather > overlap:
        raise UsageError(f"--feather {request.feather:g} is wider than the overlap of {overlap} pixels")
    if request.best_of > 1:
        raise UsageError("outpaint paints strip after strip, which --best-of cannot compare; give --count and choose")
    if request.feather_out > 0:
        raise UsageError("outpaint fades inside the old picture already; widen that with --overlap")
