"""Laws of the colour match: kept pixels decide, agreement changes nothing, a known distortion is undone."""

import cv2
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from retouch.colour import ENOUGH, KINDS, match_colours
from retouch.errors import UnknownName

MATCHING = pytest.mark.parametrize("kind", [k for k in KINDS if k != "none"])
EVERY = pytest.mark.parametrize("kind", KINDS)


def scene(seed=0):
    """A smooth picture without clipped tones."""
    small = np.random.default_rng(seed).integers(40, 200, (12, 16, 3), dtype=np.uint8)
    return cv2.resize(small, (160, 120), interpolation=cv2.INTER_CUBIC)


def box():
    mask = np.zeros((120, 160), np.float32)
    mask[30:90, 40:120] = 1
    return mask


def distance(a, b):
    return float(np.abs(a.astype(int) - b).mean())


@EVERY
def test_agreement_changes_nothing(kind):
    patch = scene()
    patch[30:90, 40:120] = scene(seed=1)[30:90, 40:120]
    assert_array_equal(match_colours(patch, scene(), box(), kind), patch)


@MATCHING
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_distortion_is_undone(kind, seed):
    picture = scene(seed)
    patch = np.clip(picture * np.array([0.9, 0.85, 0.95]) + np.array([8, 20, -3]), 0, 255).astype(np.uint8)
    matched = match_colours(patch, picture, box(), kind)
    assert distance(matched, picture) < distance(patch, picture) / 3


@MATCHING
def test_masked_pixels_have_no_say(kind):
    picture = scene()
    patch = (picture * 0.9).astype(np.uint8)
    other = picture.copy()
    other[box() == 1] = (255, 0, 255)
    assert_array_equal(match_colours(patch, picture, box(), kind), match_colours(patch, other, box(), kind))


@MATCHING
def test_too_few_kept_pixels_are_no_judgement(kind):
    patch, picture = scene(), scene(seed=1)
    mask = np.ones((120, 160), np.float32)
    mask.ravel()[: ENOUGH - 1] = 0
    assert_array_equal(match_colours(patch, picture, mask, kind), patch)
    assert (match_colours(patch, picture, box(), kind) != patch).any()


@MATCHING
def test_flat_surroundings_do_not_blow_up_the_patch(kind):
    picture = np.full((120, 160, 3), 100, np.uint8)
    patch = picture + np.uint8(10)
    patch[50:60, 60:80] = 150
    matched = match_colours(patch, picture, box(), kind)
    assert abs(int(matched[0, 0, 0]) - 100) <= 1
    assert 115 <= matched[55, 70, 0] <= 160


@EVERY
def test_arguments_are_left_alone(kind):
    patch, picture, mask = scene(), scene(seed=1), box()
    for array in (patch, picture, mask):
        array.setflags(write=False)
    assert not np.shares_memory(match_colours(patch, picture, mask, kind), patch)


def test_an_unknown_kind_is_named_with_the_nearest():
    with pytest.raises(UnknownName, match="histogram"):
        match_colours(scene(), scene(), box(), "histogramm")
