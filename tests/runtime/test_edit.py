"""What is painted reaches the picture in its own colours; everything else keeps its bytes."""

import numpy as np
from numpy.testing import assert_array_equal

from retouch.content import CONTENT
from retouch.edit import apply, flattened, without_gaps
from retouch.picture import Picture
from support import pictures

MASK = np.zeros((16, 24), np.float32)
MASK[4:12, 8:24] = 1


def holed() -> Picture:
    """A picture whose right third is empty; what its pixels hold there means nothing."""
    alpha = np.full((16, 24), 255, np.uint8)
    alpha[:, 16:] = 0
    return Picture(pixels=pictures.rgb(24, 16), alpha=alpha)


def test_empty_space_takes_what_is_painted_even_where_that_is_what_was_shown() -> None:
    picture = holed()
    shown = without_gaps(picture, MASK)
    done = apply(picture, shown, shown, MASK)
    painted = (MASK > 0) & (np.arange(24) >= 16)
    assert_array_equal(done.pixels[painted], shown[painted])
    assert_array_equal(done.pixels[~painted], picture.pixels[~painted])
    assert done.alpha is not None
    assert (done.alpha[painted] == 255).all()
    assert not done.alpha[(MASK == 0) & (np.arange(24) >= 16)].any()


def test_only_painted_empty_space_is_filled_from_its_surroundings() -> None:
    picture = holed()
    shown, paper = without_gaps(picture, MASK), flattened(picture)
    assert (paper[:, 16:] == 255).all()
    gap = (MASK > 0) & (np.arange(24) >= 16)
    assert_array_equal(shown[~gap], paper[~gap])
    assert_array_equal(shown[8, 16], picture.pixels[8, 15])
    assert_array_equal(shown, CONTENT["edge"](paper, gap.astype(np.float32), 0))


def test_an_opaque_picture_is_shown_as_it_is() -> None:
    picture = Picture(pixels=pictures.rgb(24, 16))
    assert_array_equal(without_gaps(picture, MASK), picture.pixels)
    assert_array_equal(apply(picture, picture.pixels, picture.pixels, MASK).pixels, picture.pixels)


def test_nothing_given_is_written_to() -> None:
    picture = holed()
    pixels, alpha = picture.pixels.copy(), np.array(picture.alpha)
    shown = without_gaps(picture, MASK)
    apply(picture, shown, np.zeros_like(shown), MASK)
    assert_array_equal(picture.pixels, pixels)
    assert_array_equal(np.array(picture.alpha), alpha)
