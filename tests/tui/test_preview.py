"""Previews of any size: kept small, and laid where they belong."""

import numpy as np
import pytest

from retouch.geometry import Box
from retouch_tui.preview import laid_over
from retouch_tui.worker import LARGEST_PREVIEW_PX, small


@pytest.mark.parametrize("shape", [(32, 48), (64, 96), (256, 256), (1024, 768), (4000, 8)], ids=str)
def test_a_kept_preview_has_the_shape_of_its_box_and_a_bounded_size(shape: tuple[int, int]) -> None:
    kept = small(np.zeros((*shape, 3), np.uint8))
    assert max(kept.shape[:2]) == min(max(shape), LARGEST_PREVIEW_PX)
    assert abs(kept.shape[0] / max(kept.shape[:2]) - shape[0] / max(shape)) < 1 / LARGEST_PREVIEW_PX


@pytest.mark.parametrize("size", [(2, 3), (16, 24), (40, 60)], ids=["cells", "half", "larger than its box"])
def test_a_preview_of_any_size_fills_its_box_under_the_mask(size: tuple[int, int]) -> None:
    picture, mask = np.zeros((50, 70, 3), np.uint8), np.zeros((50, 70), np.uint8)
    mask[5:30, 5:30] = 255
    laid = laid_over(picture, mask, np.full((*size, 3), 200, np.uint8), Box(0, 10, 60, 50))
    expected = picture.copy()
    expected[10:30, 5:30] = 200
    np.testing.assert_array_equal(laid, expected)
