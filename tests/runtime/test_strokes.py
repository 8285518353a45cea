"""Colour strokes steer what is painted, inside the mask alone, and are never in the result themselves."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from retouch.errors import PictureError, UsageError
from retouch.geometry import Box, Placement, Size
from retouch.latents import Canvas, Encoder, initial_latents
from retouch.noise import gaussian
from retouch.pipeline import Inpainter
from retouch.request import InpaintRequest
from retouch.strokes import Layer, cut_paint, lay_over, layer_of, load_layer, parse_stroke
from retouch.work_area import Region
from retouch_models.bundle import Bundle
from support import pictures

SIZE = Size(64, 64)
RED = "#ff0000 rect 0,0 100%x100%"


@pytest.fixture(scope="module")
def engine(tiny_ordinary: Bundle) -> Iterator[Inpainter]:
    opened = Inpainter(tiny_ordinary, provider="cpu", threads=1)
    yield opened
    opened.close()


def layer(*texts: str, size: Size = SIZE) -> Layer:
    return layer_of([parse_stroke(text) for text in texts], size)


@pytest.mark.parametrize(
    "text",
    ["#ff0000 24 10,10 80,90", "#00ff7f brush 3 soft 1,2 3,4", "#102030 ellipse 50%,50% 4,5 | feather 2"],
)
def test_a_stroke_reads_back_from_its_own_text(text: str) -> None:
    stroke = parse_stroke(text)
    assert parse_stroke(str(stroke)) == stroke


@pytest.mark.parametrize("text", ["", "red 4 1,1", "#ff00 4 1,1", "#ff0000", "#ff0000 4", "#ff0000 circle 1,1"])
def test_no_stroke_is_refused_in_one_error(text: str) -> None:
    with pytest.raises(UsageError, match="stroke"):
        parse_stroke(text)


@settings(deadline=None, max_examples=150)
@given(
    st.text(max_size=30) | st.from_regex(r"#[0-9a-f]{6} [0-9]{1,3}( -?[0-9]{1,3},[0-9.]{1,4}%?){1,4}", fullmatch=True)
)
def test_any_text_is_a_stroke_or_a_usage_error(text: str) -> None:
    try:
        stroke = parse_stroke(text)
    except UsageError:
        return
    assert parse_stroke(str(stroke)) == stroke


def test_later_strokes_lie_above_earlier_ones_and_the_rest_is_transparent() -> None:
    drawn = layer("#ff0000 rect 0,0 20x20", "#0000ff rect 10,10 20x20")
    assert drawn[5, 5].tolist() == [255, 0, 0, 255]
    assert drawn[15, 15].tolist() == [0, 0, 255, 255]
    assert drawn[40, 40, 3] == 0


def test_soft_paint_covers_as_the_over_operator_says() -> None:
    below = layer("#ff0000 all")
    soft = parse_stroke("#0000ff rect 0,0 64x64 - rect 0,0 32x64 | feather 16 in")
    mixed = layer_of([soft], SIZE, below).astype(float)
    assert_allclose(mixed[..., 0] + mixed[..., 2], 255, atol=1)  # rounded to whole numbers
    assert (mixed[..., 3] == 255).all()
    assert len(np.unique(mixed[32, :, 2])) > 10, "the soft edge became hard"


def test_a_transparent_layer_lends_no_colour() -> None:
    under = np.zeros((64, 64, 4), np.uint8)
    under[..., 0] = 255
    mixed = layer_of([parse_stroke("#0000ff all")], SIZE, under)
    assert mixed[0, 0].tolist() == [0, 0, 255, 255]


def test_paint_is_shown_where_the_mask_is_and_nowhere_else() -> None:
    image = pictures.rgb(64, 64)
    mask = np.zeros((64, 64), np.float32)
    mask[8:24, 8:24] = 0.5
    paint = cut_paint(layer(RED), Placement(Box.of(SIZE), SIZE))
    shown = lay_over(image, paint, mask)
    assert_array_equal(shown[mask == 0], image[mask == 0])
    assert (shown[mask > 0] == (255, 0, 0)).all()


@pytest.mark.parametrize("work", [Size(32, 32), Size(128, 128)], ids=["shrunk", "enlarged"])
def test_edges_of_paint_have_its_own_colour_at_any_size(work: Size) -> None:
    paint = cut_paint(layer("#ffffff rect 10,10 21x17"), Placement(Box.of(SIZE), work))
    assert paint.shape == (work.height, work.width, 4)
    seen = paint[..., 3] > 0.01
    assert_allclose(paint[seen][:, :3] / paint[seen][:, 3:], 255, atol=0.01)  # float32 rounding of the premultiplying
    assert 0 < paint[..., 3].min(where=seen, initial=1) < 1


def test_paint_does_not_run_over_the_border_of_the_picture() -> None:
    paint = cut_paint(layer(RED), Placement(Box(-16, -16, 80, 80), Size(96, 96)))
    assert paint[:16].max() == 0
    assert paint[16:80, 16:80, 3].min() == 1


def test_the_run_starts_from_the_paint(tiny_ordinary: Bundle, engine: Inpainter) -> None:
    image = np.full((64, 64, 3), 127, np.uint8)
    region = Region(Placement(Box.of(SIZE), SIZE), np.ones((64, 64), np.float32))
    request = InpaintRequest(strength=0.5).resolved(tiny_ordinary.manifest)
    encoder = Encoder(engine.graphs)
    starts = [
        initial_latents(Canvas.of(image, region, request, 8, strokes), encoder, request, gaussian("numpy", 1))
        for strokes in (None, layer(RED))
    ]
    expected = encoder(np.full((64, 64, 3), (255, 0, 0), np.uint8))
    assert_allclose(starts[1], expected, atol=1e-6)  # the same graph on the same picture
    assert abs(starts[0] - starts[1]).max() > 0.1


def test_unmasked_pixels_under_strokes_keep_their_bytes(engine: Inpainter) -> None:
    image = pictures.rgb(64, 64)
    mask = np.zeros((64, 64), np.float32)
    mask[16:48, 16:48] = 1
    request = InpaintRequest(strength=0.6, seed=2)
    result = engine.run(image, mask, request, strokes=layer(RED))
    assert_array_equal(result.image[mask == 0], image[mask == 0])
    assert result.proof.bytes_changed_outside == 0


@pytest.mark.parametrize(
    ("options", "size", "kind"),
    [
        ({"strength": 1.0}, SIZE, UsageError),
        ({"strength": 0.5, "content": "latent_noise"}, SIZE, UsageError),
        ({"strength": 0.5}, Size(10, 64), PictureError),
    ],
    ids=["strength 1", "latent content", "size"],
)
def test_strokes_that_cannot_be_seen_are_refused(
    options: dict[str, float], size: Size, kind: type[Exception], engine: Inpainter
) -> None:
    image, mask = pictures.rgb(64, 64), np.ones((64, 64), np.float32)
    with pytest.raises(kind):
        engine.run(image, mask, InpaintRequest(**options), strokes=layer(RED, size=size))


def test_a_layer_file_needs_transparency_and_the_size_of_the_picture(tmp_path: Path) -> None:
    path = tmp_path / "layer.png"
    drawn = layer("#ff0000 20 30,30")
    Image.fromarray(drawn).save(path)
    assert_array_equal(load_layer(path, SIZE), drawn)
    with pytest.raises(PictureError, match="64x64"):
        load_layer(path, Size(65, 64))
    Image.fromarray(drawn[..., :3]).save(path)
    with pytest.raises(PictureError, match="transparency"):
        load_layer(path, SIZE)
