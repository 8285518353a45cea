"""Laws of bundles for certain sizes: the working box takes their shape, on every device, with one answer."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from retouch.errors import UsageError
from retouch.geometry import Box, Size
from retouch.memory_plan import LADDER, ladder_of
from retouch.pipeline import Inpainter
from retouch.request import InpaintRequest
from retouch.whole_picture import generate
from retouch.work_area import WorkArea, plan
from retouch_models.bundle import Bundle, open_bundle
from retouch_models.errors import BundleError
from retouch_models.manifest import SizeSpec, parse_manifest
from support import tiny_bundle
from support.fake_onnxruntime import Ort, put_in_place

WIDE, TALL = (96, 64), (64, 96)
SEVERAL = (WIDE, TALL, (64, 64))
PICTURE = np.random.default_rng(0).integers(0, 256, (150, 130, 3), dtype=np.uint8)
MASK = np.zeros((150, 130), np.float32)
MASK[60:80, 50:80] = 1
REQUEST = InpaintRequest(prompt="a", seed=1, steps=2, sampler="euler")

Build = Callable[[tiny_bundle.Sizes], Bundle]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Build:
    known: dict[tiny_bundle.Sizes, Bundle] = {}

    def build(static: tiny_bundle.Sizes) -> Bundle:
        if static not in known:
            folder = tmp_path_factory.mktemp("models") / "static"
            known[static] = open_bundle(tiny_bundle.build(folder, static=static, name="static", preview=True))
        return known[static]

    return build


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[Ort], Ort]:
    """Put a stand-in in the place of onnxruntime."""
    return partial(put_in_place, monkeypatch)


@given(
    picture=st.tuples(st.integers(9, 400), st.integers(9, 400)),
    corner=st.tuples(st.floats(0, 0.9), st.floats(0, 0.9)),
    fixed=st.sampled_from([(WIDE,), (TALL,), SEVERAL, ((512, 768),)]),
    kind=st.sampled_from(["masked", "picture"]),
)
def test_a_crop_has_the_shape_of_a_size_that_the_model_takes(
    picture: tuple[int, int], corner: tuple[float, float], fixed: tiny_bundle.Sizes, kind: str
) -> None:
    width, height = picture
    mask = np.zeros((height, width), np.float32)
    left, top = int(corner[0] * width), int(corner[1] * height)
    mask[top : top + 9, left : left + 9] = 1
    sizes = SizeSpec(native=64, multiple=8, minimum=64, maximum=768, fixed=fixed)
    for region in plan(mask, WorkArea(kind=kind), sizes):  # type: ignore[arg-type]
        crop, work = region.placement.crop, region.placement.work
        assert tuple(work) in fixed
        assert abs(crop.width - crop.height * work.width / work.height) < 1 + work.width / work.height  # whole pixels
        assert crop.contains(Box(left, top, left + 1, top + 1))


def test_the_size_that_suits_the_picture_is_taken_as_given() -> None:
    sizes = SizeSpec(native=64, multiple=8, minimum=64, maximum=96, fixed=SEVERAL)
    for shape, work in (((96, 64), Size(*TALL)), ((64, 96), Size(*WIDE)), ((64, 64), Size(64, 64))):
        (region,) = plan(np.ones(shape, np.float32), WorkArea(kind="picture"), sizes)
        assert region.placement.work == work
        assert region.placement.crop == Box.of(work)
    (only,) = plan(np.ones((96, 64), np.float32), WorkArea(kind="picture"), SizeSpec(
        native=64, multiple=8, minimum=64, maximum=96, fixed=(WIDE,)
    ))  # fmt: skip
    assert only.placement.work == Size(*WIDE)  # never turned by itself


def test_another_work_size_is_refused_with_those_it_takes() -> None:
    sizes = SizeSpec(native=64, multiple=8, minimum=64, maximum=96, fixed=(WIDE, TALL))
    with pytest.raises(UsageError, match="cannot work at 64x64; it works at 96x64 or 64x96"):
        plan(MASK, WorkArea(target=Size(64, 64)), sizes)


@pytest.mark.parametrize("static", [(WIDE,), (TALL,), SEVERAL], ids=["wide", "tall", "several"])
@pytest.mark.parametrize("rung", ladder_of("auto", folds=False), ids=["open", "512", "256"])
def test_a_picture_of_any_shape_is_repainted(built: Build, static: tiny_bundle.Sizes, rung: object) -> None:
    engine = Inpainter(built(static), provider="cpu")
    engine.memory_plans = lambda *_: (rung,)  # type: ignore[method-assign, assignment]
    shown: list[object] = []
    result = engine.run(PICTURE, MASK, REQUEST, lambda progress: shown.append(progress.preview()))
    assert tuple(result.regions[0].placement.work) in static
    assert_array_equal(result.image[MASK == 0], PICTURE[MASK == 0])
    assert (result.image[MASK > 0] != PICTURE[MASK > 0]).any()
    engine.close()


def test_tiles_smaller_than_a_graph_of_one_size_are_not_asked_for(built: Build) -> None:
    """96 pixels in tiles of 64, were the axes free."""
    from dataclasses import replace

    engine = Inpainter(built((WIDE,)), provider="cpu")
    engine.memory_plans = lambda *_: (replace(LADDER[1], tile=64),)  # type: ignore[method-assign, assignment]
    assert engine.run(PICTURE, MASK, REQUEST).proof.bytes_changed_outside == 0
    engine.close()


def test_a_new_picture_has_the_usual_size(built: Build) -> None:
    bundle = built((WIDE,))
    engine = Inpainter(bundle, provider="cpu")
    edit = generate(engine, Size(*bundle.manifest.size.usual), InpaintRequest(prompt="a", steps=1, seed=1))
    assert edit.picture.size == WIDE
    assert not edit.result.notes  # nothing was scaled
    engine.close()


@pytest.mark.parametrize("static", [(), (WIDE,), SEVERAL], ids=["free axes", "one size", "several"])
def test_directml_opens_every_graph_for_fixed_sizes(
    built: Build, static: tiny_bundle.Sizes, use: Callable[[Ort], Ort]
) -> None:
    expected = Inpainter(built(static), provider="cpu").run(PICTURE, MASK, REQUEST).image
    ort = use(Ort("DmlExecutionProvider"))
    engine = Inpainter(built(static), provider="directml")
    found = engine.run(PICTURE, MASK, REQUEST, lambda progress: progress.preview())
    assert_array_equal(found.image, expected)
    _probe, *graphs = ort.opened
    assert len(graphs) == 5  # text, VAE in, UNet, VAE out and the preview: one session each, all steps share it
    for session in graphs:
        assert all(isinstance(axis, int) for shape in session.fixed for axis in shape)
        assert session.options.enable_mem_pattern is False
        assert session.options.execution_mode == "sequential"
        assert session.fallback == 0
    engine.close()


def test_directml_sees_the_same_axes_whether_the_file_or_the_session_fixes_them(
    built: Build, use: Callable[[Ort], Ort]
) -> None:
    seen = []
    for static in ((), (WIDE,), (WIDE, TALL)):
        ort = use(Ort("DmlExecutionProvider"))
        engine = Inpainter(built(static), provider="directml")
        request = InpaintRequest(**{**vars(REQUEST), "area": "10,40 96x64", "work_size": WIDE})
        engine.run(PICTURE, MASK, request)
        seen.append([session.fixed for session in ort.opened[1:]])
        engine.close()
    assert seen[0] == seen[1] == seen[2]


def test_sizes_travel_in_the_manifest_and_are_left_out_where_every_size_goes(built: Build, tiny: Bundle) -> None:
    assert built(SEVERAL).manifest.size.fixed == SEVERAL
    assert '"fixed"' in built(SEVERAL).manifest.to_json()
    assert '"fixed"' not in tiny.manifest.to_json()


@pytest.mark.parametrize("fixed", [((96, 60),), ((0, 64),), ((256, 64),), ((24, 64),)], ids=str)
def test_sizes_that_contradict_the_rest_are_refused(built: Build, fixed: tiny_bundle.Sizes) -> None:
    from dataclasses import replace

    manifest = built(SEVERAL).manifest
    bad = replace(manifest, size=replace(manifest.size, fixed=fixed))
    with pytest.raises(BundleError, match="contradict"):
        parse_manifest(bad.to_json(), "static")
