"""What the measurements mean: bytes are counted, a seam is what the picture itself does not explain, drift is PSNR."""

import json
import math
from dataclasses import asdict

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose

from retouch.proof import changed_outside, drift_db, prove, seam_score

VISIBLE = 2.3
"""Just noticeable difference, ΔE 1976."""


def texture(grain, blur, seed=0, slope=60):
    rng = np.random.default_rng(seed)
    field = rng.standard_normal((384, 384, 3)).astype(np.float32)
    if blur:
        field = cv2.GaussianBlur(field, (0, 0), blur)
        field /= field.std()
    ramp = np.linspace(-slope, slope, 384)[None, :, None]
    return np.clip(128 + grain * field + ramp, 0, 255).astype(np.uint8)


def disk():
    mask = np.zeros((384, 384), np.float32)
    cv2.circle(mask, (190, 180), 110, 1, -1)
    return mask


def pasted(picture, patch, mask):
    return np.where(mask[..., None] > 0, patch, picture)


GROUNDS = pytest.mark.parametrize(
    ("grain", "blur"), [(0, 0), (20, 0), (30, 3), (30, 12), (40, 30)], ids=["flat", "grain", "fine", "coarse", "clouds"]
)
MASKS = pytest.mark.parametrize(
    "mask", [disk(), np.eye(384, k=90).cumsum(1).astype(np.float32)], ids=["disk", "diagonal"]
)


@GROUNDS
@MASKS
@pytest.mark.parametrize("seed", range(3))
def test_a_picture_without_a_seam_scores_next_to_nothing(grain, blur, mask, seed):
    assert seam_score(texture(grain, blur, seed), mask) < VISIBLE / 10


@GROUNDS
def test_the_score_rises_with_a_colour_shift(grain, blur):
    picture, mask = texture(grain, blur, slope=30), disk()
    scores = [seam_score(pasted(picture, cv2.add(picture, (c, c, c, 0)), mask), mask) for c in (4, 12, 25, 45)]
    assert scores == sorted(scores)
    assert scores[-1] > VISIBLE


def test_on_flat_ground_the_score_is_the_step_in_delta_e():
    picture = np.full((384, 384, 3), 119, np.uint8)
    score = seam_score(pasted(picture, picture + np.uint8(23), disk()), disk())
    # grey 119 is L* 50.04 and grey 142 is L* 59.03 by the sRGB and CIE formulas
    # OpenCV interpolates its Lab conversion in a table
    assert_allclose(score, 8.99, atol=0.2)


def test_texture_hides_a_step_that_flat_ground_shows():
    scores = []
    for grain in (0, 10, 30):
        picture = texture(grain, 0, slope=0)
        scores.append(seam_score(pasted(picture, cv2.add(picture, (8, 8, 8, 0)), disk()), disk()))
    assert scores == sorted(scores, reverse=True)
    assert scores[2] < scores[0] / 4


def test_a_different_texture_is_a_seam_only_where_edges_break():
    coarse = pasted(texture(30, 12), texture(30, 12, seed=5), disk())
    grain = pasted(texture(20, 0), texture(20, 0, seed=5), disk())
    assert seam_score(coarse, disk()) > 5 * VISIBLE
    assert seam_score(grain, disk()) < VISIBLE


def test_a_drawn_outline_is_visible():
    picture = texture(5, 0)
    cv2.circle(picture, (190, 180), 110, (0, 0, 0), 1)
    assert seam_score(picture, disk()) > VISIBLE


def test_a_wide_fade_of_a_strong_shift_still_counts_but_less():
    picture = np.full((384, 384, 3), 100, np.uint8)
    alpha = np.clip(cv2.distanceTransform(disk().astype(np.uint8), cv2.DIST_L2, 5) / 16, 0, 1)[..., None]
    hard = seam_score(pasted(picture, picture + np.uint8(40), disk()), disk())
    faded = seam_score((picture + 40 * alpha).astype(np.uint8), disk())
    assert 0.05 * hard < faded < 0.5 * hard


@pytest.mark.parametrize("value", [0, 1], ids=["nothing masked", "everything masked"])
def test_without_an_edge_there_is_no_seam(value):
    assert seam_score(texture(20, 0), np.full((384, 384), value, np.float32)) == 0


@pytest.mark.parametrize("size", [1, 2, 5, 9])
def test_tiny_pictures_have_a_score(size):
    mask = np.zeros((size, size), np.float32)
    mask[0, 0] = 1
    assert seam_score(texture(20, 0)[:size, :size], mask) >= 0


def test_changed_bytes_are_counted_outside_alone():
    before, mask = texture(10, 0), disk()
    mask[0, 5] = 0.01
    after = before.copy()
    after[180, 190] ^= 255
    after[0, 5] ^= 255
    assert changed_outside(before, after, mask) == 0
    after[0, 0, 1] ^= 1
    after[3, 4] ^= 1
    assert changed_outside(before, after, mask) == 4


def test_drift_is_the_psnr_outside():
    before, mask = texture(10, 3, slope=20), disk()
    decoded = before + np.uint8(4)
    decoded[mask > 0] = 0
    assert_allclose(drift_db(before, decoded, mask), 20 * math.log10(255 / 4), rtol=1e-12)
    assert drift_db(before, pasted(before, decoded, mask), mask) == math.inf


def test_a_proof_is_json_and_says_what_was_measured():
    before, mask = texture(10, 3, slope=20), disk()
    decoded = before + np.uint8(20)
    proof = prove(before, decoded, pasted(before, decoded, mask), mask, "hard")
    assert proof.bytes_changed_outside == 0
    assert proof.seam_before == proof.seam_after > VISIBLE
    assert json.loads(json.dumps(asdict(proof))) == asdict(proof)
    same = prove(before, before, before, mask, "hard")
    assert same.drift_db is None
    assert same.seam_after < VISIBLE / 4
