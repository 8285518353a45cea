"""Laws of mask files: what marks, that soft values stay soft, and that a wrong size is never stretched silently."""

import io

import numpy as np
import pytest
from PIL import Image

from retouch.errors import PictureError
from retouch.geometry import Size
from retouch.image_io import load_mask, require_painted
from support import pictures

SIZE = Size(24, 16)


def paint() -> np.ndarray:
    """Soft paint in a corner, (16, 24)."""
    paint = np.zeros((16, 24), np.uint8)
    paint[2:7, 3:9] = 255
    paint[7, 3:9] = [1, 40, 128, 200, 254, 255]
    return paint


def layer(colour: tuple[int, int, int], alpha: np.ndarray) -> np.ndarray:
    return np.dstack([np.full((*alpha.shape, 3), colour, np.uint8), alpha])


WHITE_ON_BLACK_LAYER = np.dstack([np.repeat((paint() > 0)[..., None] * np.uint8(255), 3, axis=2), paint()])
MASKS = {
    "grey": paint(),
    "rgb": np.dstack([paint()] * 3),
    "opaque layer": np.dstack([paint()] * 3 + [np.full_like(paint(), 255)]),
    "black paint on a transparent layer": layer((0, 0, 0), paint()),
    "red paint on a transparent layer": layer((255, 0, 0), paint()),
    "white paint over hidden black": WHITE_ON_BLACK_LAYER,
}


@pytest.mark.parametrize("file", MASKS.values(), ids=MASKS.keys())
def test_the_paint_is_the_mask_and_soft_values_are_exact(file: np.ndarray) -> None:
    mask = load_mask(io.BytesIO(pictures.encoded(file)), SIZE)
    assert mask.dtype == np.float32
    np.testing.assert_array_equal(mask, paint().astype(np.float32) / np.float32(255))


def test_transparent_parts_of_a_shaded_mask_are_kept() -> None:
    shaded = np.dstack([np.dstack([paint()] * 3), np.where(np.arange(24) < 5, 255, 0)[None].repeat(16, 0)])
    mask = load_mask(io.BytesIO(pictures.encoded(shaded.astype(np.uint8))), SIZE)
    assert mask[3, 4] == 1
    assert mask[3, 5] == 0


def test_a_one_bit_mask() -> None:
    mask = load_mask(io.BytesIO(pictures.encoded(Image.fromarray(paint() > 0))), SIZE)
    np.testing.assert_array_equal(mask, (paint() > 0).astype(np.float32))


def test_a_16_bit_mask() -> None:
    rows = (paint().astype(">u2") * 257).astype(">u2").tobytes()
    mask = load_mask(io.BytesIO(pictures.raw_png(24, 16, 16, 0, rows)), SIZE)
    np.testing.assert_array_equal(mask, paint().astype(np.float32) / np.float32(255))


def test_colour_profiles_do_not_change_a_mask() -> None:
    plain = load_mask(io.BytesIO(pictures.encoded(paint())), SIZE)
    with_profile = load_mask(io.BytesIO(pictures.encoded(paint(), icc_profile=pictures.grey_profile())), SIZE)
    np.testing.assert_array_equal(with_profile, plain)


def test_a_mask_is_turned_upright_like_its_picture() -> None:
    stored = np.ascontiguousarray(np.rot90(paint()))
    mask = load_mask(io.BytesIO(pictures.encoded(stored, exif=pictures.exif_block(6))), SIZE)
    np.testing.assert_array_equal(mask > 0, paint() > 0)


def test_inverting_twice_is_the_identity() -> None:
    data = pictures.encoded(paint())
    plain, inverted = load_mask(io.BytesIO(data), SIZE), load_mask(io.BytesIO(data), SIZE, invert=True)
    np.testing.assert_allclose(plain + inverted, 1, atol=1e-7)  # one float32 rounding of 1 - v


def test_another_size_is_refused_with_both_sizes_and_the_cure() -> None:
    with pytest.raises(PictureError, match=r"is 24x16 and the picture 48x32; .*--fit-mask"):
        load_mask(io.BytesIO(pictures.encoded(paint())), Size(48, 32))


@pytest.mark.parametrize("size", [Size(48, 32), Size(12, 8), Size(48, 8), Size(7, 61)], ids=str)
def test_a_fitted_mask_has_the_pictures_size_and_keeps_its_share(size: Size) -> None:
    mask = load_mask(io.BytesIO(pictures.encoded(paint())), size, fit=True)
    assert mask.shape == (size.height, size.width)
    assert mask.dtype == np.float32
    assert 0 <= mask.min() <= mask.max() <= 1
    # linear sampling at coarse sizes misses the mean by a little; area averaging does not
    np.testing.assert_allclose(mask.mean(), paint().mean() / 255, atol=0.01)


def test_shrinking_loses_no_thin_stroke() -> None:
    thin = np.zeros((160, 240), np.uint8)
    thin[:, 103] = 255
    mask = load_mask(io.BytesIO(pictures.encoded(thin)), SIZE, fit=True)
    assert (mask.max(axis=1) > 0).all()


def test_an_empty_mask_is_refused_with_the_cure() -> None:
    with pytest.raises(PictureError, match=r"empty.*mark an area in white"):
        require_painted(np.zeros((4, 4), np.float32))
    require_painted(np.full((4, 4), 1e-3, np.float32))


@pytest.mark.parametrize("shade", [0, 255], ids=["nothing", "everything"])
def test_an_evenly_filled_mask_is_its_shade(shade: int) -> None:
    mask = load_mask(io.BytesIO(pictures.encoded(np.full((16, 24), shade, np.uint8))), SIZE)
    np.testing.assert_array_equal(mask, shade / 255)


def test_a_wholly_transparent_file_marks_nothing() -> None:
    mask = load_mask(io.BytesIO(pictures.encoded(layer((255, 255, 255), np.zeros((16, 24), np.uint8)))), SIZE)
    assert mask.max() == 0


def test_a_bad_mask_file_is_a_picture_error() -> None:
    with pytest.raises(PictureError, match="not a picture"):
        load_mask(io.BytesIO(b"nothing of the kind"), SIZE)
