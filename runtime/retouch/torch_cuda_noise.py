"""The normal numbers of `torch.randn` on a CUDA generator, from the published algorithms alone.

Counter-based stream: Philox 4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", section 3.3),
one counter per element, joined by Box & Muller (1958). It is what other tools call GPU or NV noise.

What is equal: the random bits are exact. The logarithm, sine and cosine are float64 here and fast float32 on the
device, so that a value may differ in its last digits (about 1e-6). It holds while every number has a thread of its own
on the device, as the 16,384 of a 512x512 picture have on common ones. For more numbers than the device runs threads,
PyTorch's result depends on the device; this one keeps to one thread each, as other tools do.
"""

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Words: TypeAlias = NDArray[np.uint64]
"""32-bit words, held in 64 bits so that products do not overflow; (4, n) for counters."""

_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
_ROUNDS = 10
_LOW = np.uint64(0xFFFFFFFF)


class TorchCudaGaussian:
    """A CUDA generator of PyTorch: call it with a shape, as `torch.randn(shape, generator=g, device="cuda")`."""

    def __init__(self, seed: int) -> None:
        """Seed like `Generator.manual_seed`, with all 64 bits."""
        self._seed = seed
        self._calls = 0

    def __call__(self, shape: Sequence[int]) -> NDArray[np.float32]:
        """Draw the next standard normal numbers, float32, of `shape`."""
        count = math.prod(shape)
        counters = np.zeros((4, count), np.uint64)
        counters[0] = self._calls & 0xFFFFFFFF
        counters[1] = self._calls >> 32
        counters[2] = np.arange(count, dtype=np.uint64)
        self._calls += 1
        words = philox(counters, (self._seed & 0xFFFFFFFF, self._seed >> 32))
        return _box_muller_sine(words[0], words[1]).reshape(tuple(shape))


def philox(counters: Words, key: tuple[int, int]) -> Words:
    """Scramble each column of counters, (4, n), with a 64-bit key given as its (low, high) words."""
    c0, c1, c2, c3 = counters
    for turn in range(_ROUNDS):
        k0, k1 = (np.uint64((k + turn * step) & 0xFFFFFFFF) for k, step in zip(key, _KEY_STEPS, strict=True))
        p0 = c0 * np.uint64(_MULTIPLIERS[0])
        p1 = c2 * np.uint64(_MULTIPLIERS[1])
        c0, c1, c2, c3 = (p1 >> np.uint64(32)) ^ c1 ^ k0, p1 & _LOW, (p0 >> np.uint64(32)) ^ c3 ^ k1, p0 & _LOW
    return np.stack([c0, c1, c2, c3])


def _box_muller_sine(height: Words, turn: Words) -> NDArray[np.float32]:
    """The first normal of a pair; both words are centred in their cells, so that neither is ever 0 or 1."""
    radius = np.sqrt(-2.0 * np.log((height.astype(np.float64) + 0.5) * 2.0**-32))
    angle = 2.0 * math.pi * ((turn.astype(np.float64) + 0.5) * 2.0**-32)
    return (radius * np.sin(angle)).astype(np.float32)
