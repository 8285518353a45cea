"""The normal numbers of `torch.randn` on a CPU generator, from the published algorithms alone.

Stream: MT19937 (Matsumoto & Nishimura 1998) seeded by its authors' `init_genrand`. Sixteen values and more are
made in blocks of 16: eight radii and eight angles, joined by Box & Muller (1958) in float32, with the logarithm,
sine and cosine polynomials of Moshier's Cephes library. Fewer than 16 are made one by one in float64.

What is equal: blocks use additions, multiplications, square roots and fused multiply-adds only, all exactly rounded,
so they are bit for bit PyTorch's on x86 processors with AVX2 or AVX-512 (compared over 16 million values). PyTorch
itself differs from that by 1 ulp in 1 % of the values on other processors. Sets below 16 go through the C
library's log1p, sin and cos before rounding to float32.
"""

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
"""Any shape, one element per number drawn."""

BLOCK = 16
"""Values that PyTorch's vectorised kernel makes at a time."""

_LOG = (
    7.0376836292e-2,
    -1.1514610310e-1,
    1.1676998740e-1,
    -1.2420140846e-1,
    1.4249322787e-1,
    -1.6668057665e-1,
    2.0000714765e-1,
    -2.4999993993e-1,
    3.3333331174e-1,
)
_LN2 = (-2.12194440e-4, 0.693359375)
"""ln 2 in two parts, the second exact in float32."""
_COS = (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)
_SIN = (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
_QUARTER_PI = (-0.78515625, -2.4187564849853515625e-4, -3.77489497744594108e-8)
"""-pi/4 in three parts, so that an angle is reduced with more than float32's digits."""


class TorchCpuGaussian:
    """A CPU generator of PyTorch: call it with a shape, as `torch.randn(shape, generator=g)`."""

    def __init__(self, seed: int) -> None:
        """Seed like `Generator.manual_seed`, which keeps the low 32 bits."""
        self._engine = np.random.MT19937()
        self._engine.state = {"bit_generator": "MT19937", "state": {"key": _init_genrand(seed), "pos": 624}}
        self._spare: float | None = None

    def __call__(self, shape: Sequence[int]) -> Floats:
        """Draw the next standard normal numbers, float32, of `shape`."""
        count = math.prod(shape)
        values = self._blocks(count) if count >= BLOCK else self._singles(count)
        return values.reshape(tuple(shape))

    def _blocks(self, count: int) -> Floats:
        uniforms = self._uniforms(count)
        whole = count - count % BLOCK
        values = np.concatenate([_box_muller(uniforms[:whole]), uniforms[whole:]])
        if whole < count:  # the last 16 are drawn again, those that had their numbers already included
            values[-BLOCK:] = _box_muller(self._uniforms(BLOCK))
        return values

    def _uniforms(self, count: int) -> Floats:
        """Draw from [0, 1) in steps of 2**-24."""
        raw = np.asarray(self._engine.random_raw(count)) & 0xFFFFFF
        return raw.astype(np.float32) * np.float32(2.0**-24)

    def _singles(self, count: int) -> Floats:
        return np.array([self._single() for _ in range(count)], dtype=np.float32)

    def _single(self) -> float:
        """One number in float64; every second one is the sine that was kept, also across calls."""
        if self._spare is not None:
            value, self._spare = self._spare, None
            return value
        turn, height = self._uniform53(), self._uniform53()
        radius = math.sqrt(-2.0 * math.log1p(-height))
        angle = 2.0 * math.pi * turn
        self._spare = radius * math.sin(angle)
        return radius * math.cos(angle)

    def _uniform53(self) -> float:
        high, low = (int(word) for word in np.asarray(self._engine.random_raw(2)))
        return float(((high << 32 | low) & (2**53 - 1)) * 2.0**-53)


def _init_genrand(seed: int) -> NDArray[np.uint32]:
    """The 624 words of MT19937's first state (Knuth's multiplier 1812433253)."""
    word = seed & 0xFFFFFFFF
    words = [word]
    for i in range(1, 624):
        word = (1812433253 * (word ^ word >> 30) + i) & 0xFFFFFFFF
        words.append(word)
    return np.array(words, dtype=np.uint32)


def _box_muller(uniforms: Floats) -> Floats:
    """Turn blocks of 16 uniforms, (16 n,), into normals: 8 radii from the first half, 8 angles from the second."""
    halves = uniforms.reshape(-1, 2, BLOCK // 2)
    radius = np.sqrt(np.float32(-2.0) * _log(np.float32(1.0) - halves[:, 0]))
    sine, cosine = _sine_cosine(np.float32(2.0 * math.pi) * halves[:, 1])
    normals = np.stack([radius * cosine, radius * sine], axis=1).reshape(-1)
    return normals + np.float32(0.0)  # the mean: it makes +0 of -0


def _fused(a: Floats, b: Floats | float, c: Floats | float) -> Floats:
    """a * b + c with one rounding.

    The product is exact in float64, the sum is not: it is rounded to odd, which the second rounding to float32
    cannot tell from the true value (Boldo & Melquiond 2008, "Emulation of FMA and correctly rounded sums").
    """
    product = a.astype(np.float64) * np.asarray(b, np.float32)
    addend = np.asarray(c, np.float32).astype(np.float64)
    total = product + addend
    seen = total - product  # the error of the sum, exactly (Knuth's TwoSum)
    error = (product - (total - seen)) + (addend - seen)
    even = (total.view(np.int64) & 1) == 0
    odd = np.where((error != 0) & even, np.nextafter(total, np.copysign(np.inf, error)), total)
    return odd.astype(np.float32)


def _polynomial(coefficients: Sequence[float], x: Floats) -> Floats:
    value = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        value = _fused(value, x, coefficient)
    return value


def _log(x: Floats) -> Floats:
    """Cephes logf of positive normal numbers: mantissa in [sqrt(1/2), sqrt(2)), a polynomial, the exponent."""
    mantissa, exponent = np.frexp(x)
    low = mantissa < np.float32(math.sqrt(0.5))
    power = exponent.astype(np.float32) - low.astype(np.float32)
    rest = mantissa - np.float32(1.0) + np.where(low, mantissa, np.float32(0.0))
    square = rest * rest
    value = _fused(_polynomial(_LOG, rest) * rest, square, power * np.float32(_LN2[0]))
    return _fused(power, _LN2[1], rest + (value - square * np.float32(0.5)))


def _sine_cosine(angle: Floats) -> tuple[Floats, Floats]:
    """Cephes sinf and cosf of angles >= 0: reduce to +-pi/4, two polynomials, swap and sign by octant."""
    octant = ((angle * np.float32(4.0 / math.pi)).astype(np.int32) + 1) & ~1
    rest = angle
    for part in _QUARTER_PI:
        rest = _fused(octant.astype(np.float32), part, rest)
    square = rest * rest
    near_one = _polynomial(_COS, square) * square
    near_one = _fused(near_one, square, -(square * np.float32(0.5))) + np.float32(1.0)
    near_zero = _fused(_polynomial(_SIN, square) * square, rest, rest)
    swap = (octant & 2) != 0
    sine = np.where(swap, near_one, near_zero)
    cosine = np.where(swap, near_zero, near_one)
    return (
        np.where(octant & 4, -sine, sine),
        np.where((octant + 2) & 4, -cosine, cosine),
    )
