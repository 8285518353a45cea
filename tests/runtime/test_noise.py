"""Noise: every kind is a reproducible standard normal, and two replay PyTorch's generators."""

from itertools import accumulate
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from retouch.errors import UnknownName, UsageError
from retouch.noise import KINDS, gaussian
from retouch.torch_cuda_noise import philox
from retouch.variation import slerp

TORCH = np.load(Path(__file__).parents[1] / "golden/noise/torch_cpu.npz")
SIZES = TORCH["sizes"].tolist()
SEEDS = [key for key in TORCH.files if key.isdigit()]

CUDA = """
-0.9247 -0.4253 -2.6438  0.1452 -0.1209 -0.5797 -0.6229 -0.3284
-1.0745 -0.3631 -1.6711  2.2655  0.3117 -0.1842  1.2866  1.1820
-0.1271  1.2169  1.4353  1.0605 -0.4941 -1.4244 -0.7244 -1.2973
 0.0697 -0.0074  1.8969  0.6878 -0.0779 -0.8373  1.3506 -0.2879
-0.5965 -0.3283 -0.9086 -0.8059 -0.7407 -0.0504  0.5435  1.5150
 0.0141  0.4532  1.6349  0.7124 -0.1806  1.0252 -1.4622 -0.7554
-0.1836  0.3824  0.3918 -0.0830  0.8971 -1.1123  0.1116  0.4863
-0.5499 -0.3231 -0.5469  0.9049  0.2837  0.1210  0.4730 -1.0823
"""
"""torch.manual_seed(0); torch.randn(8, 8, device="cuda"), as printed."""


def bits(values):
    """The words of float32 values, so that -0 and 0 differ."""
    return values.view(np.uint32)


# Every kind


@pytest.mark.parametrize("seed", [0, 1, 2**32 + 5, 2**63 - 1, 2**64 - 1])
@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_same_noise_in_the_shape_asked_for(kind, seed):
    one, other = gaussian(kind, seed), gaussian(kind, seed)
    for shape in [(1, 4, 8, 8), (1, 4, 9, 5), (3,), (1, 1, 1, 2), (0,)]:
        drawn = one(shape)
        assert drawn.dtype == np.float32
        assert drawn.shape == shape
        assert_array_equal(bits(drawn), bits(other(shape)))


@pytest.mark.parametrize("kind", KINDS)
def test_draws_and_seeds_differ(kind):
    stream = gaussian(kind, 3)
    draws = [stream((64,)), stream((64,)), gaussian(kind, 4)((64,))]
    for i, one in enumerate(draws):
        for other in draws[i + 1 :]:
            assert not (one == other).any()


@pytest.mark.parametrize("kind", KINDS)
def test_noise_is_standard_normal(kind):
    values = gaussian(kind, 11)((1, 4, 256, 256)).astype(np.float64)
    n = values.size
    # five standard errors each of the first four moments of a normal
    for power, moment, variance in [(1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)]:
        assert_allclose((values**power).mean(), moment, atol=5 * np.sqrt(variance / n))
    neighbours = (values[..., 1:] * values[..., :-1]).mean()
    assert abs(neighbours) < 5 / np.sqrt(n)


def test_unknown_kinds_and_impossible_seeds_are_refused():
    with pytest.raises(UnknownName, match="Did you mean 'torch-cpu'"):
        gaussian("torch_cpu", 0)
    for seed in (-1, 2**64):
        with pytest.raises(UsageError, match="seed"):
            gaussian("numpy", seed)


# PyTorch on the CPU


@pytest.mark.parametrize("seed", SEEDS)
def test_torch_cpu_is_bit_for_bit_torch_randn_over_mixed_sizes(seed):
    stream, ends = gaussian("torch-cpu", int(seed)), list(accumulate(SIZES))
    for size, end in zip(SIZES, ends, strict=True):
        assert_array_equal(bits(stream((size,))), bits(TORCH[seed][end - size : end]))


def test_torch_cpu_is_bit_for_bit_torch_randn_at_the_sizes_of_pictures():
    stream = gaussian("torch-cpu", 0)
    for key in ("1x4x64x64", "1x4x97x35"):
        assert_array_equal(bits(stream(TORCH[key].shape)), bits(TORCH[key]))


def test_torch_cpu_keeps_the_low_32_bits_of_a_seed_as_torch_does():
    assert_array_equal(gaussian("torch-cpu", 2**32 + 5)((40,)), gaussian("torch-cpu", 5)((40,)))


# PyTorch on CUDA


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ([0] * 4, (0, 0), [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
        ([0xFFFFFFFF] * 4, (0xFFFFFFFF, 0xFFFFFFFF), [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            (0xA4093822, 0x299F31D0),
            [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
        ),
    ],
    ids=["zeros", "ones", "pi"],
)
def test_philox_gives_the_known_answers_of_its_authors(counter, key, expected):
    assert philox(np.array(counter, np.uint64)[:, None], key)[:, 0].tolist() == expected


def test_torch_cuda_gives_the_published_values():
    published = np.array(CUDA.split(), np.float64).reshape(8, 8)
    assert_allclose(gaussian("torch-cuda", 0)((8, 8)), published, atol=0.5001e-4)  # they were printed with 4 decimals


# Variation


A, B = (gaussian("numpy", seed)((1, 4, 32, 32)) for seed in (1, 2))


def test_slerp_starts_at_one_seed_and_ends_at_the_other():
    assert_allclose(slerp(A, B, 0.0), A, rtol=1e-6)
    assert_allclose(slerp(A, B, 1.0), B, rtol=1e-6)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_slerp_keeps_the_strength_of_the_noise(share):
    mixed = slerp(A, B, share)
    assert mixed.dtype == np.float32
    assert A.std() * 0.97 < mixed.std() < B.std() * 1.03  # both are within 3 % of 1
    assert_allclose(mixed, slerp(B, A, 1 - share), rtol=1e-5, atol=1e-6)


def test_slerp_walks_the_angle_evenly():
    unit = A / np.linalg.norm(A)

    def angle(share):
        mixed = slerp(A, B, share)
        return np.arccos(np.vdot(unit, mixed / np.linalg.norm(mixed)))

    assert_allclose(angle(0.25), angle(1.0) / 4, rtol=0.02)  # the two norms differ by about 1 %


@pytest.mark.parametrize(
    "end", [A, A * np.float32(1.00001), -A, np.zeros_like(A)], ids=["same", "near", "opposite", "0"]
)
def test_slerp_of_parallel_noise_is_a_straight_line(end):
    assert_allclose(slerp(A, end, 0.25), 0.75 * A + 0.25 * end, rtol=1e-5, atol=1e-6)


def test_slerp_leaves_its_arguments():
    a, b = A.copy(), B.copy()
    slerp(a, b, 0.3)
    assert_array_equal(a, A)
    assert_array_equal(b, B)
