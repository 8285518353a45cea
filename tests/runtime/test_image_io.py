"""Laws of reading pictures: every kind of file becomes the pixels that it shows, upright, and nothing else changes."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retouch.colour_profile import from_srgb as convert_from_srgb
from retouch.colour_profile import to_srgb as convert_to_srgb
from retouch.exif import PREFIX
from retouch.image_io import Picture, from_srgb, load_picture, save_picture, to_srgb
from support import pictures


def read(data: bytes, **options: object) -> Picture:
    return load_picture(io.BytesIO(data), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "PPM", "QOI"])
def test_rgb_pixels_are_read_exactly(kind: str) -> None:
    pixels = pictures.rgb()
    picture = read(pictures.qoi(pixels) if kind == "QOI" else pictures.encoded(pixels, kind))
    np.testing.assert_array_equal(picture.pixels, pixels)
    assert picture.pixels.dtype == np.uint8
    assert picture.alpha is None
    assert picture.format == kind
    assert picture.size == (24, 16)
    assert picture.notes == ()


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_alpha_is_kept_apart_and_hidden_colours_survive(kind: str) -> None:
    pixels, alpha = pictures.rgb(), pictures.grey()
    alpha[:4] = 0
    picture = read(pictures.encoded(np.dstack([pixels, alpha]), kind))
    np.testing.assert_array_equal(picture.pixels, pixels)
    assert picture.alpha is not None
    np.testing.assert_array_equal(picture.alpha, alpha)


def test_grey_becomes_three_equal_channels() -> None:
    grey = pictures.grey()
    np.testing.assert_array_equal(read(pictures.encoded(grey)).pixels, np.dstack([grey] * 3))


def test_grey_with_alpha() -> None:
    grey, alpha = pictures.grey(), pictures.grey(seed=9)
    image = Image.merge("LA", [Image.fromarray(grey), Image.fromarray(alpha)])
    picture = read(pictures.encoded(image))
    np.testing.assert_array_equal(picture.pixels, np.dstack([grey] * 3))
    assert picture.alpha is not None
    np.testing.assert_array_equal(picture.alpha, alpha)


def test_one_bit_is_black_and_white() -> None:
    bits = pictures.grey() > 127
    picture = read(pictures.encoded(Image.fromarray(bits)))
    np.testing.assert_array_equal(picture.pixels[..., 0], np.where(bits, 255, 0))


def test_palette_shows_its_colours() -> None:
    image = Image.fromarray(pictures.rgb()).quantize(16)
    np.testing.assert_array_equal(read(pictures.encoded(image)).pixels, np.asarray(image.convert("RGB")))


def test_palette_with_transparent_entry() -> None:
    image = Image.fromarray(np.arange(4, dtype=np.uint8).reshape(2, 2)).convert("P")
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9])
    picture = read(pictures.encoded(image, transparency=2))
    np.testing.assert_array_equal(picture.pixels, [[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [9, 9, 9]]])
    np.testing.assert_array_equal(picture.alpha, [[255, 255], [0, 255]])


def test_colour_key_transparency_of_rgb() -> None:
    pixels = np.array([[[1, 2, 3], [4, 5, 6]]], dtype=np.uint8)
    picture = read(pictures.encoded(pixels, transparency=(4, 5, 6)))
    np.testing.assert_array_equal(picture.pixels, pixels)
    np.testing.assert_array_equal(picture.alpha, [[255, 0]])


def test_16_bit_grey_is_scaled_over_its_whole_range() -> None:
    values = np.array([[0, 257, 128 * 257, 65535, 40000]], dtype=">u2")
    picture = read(pictures.raw_png(5, 1, 16, 0, values.tobytes()))
    np.testing.assert_array_equal(picture.pixels[0, :, 0], [0, 1, 128, 255, 156])
    assert any("16 bits" in note for note in picture.notes)


def test_16_bit_grey_with_colour_key() -> None:
    values = np.array([[7, 257]], dtype=">u2")
    picture = read(pictures.raw_png(2, 1, 16, 0, values.tobytes(), [(b"tRNS", struct.pack(">H", 7))]))
    np.testing.assert_array_equal(picture.alpha, [[0, 255]])


def test_16_bit_grey_tiff() -> None:
    image = Image.fromarray(np.array([[0, 257, 65535]], dtype=np.uint16))
    np.testing.assert_array_equal(read(pictures.encoded(image, "TIFF")).pixels[0, :, 0], [0, 1, 255])


@pytest.mark.parametrize(("colour_type", "channels"), [(2, 3), (6, 4), (4, 2)], ids=["rgb", "rgba", "grey-alpha"])
def test_16_bit_channels_keep_their_8_bit_value(colour_type: int, channels: int) -> None:
    small = np.random.default_rng(3).integers(0, 256, (4, 5, channels))
    rows = (small * 257).astype(">u2").tobytes()
    picture = read(pictures.raw_png(5, 4, 16, colour_type, rows))
    expected = small if channels != 2 else small[..., [0, 0, 0, 1]]
    np.testing.assert_array_equal(picture.pixels, expected[..., :3])
    if channels != 3:
        np.testing.assert_array_equal(picture.alpha, expected[..., -1])
    assert any("16 bits" in note for note in picture.notes)


def test_cmyk_without_profile_is_converted_with_a_note() -> None:
    picture = read(pictures.encoded(Image.new("CMYK", (3, 2), (0, 0, 0, 0)), "TIFF"))
    np.testing.assert_array_equal(picture.pixels, np.full((2, 3, 3), 255))
    assert any("CMYK" in note for note in picture.notes)


def test_cmyk_goes_through_its_profile_which_is_then_dropped() -> None:
    image = Image.new("CMYK", (3, 2), (255, 0, 0, 0))
    picture = read(pictures.encoded(image, "JPEG", icc_profile=pictures.cmyk_profile()))
    red, green, blue = (int(v) for v in picture.pixels[0, 0])
    assert green > red, "the profile makes every colour green; without it this one is cyan"
    assert green > blue
    assert picture.profile is None


def test_grey_profile_is_applied_and_dropped() -> None:
    picture = read(pictures.encoded(np.full((2, 2), 64, np.uint8), icc_profile=pictures.grey_profile(gamma=1.0)))
    # linear 64/255 is 137 in sRGB: 255 * (1.055 * (64/255) ** (1/2.4) - 0.055); one step for the engine's rounding
    np.testing.assert_allclose(picture.pixels, 137, atol=1)
    assert picture.profile is None


def test_lab_is_converted() -> None:
    lab = Image.merge("LAB", [Image.new("L", (2, 2), 255), Image.new("L", (2, 2), 128), Image.new("L", (2, 2), 128)])
    picture = read(pictures.encoded(lab, "TIFF"))
    np.testing.assert_allclose(picture.pixels.astype(int), 255, atol=2)  # L 100, a 0, b 0, within Lab's 8-bit steps


ARROW = np.array([[10, 20, 30], [40, 50, 60]], dtype=np.uint8)
STORED = {
    1: ARROW,
    2: ARROW[:, ::-1],
    3: ARROW[::-1, ::-1],
    4: ARROW[::-1],
    5: ARROW.T,
    6: np.rot90(ARROW, 1),
    7: np.rot90(ARROW, 2).T,
    8: np.rot90(ARROW, -1),
}
"""How a camera stores the upright ARROW under each orientation (Exif 2.32, table of tag 0x0112)."""


@pytest.mark.parametrize("order", ["<", ">"], ids=["little-endian", "big-endian"])
@pytest.mark.parametrize("orientation", sorted(STORED))
def test_every_orientation_is_turned_upright(orientation: int, order: str) -> None:
    stored = np.ascontiguousarray(STORED[orientation])
    picture = read(pictures.encoded(stored, exif=pictures.exif_block(orientation, order)))
    np.testing.assert_array_equal(picture.pixels[..., 0], ARROW)
    assert picture.exif == pictures.exif_block(1, order)


@pytest.mark.parametrize("orientation", sorted(STORED))
def test_orientation_of_tiff_is_applied_once(orientation: int) -> None:
    stored = np.ascontiguousarray(STORED[orientation])
    picture = read(pictures.encoded(stored, "TIFF", tiffinfo={274: orientation}))
    np.testing.assert_array_equal(picture.pixels[..., 0], ARROW)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_orientation_of_photos(kind: str) -> None:
    stored = np.zeros((8, 16, 3), np.uint8)
    picture = read(pictures.encoded(stored, kind, exif=PREFIX + pictures.exif_block(6)))
    assert picture.size == (8, 16)
    assert picture.exif == pictures.exif_block(1)


def test_nonsense_orientation_is_upright() -> None:
    np.testing.assert_array_equal(read(pictures.encoded(ARROW, exif=pictures.exif_block(77))).pixels[..., 0], ARROW)


def test_thumbnail_goes_and_the_rest_of_exif_stays() -> None:
    block = pictures.exif_block(3, thumbnail=b"the old face" * 9, make=b"Camera\x00")
    picture = read(pictures.encoded(pictures.rgb(), exif=block))
    assert picture.exif is not None
    assert b"old face" not in picture.exif
    assert b"Camera" in picture.exif


def test_an_srgb_profile_is_kept_and_conversion_is_the_identity() -> None:
    picture = read(pictures.encoded(pictures.rgb(), icc_profile=pictures.srgb_profile()))
    assert picture.profile == pictures.srgb_profile()
    np.testing.assert_array_equal(to_srgb(picture), picture.pixels)
    np.testing.assert_array_equal(from_srgb(picture.pixels, picture), picture.pixels)


def test_a_wide_profile_keeps_the_pictures_own_numbers() -> None:
    pixels = pictures.rgb()
    picture = read(pictures.encoded(pixels, icc_profile=pictures.wide_profile()))
    np.testing.assert_array_equal(picture.pixels, pixels)
    assert picture.profile == pictures.wide_profile()
    assert np.abs(to_srgb(picture).astype(int) - pixels).max() > 10, "Adobe RGB numbers mean other sRGB colours"


def test_srgb_to_a_wide_profile_and_back_is_nearly_the_identity() -> None:
    patch = pictures.rgb()
    there = convert_from_srgb(patch, pictures.wide_profile())
    back = convert_to_srgb(there, pictures.wide_profile())
    # 8-bit numbers of the wide space: a step there is up to a few steps in dark, saturated sRGB colours
    assert np.abs(back.astype(int) - patch).mean() < 1.0
    assert np.abs(there.astype(int) - patch).max() > 10


def test_conversion_never_returns_its_argument() -> None:
    picture = read(pictures.encoded(pictures.rgb()))
    assert not np.shares_memory(to_srgb(picture), picture.pixels)


@pytest.mark.parametrize(
    "profile",
    [b"not a profile", pictures.srgb_profile()[:200], pictures.grey_profile(), pictures.cmyk_profile()],
    ids=["junk", "cut short", "grey", "cmyk"],
)
def test_an_unfit_profile_is_ignored_with_a_note(profile: bytes) -> None:
    pixels = pictures.rgb()
    picture = read(pictures.encoded(pixels, icc_profile=profile))
    np.testing.assert_array_equal(picture.pixels, pixels)
    assert picture.profile is None
    assert any("profile" in note for note in picture.notes)


def test_a_chosen_frame_is_read() -> None:
    frames = [Image.new("L", (4, 4), shade) for shade in (0, 120, 240)]
    data = pictures.encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:])
    assert read(data, frame=2).pixels[0, 0, 0] == 240


def test_a_photo_with_embedded_previews_is_one_picture() -> None:
    image = Image.fromarray(pictures.rgb())
    picture = read(pictures.encoded(image, "MPO", save_all=True, append_images=[image]))
    assert picture.size == (24, 16)
    assert picture.format == "JPEG"


def test_texts_of_a_png_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    save_picture(path, pictures.rgb(), text={"parameters": "a cät\nSteps: 3", "retouch": "{}"})
    assert load_picture(path).text == {"parameters": "a cät\nSteps: 3", "retouch": "{}"}


def test_a_stream_is_read_like_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(pictures.encoded(pictures.rgb()))
    np.testing.assert_array_equal(load_picture(path).pixels, read(path.read_bytes()).pixels)
    assert load_picture(path).path == path
