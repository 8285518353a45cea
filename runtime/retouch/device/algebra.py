"""Latents on a device that look like an array to a sampler, and compute nothing until somebody needs them.

A sampler's step is linear in latents, predictions and noise, with numbers for coefficients. `DeviceLatents` carries
the sum as a table {(buffer, mask): coefficient}, so `x + a * (d - x)` costs two additions of Python floats; the sum
becomes a tensor in one run of one graph. Coefficients add up in float64 and are rounded to float32 once, where the
host rounds after each operation: results differ by a few units in the last place.
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

from retouch.arrays import Latents
from retouch.device.kernels import TERMS, Kernels
from retouch.device.memory import Array, Buffer, Memory

Terms: TypeAlias = Mapping[tuple[Buffer, Buffer | None], float]
"""Coefficients of latents, each alone or times a mask, elementwise."""

_REMEMBERED = 8


class NotLinear(TypeError):
    """An operation that a sum of latents does not have."""


class Arithmetic:
    """Makes buffers of sums."""

    def __init__(self, memory: Memory, kernels: Kernels) -> None:
        """Compute nothing yet."""
        self.memory = memory
        self._kernels = kernels
        self._ones: Buffer | None = None
        self._masks: OrderedDict[int, tuple[Array, Buffer]] = OrderedDict()

    def place(self, array: Latents) -> "DeviceLatents":
        """Copy latents, (1, C, h, w), to the device."""
        return self.of(self.memory.upload(array))

    def of(self, buffer: Buffer) -> "DeviceLatents":
        """Latents that are a buffer."""
        return DeviceLatents(self, {(buffer, None): 1.0}, buffer.shape)

    def mask(self, array: Array) -> Buffer:
        """Copy a factor to the device, once as long as it is the same array as before."""
        if id(array) not in self._masks:
            self._masks[id(array)] = array, self.memory.upload(array)  # holding the array keeps its id its own
            while len(self._masks) > _REMEMBERED:
                self._masks.popitem(last=False)
        self._masks.move_to_end(id(array))
        return self._masks[id(array)][1]

    def sum(self, terms: Terms, shape: tuple[int, ...]) -> Buffer:
        """Compute coefficient · mask · latents, summed in the order of the terms."""
        there = [(buffer, mask, weight) for (buffer, mask), weight in terms.items() if weight != 0]
        if not there:
            return self.memory.upload(np.zeros(shape, np.float32))
        length = next(n for n in TERMS if n >= len(there))
        there += [(there[0][0], None, 0.0)] * (length - len(there))
        inputs = {f"term_{i}": buffer for i, (buffer, _, _) in enumerate(there)}
        name = f"combine_{length}"
        if any(mask is not None for _, mask, _ in there):
            name = f"combine_masked_{length}"
            inputs |= {f"mask_{i}": self._one if mask is None else mask for i, (_, mask, _) in enumerate(there)}
        result = self.memory.empty(shape, np.float32)
        self._kernels(name, inputs, ("weights", [weight for _, _, weight in there]), ("sum", result))
        return result

    def forget(self) -> None:
        """Forget the factors."""
        self._masks.clear()
        self._ones = None

    @property
    def _one(self) -> Buffer:
        if self._ones is None:
            self._ones = self.memory.upload(np.ones((1, 1, 1, 1), np.float32))
        return self._ones


class DeviceLatents:
    """A sum of latents on a device, (1, C, h, w) float32; no operation changes it."""

    __array_ufunc__ = None  # numpy leaves `array * latents` to this class

    def __init__(self, arithmetic: Arithmetic, terms: Terms, shape: tuple[int, ...]) -> None:
        """Hold the terms; their buffers live as long as a sum holds them."""
        self._arithmetic, self._terms = arithmetic, dict(terms)
        self.shape = shape

    def buffer(self) -> Buffer:
        """Return the sum as a buffer that nothing writes to; computed once."""
        if len(self._terms) == 1:
            ((buffer, mask), weight) = next(iter(self._terms.items()))
            if mask is None and weight == 1:
                return buffer
        buffer = self._arithmetic.sum(self._terms, self.shape)
        self._terms = {(buffer, None): 1.0}
        return buffer

    def numpy(self) -> Latents:
        """Copy to the host."""
        found: NDArray[np.float32] = self._arithmetic.memory.download(self.buffer())
        return found

    def __add__(self, other: Any) -> "DeviceLatents":
        """Add latents of the same shape, or 0."""
        return self._plus(other, 1.0)

    __radd__ = __add__

    def __sub__(self, other: Any) -> "DeviceLatents":
        """Subtract latents of the same shape, or 0."""
        return self._plus(other, -1.0)

    def __rsub__(self, other: Any) -> "DeviceLatents":
        """Subtract from latents on the host."""
        return self._other(other)._plus(self, -1.0)

    def __neg__(self) -> "DeviceLatents":
        """Turn the sign."""
        return self * -1.0

    def __mul__(self, other: Any) -> "DeviceLatents":
        """Multiply by a number, or elementwise by an array of the host that fits, such as a mask (1, 1, h, w)."""
        if _is_number(other):
            return self._scaled(float(other))
        if not isinstance(other, np.ndarray):
            raise NotLinear("latents on a device are multiplied by numbers and masks only")
        if any(mask is not None for _, mask in self._terms):
            self.buffer()
        factor = self._arithmetic.mask(other)
        terms: Terms = {(buffer, factor): weight for (buffer, _), weight in self._terms.items()}
        return DeviceLatents(self._arithmetic, terms, self.shape)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> "DeviceLatents":
        """Divide by a number."""
        if not _is_number(other):
            raise NotLinear("latents on a device are divided by numbers only")
        return self._scaled(1.0 / float(other))

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse: what needs an array would copy to the host at every step without anybody knowing."""
        raise NotLinear(
            "this needs an array, and the latents are on a device; a sampler that does more than add and scale says so "
            "with @sampler(linear=False)"
        )

    def _scaled(self, number: float) -> "DeviceLatents":
        terms = {key: weight * number for key, weight in self._terms.items()}
        return DeviceLatents(self._arithmetic, terms, self.shape)

    def _plus(self, other: Any, sign: float) -> "DeviceLatents":
        if _is_number(other) and other == 0:
            return self
        others = self._other(other)
        if others.shape != self.shape:
            raise ValueError(f"latents of {self.shape} and {others.shape} cannot be added")
        while len(self._terms.keys() | others._terms.keys()) > TERMS[-1]:
            max(self, others, key=lambda latents: len(latents._terms)).buffer()
        terms = dict(self._terms)
        for key, weight in others._terms.items():
            terms[key] = terms.get(key, 0.0) + sign * weight
        return DeviceLatents(self._arithmetic, terms, self.shape)

    def _other(self, other: Any) -> "DeviceLatents":
        if isinstance(other, DeviceLatents):
            return other
        if not isinstance(other, np.ndarray):
            raise NotLinear("latents on a device are added to latents only")
        return self._arithmetic.place(other)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.floating | np.integer)
