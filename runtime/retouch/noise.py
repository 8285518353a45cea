"""The noise of a run: a stream of standard normal arrays from a seed.

Kinds: `numpy` (Philox 4x64, Salmon et al. 2011; the product's own), `torch-cpu` and `torch-cuda`, which replay the
seeds of tools that draw with PyTorch. One stream serves a whole run: first the starting latents, then every draw of
the sampler, so the order of the calls is part of the result.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from retouch.errors import UnknownName, UsageError
from retouch.torch_cpu_noise import TorchCpuGaussian
from retouch.torch_cuda_noise import TorchCudaGaussian

Gaussian: TypeAlias = Callable[[tuple[int, ...]], NDArray[np.float32]]
"""Draws the next standard normal numbers of the given shape."""

LARGEST_SEED = 2**64 - 1


class NumpyGaussian:
    """NumPy's Philox stream and its float32 ziggurat."""

    def __init__(self, seed: int) -> None:
        """Any seed from 0; NumPy spreads it over the key."""
        self._generator = np.random.Generator(np.random.Philox(seed))

    def __call__(self, shape: Sequence[int]) -> NDArray[np.float32]:
        """Draw the next standard normal numbers, float32, of `shape`."""
        return self._generator.standard_normal(tuple(shape), dtype=np.float32)


KINDS: dict[str, Callable[[int], Gaussian]] = {
    "numpy": NumpyGaussian,
    "torch-cpu": TorchCpuGaussian,
    "torch-cuda": TorchCudaGaussian,
}
"""Every source of noise by its name."""


def gaussian(kind: str, seed: int) -> Gaussian:
    """Open a stream of noise; UnknownName for the kind, UsageError for a seed outside 0 .. 2**64 - 1."""
    if kind not in KINDS:
        raise UnknownName("noise", kind, KINDS)
    if not 0 <= seed <= LARGEST_SEED:
        raise UsageError(f"a seed must be a whole number from 0 to {LARGEST_SEED}, not {seed}")
    return KINDS[kind](seed)
