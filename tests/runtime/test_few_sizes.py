"""Where every new size costs a device dearly, working boxes come in six sizes; nowhere else does anything change."""

import numpy as np
import pytest

from retouch.arrays import Mask
from retouch.geometry import Size
from retouch.pipeline import Inpainter
from retouch.request import InpaintRequest
from retouch.work_area import WorkArea, few_work_sizes, plan, work_area_of, work_sizes
from retouch_models.bundle import Bundle
from retouch_models.manifest import SizeSpec
from support.fake_onnxruntime import Ort, put_in_place

SD = SizeSpec(native=512, multiple=8, minimum=256, maximum=1024)
SMALL = SizeSpec(native=256, multiple=64, minimum=128, maximum=512)
SQUARE = SizeSpec(native=256, multiple=256, minimum=256, maximum=256)
FIXED = SizeSpec(native=512, multiple=8, minimum=256, maximum=768, fixed=((512, 512), (768, 512)))


def spread_masks(count: int) -> list[Mask]:
    """Pictures and masks of many shapes."""
    rng, masks = np.random.default_rng(4), []
    for _ in range(count):
        height, width = rng.integers(100, 1500, 2)
        mask = np.zeros((height, width), np.float32)
        top, left = rng.integers(0, height - 8), rng.integers(0, width - 8)
        mask[top : top + rng.integers(8, 600), left : left + rng.integers(8, 600)] = 1
        masks.append(mask)
    return masks


def test_the_list_for_stable_diffusion() -> None:
    assert [str(size) for size in few_work_sizes(SD)] == [
        "512x512", "640x640", "768x512", "512x768", "704x352", "352x704",
    ]  # fmt: skip


@pytest.mark.parametrize("sizes", [SD, SMALL, SQUARE, FIXED], ids=["512", "256", "one", "fixed"])
def test_the_list_is_short_and_of_sizes_that_the_model_takes(sizes: SizeSpec) -> None:
    few = few_work_sizes(sizes)
    assert few[0] == work_sizes(sizes)[0]
    assert len(few) <= 6
    assert set(few) <= set(work_sizes(sizes))


@pytest.mark.parametrize("sizes", [SD, SMALL], ids=["512", "256"])
def test_any_mask_is_shown_whole_at_a_size_of_the_list(sizes: SizeSpec) -> None:
    seen = set[Size]()
    for mask in spread_masks(60):
        regions = plan(mask, WorkArea(few=True), sizes)
        assert sum(float(region.mask.sum()) for region in regions) == float(mask.sum())
        seen |= {region.placement.work for region in regions}
    assert seen <= set(few_work_sizes(sizes))
    assert len(seen) > 2  # and it is used


def test_a_size_that_is_asked_for_is_taken() -> None:
    (region,) = plan(spread_masks(1)[0], WorkArea(few=True, target=Size(576, 448)), SD)
    assert region.placement.work == Size(576, 448)


def test_cuda_takes_the_list_and_the_processor_does_not(tiny: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    request, masks = InpaintRequest(), spread_masks(30)
    on_processor = Inpainter(tiny, provider="cpu")
    for mask in masks:
        expected = plan(mask, work_area_of(request), tiny.manifest.size)
        found = on_processor.plan(mask, request)
        assert [r.placement for r in found] == [r.placement for r in expected]
    put_in_place(monkeypatch, Ort("CUDAExecutionProvider"))
    on_cuda = Inpainter(tiny, provider="cuda")
    sizes = {region.placement.work for mask in masks for region in on_cuda.plan(mask, request)}
    assert sizes <= set(few_work_sizes(tiny.manifest.size))
