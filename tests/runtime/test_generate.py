"""Whole pictures: new ones and given ones, at the model's sizes and at others."""

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from retouch.errors import UsageError
from retouch.geometry import Size
from retouch.picture import Picture
from retouch.pipeline import Inpainter
from retouch.request import InpaintRequest
from retouch.strokes import layer_of, parse_stroke
from retouch.whole_picture import blank, generate, image_to_image
from retouch_models.bundle import Bundle
from retouch_models.manifest import SizeSpec
from support import pictures

SIZES = SizeSpec(native=64, multiple=8, minimum=32, maximum=128)


@pytest.fixture(scope="module", params=["9 channels", "4 channels"])
def engine(request: pytest.FixtureRequest, tiny: Bundle, tiny_ordinary: Bundle) -> Iterator[Inpainter]:
    opened = Inpainter(tiny if request.param == "9 channels" else tiny_ordinary, provider="cpu", threads=1)
    yield opened
    opened.close()


@pytest.mark.parametrize("size", [Size(64, 64), Size(128, 32), Size(96, 120)], ids=str)
def test_sizes_on_the_grid_are_worked_at_as_they_are(size: Size, engine: Inpainter) -> None:
    edit = generate(engine, size, InpaintRequest(prompt="owl", steps=2, seed=1))
    (region,) = edit.result.regions
    assert region.placement.work == region.placement.crop.size == size == edit.picture.size
    assert edit.result.notes == ()
    assert edit.picture.alpha is None


@pytest.mark.parametrize("size", [Size(65, 64), Size(300, 200), Size(10, 7), Size(640, 64)], ids=str)
def test_other_sizes_are_scaled_and_said_so(size: Size, engine: Inpainter) -> None:
    edit = generate(engine, size, InpaintRequest(prompt="owl", steps=1, seed=1))
    assert edit.picture.size == size
    scaled = edit.result.regions[0].placement
    assert bool(edit.result.notes) == (scaled.work != scaled.crop.size)
    assert all(str(size) in note for note in edit.result.notes)


def test_every_pixel_is_painted(engine: Inpainter) -> None:
    """The tiny model paints one colour everywhere, so any pixel of the grey start would stand out."""
    edit = generate(engine, Size(64, 96), InpaintRequest(prompt="owl", steps=2, seed=1))
    assert np.ptp(edit.picture.pixels.reshape(-1, 3), axis=0).max() <= 1  # rounding


def test_opacity_stays(engine: Inpainter) -> None:
    alpha = pictures.grey(64, 64)
    edit = image_to_image(engine, Picture(pixels=pictures.rgb(64, 64), alpha=alpha), InpaintRequest(steps=1))
    assert edit.picture.alpha is not None
    assert_array_equal(edit.picture.alpha, alpha)


def test_strokes_reach_a_new_picture(tiny_ordinary: Bundle) -> None:
    engine = Inpainter(tiny_ordinary, provider="cpu", threads=1)
    strokes = layer_of([parse_stroke("#ff0000 all")], Size(64, 64))
    request = InpaintRequest(strength=0.5, steps=2, seed=1)
    assert generate(engine, Size(64, 64), request, strokes=strokes).picture.size == (64, 64)
    with pytest.raises(UsageError, match="strength"):
        generate(engine, Size(64, 64), InpaintRequest(), strokes=strokes)
    engine.close()


@pytest.mark.parametrize(
    ("size", "expected"),
    [((64, 64), True), ((128, 32), True), ((136, 64), False), ((64, 24), False), ((60, 64), False)],
)
def test_which_sizes_fit(size: tuple[int, int], expected: bool) -> None:
    assert SIZES.allows(*size) is expected


def test_an_empty_picture_is_mid_grey_and_not_endless() -> None:
    assert_allclose(blank(Size(3, 2)).pixels, 127)
    with pytest.raises(UsageError, match="too large"):
        blank(Size(100_000, 100_000))
