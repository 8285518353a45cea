"""Every sampler against what diffusers and k-diffusion make of the same problem and noise.

How the goldens were made stands in tests/golden/samplers/README.md.
"""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from retouch.noise import gaussian
from retouch.samplers import SAMPLERS
from retouch.schedule import NoiseLevels, sigmas, start
from retouch_models.manifest import NoiseSpec
from support.diffusion_problems import final, two_peaks

WALKS = np.load(Path(__file__).parents[1] / "golden/samplers/walks.npz")
LEVELS = NoiseLevels.from_spec(NoiseSpec(prediction="v", spacing="trailing", final_sigma_zero=True))
SHAPE = (1, 4, 8, 8)


def walk_of(key: str):
    """The noise levels that a golden was made with."""
    tool, name = key.split("/")
    if name == "lcm":
        return sigmas(LEVELS, "lcm", 4)
    walk = sigmas(LEVELS, "karras" if tool == "k-diffusion" else "model", 20)
    return walk[:-1] if name == "lms" else walk


@pytest.mark.parametrize("key", WALKS.files)
def test_result_is_that_of_the_reference(key):
    walk, stream = walk_of(key), gaussian("torch-cpu", 7)
    x = start(walk, gaussian("torch-cpu", 0)(SHAPE))
    reached = final(SAMPLERS[key.split("/")[1]](two_peaks, x, walk, lambda: stream(SHAPE))).x
    # both sides round to float32 in other orders: at most 4e-5 was seen, and noise of its size is added on the way
    assert_allclose(reached, WALKS[key], rtol=1e-4, atol=1e-4)


def test_every_sampler_but_two_has_a_reference():
    without = set(SAMPLERS.names()) - {key.split("/")[1] for key in WALKS.files}
    assert without == {"dpmpp_3m_sde", "dpmpp_2m_linear"}  # nobody else has the second, which has an exact solution


def test_the_goldens_tell_the_methods_apart():
    same = {frozenset(pair) for pair in [("diffusers/ddim", "diffusers/euler")]}
    for one, other in combinations([key for key in WALKS.files if key.startswith("diffusers")], 2):
        if frozenset((one, other)) not in same:
            assert np.abs(WALKS[one] - WALKS[other]).max() > 2e-3, (one, other)
