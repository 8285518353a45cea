"""Growing a picture: strips cover the new space and see nothing unpainted; old pixels stay outside the overlap."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from retouch.arrays import RGB, Mask
from retouch.errors import UsageError
from retouch.geometry import Box, Size
from retouch.outpaint import automatic_overlap, outpaint, ring
from retouch.picture import Picture
from retouch.pipeline import Inpainter
from retouch.progress import Progress
from retouch.request import InpaintRequest
from retouch.resize import Margins
from retouch.result import InpaintResult
from retouch.strips import CONTEXT_ALONG, NEW_SHARE, strips
from retouch_models.bundle import Bundle
from support import pictures

NATIVE = 64
SIDES = st.sampled_from([0, 1, 7, 32, 33, 150])


@pytest.fixture(scope="module")
def engine(tiny: Bundle) -> Iterator[Inpainter]:
    opened = Inpainter(tiny, provider="cpu", threads=1)
    yield opened
    opened.close()


def photo(width: int = 90, height: int = 70) -> Picture:
    return Picture(pixels=pictures.rgb(width, height))


@settings(deadline=None, max_examples=80)
@given(st.integers(8, 400), st.integers(8, 400), SIDES, SIDES, SIDES, SIDES)
def test_strips_paint_each_new_pixel_once_and_see_only_what_is_painted(
    width: int, height: int, left: int, top: int, right: int, bottom: int
) -> None:
    margins = Margins(left=left, top=top, right=right, bottom=bottom)
    painted = np.zeros((height + top + bottom, width + left + right), np.int32)
    painted[top : top + height, left : left + width] = 1
    for strip in strips(Size(width, height), margins, NATIVE):
        assert strip.window.contains(strip.new)
        assert strip.window.clamp(Size(*painted.shape[::-1])) == strip.window
        painted[strip.new.slices] += 1
        assert painted[strip.window.slices].all(), "a window shows unpainted space"
    assert (painted == 1).all(), "a pixel is painted twice or never"


@pytest.mark.parametrize("side", ["left", "top", "right", "bottom"])
@pytest.mark.parametrize("length", [40, 64, 96, 97, 500])
def test_a_strip_is_at_most_half_of_what_is_seen(side: str, length: int) -> None:
    found = strips(Size(length, length), Margins(**{side: 1000}), NATIVE)
    first_side = max(NATIVE, min(length, 96))
    for strip in found:
        across = strip.new.width if side in ("left", "right") else strip.new.height
        assert across <= first_side * NEW_SHARE
        assert max(strip.window.size) <= first_side + 1, "a window is shrunk by more than is allowed"


def test_pieces_of_a_long_strip_see_the_piece_before() -> None:
    found = strips(Size(64, 600), Margins(right=20), NATIVE)
    assert len(found) > 1
    for before, after in pairwise(found):
        assert before.new.bottom == after.new.top
        assert before.new.bottom - after.window.top >= round(96 * CONTEXT_ALONG)


@pytest.mark.parametrize(
    "margins",
    [Margins(left=30), Margins(right=75, top=9), Margins(left=5, top=6, right=7, bottom=40)],
    ids=["one side", "in steps", "all sides"],
)
@pytest.mark.parametrize("overlap", [0, 1, 12])
@pytest.mark.parametrize("blend", ["feather", "poisson", "laplacian"])
def test_old_pixels_keep_their_bytes_outside_the_overlap(
    margins: Margins, overlap: int, blend: str, engine: Inpainter
) -> None:
    picture = photo()
    request = InpaintRequest(prompt="owl", seed=3, steps=2, blend=blend)
    edit = outpaint(engine, picture, margins, request, overlap=overlap)
    width, height = 90 + margins.left + margins.right, 70 + margins.top + margins.bottom
    assert edit.picture.pixels.shape == (height, width, 3)
    kept = Box(
        overlap if margins.left else 0,
        overlap if margins.top else 0,
        90 - (overlap if margins.right else 0),
        70 - (overlap if margins.bottom else 0),
    )
    grown = kept.shift(margins.left, margins.top)
    assert_array_equal(edit.picture.pixels[grown.slices], picture.pixels[kept.slices])
    assert edit.result.proof.bytes_changed_outside == 0
    assert edit.picture.alpha is None


def test_new_space_is_painted_in_full_and_not_mixed_with_what_stood_there(engine: Inpainter) -> None:
    white = Picture(pixels=np.full((70, 90, 3), 255, np.uint8))
    request = InpaintRequest(prompt="owl", seed=3, steps=2)
    one, other = (outpaint(engine, white, Margins(right=40), request, fill=fill) for fill in ("edge", "neutral"))
    colours = one.picture.pixels[:, 90:].reshape(-1, 3)
    assert np.ptp(colours, axis=0).max() <= 1  # the tiny model paints one colour; decoding rounds
    assert_array_equal(one.picture.pixels, other.picture.pixels)


def test_the_ring_is_the_new_space_and_the_overlap_on_sides_that_grow() -> None:
    mask = ring(Size(20, 10), Margins(left=4, bottom=3), overlap=2)
    expected = np.ones((13, 24), np.float32)
    expected[0:8, 6:24] = 0
    assert_array_equal(mask, expected)


def test_transparent_old_parts_stay_and_new_space_is_opaque(engine: Inpainter) -> None:
    alpha = np.full((70, 90), 255, np.uint8)
    alpha[20:30, 40:50] = 0
    picture = Picture(pixels=pictures.rgb(90, 70), alpha=alpha)
    edit = outpaint(engine, picture, Margins(left=16), InpaintRequest(steps=1), overlap=4)
    assert edit.picture.alpha is not None
    assert (edit.picture.alpha[:, :16] == 255).all()
    assert_array_equal(edit.picture.alpha[:, 20:], alpha[:, 4:])


def test_the_colours_of_a_profile_are_used_in_new_space_too(engine: Inpainter) -> None:
    plain = Picture(pixels=np.full((40, 40, 3), 90, np.uint8))
    wide = Picture(pixels=plain.pixels, profile=pictures.wide_profile())
    request = InpaintRequest(steps=1, seed=1, prompt="red")
    new = [outpaint(engine, p, Margins(right=16), request, overlap=0).picture.pixels[:, 40:] for p in (plain, wide)]
    assert (new[0] != new[1]).any(axis=2).all(), "generated sRGB colours were stored as if they were the profile's"


def test_progress_counts_strips_and_ends_once(engine: Inpainter) -> None:
    told: list[Progress] = []
    margins = Margins(left=40, right=40)
    edit = outpaint(engine, photo(), margins, InpaintRequest(steps=2), told.append)
    plan = strips(Size(90, 70), margins, NATIVE)
    assert [p.phase for p in told].count("done") == 1
    assert told[-1].fraction == 1
    assert {p.regions for p in told} == {len(plan)} == {len(edit.result.regions)}
    fractions = [p.fraction for p in told]
    assert fractions == sorted(fractions)


def test_same_seed_same_picture_and_strips_have_noise_of_their_own(
    engine: Inpainter, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds: list[int] = []
    real = Inpainter.run

    def recorded(self: Inpainter, image: RGB, mask: Mask, request: InpaintRequest, *more: Any) -> InpaintResult:
        seeds.append(request.seed)
        return real(self, image, mask, request, *more)

    monkeypatch.setattr(Inpainter, "run", recorded)
    request = InpaintRequest(steps=2, seed=5, sampler="euler_a")
    one, two = (outpaint(engine, photo(), Margins(left=20, right=20), request) for _ in range(2))
    assert_array_equal(one.picture.pixels, two.picture.pixels)
    assert one.result.request.seed == seeds[0] == 5
    half = len(seeds) // 2
    assert seeds[:half] == seeds[half:]
    assert len(set(seeds)) == half > 1


@pytest.mark.parametrize(
    ("margins", "options", "overlap", "told"),
    [
        (Margins(), {}, None, "where the picture grows"),
        (Margins(left=-1, right=4), {}, None, "only adds"),
        (Margins(left=4), {}, -1, "--overlap"),
        (Margins(left=4), {"feather": 9.0}, 8, "wider than the overlap"),
        (Margins(left=4), {"feather_out": 2.0}, None, "--overlap"),
        (Margins(left=4), {"prompt": "a", "best_of": 2}, None, "--count"),
    ],
    ids=["no side", "cut", "overlap", "feather", "ring", "drafts"],
)
def test_what_cannot_be_meant_is_refused(
    margins: Margins, options: dict[str, Any], overlap: int | None, told: str, engine: Inpainter
) -> None:
    with pytest.raises(UsageError, match=told):
        outpaint(engine, photo(), margins, InpaintRequest(**options), overlap=overlap)


def test_the_automatic_overlap_follows_the_model() -> None:
    assert [automatic_overlap(native) for native in (64, 256, 512, 1024)] == [4, 16, 32, 64]
