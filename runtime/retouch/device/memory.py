"""Tensors in the memory of a device, and the few copies that cross to the host."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from retouch.failures import failure
from retouch.providers import PROVIDERS, Device, _onnxruntime

Array: TypeAlias = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Buffer:
    """One tensor; whoever holds it keeps its memory, so a binding holds all it has bound (onnxruntime issue 21888)."""

    value: Any
    """The `onnxruntime.OrtValue`."""
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class Memory:
    """Where the buffers of a device live; counts what crosses, because a step should cross nothing."""

    def __init__(self, device: Device) -> None:
        """Allocate nothing yet; the provider must name its memory."""
        self._device = device
        self._values = _onnxruntime.import_onnxruntime().OrtValue
        self.name = PROVIDERS[device.provider].memory
        """ONNX Runtime's name of the device memory."""
        self.number = device.device_id
        self.downloads = 0
        """Tensors copied to the host so far."""

    def empty(self, shape: Sequence[int], dtype: Any) -> Buffer:
        """Allocate a buffer with nothing meaningful in it; OutOfMemory if there is no room."""
        kind = np.dtype(dtype)
        try:
            value = self._values.ortvalue_from_shape_and_type(list(shape), kind.type, self.name, self.number)
        except Exception as error:
            raise failure(error, "denoising loop", self._device) from error
        return Buffer(value, tuple(shape), kind)

    def upload(self, array: Array, dtype: Any = np.float32) -> Buffer:
        """Copy an array to a new buffer of the dtype."""
        buffer = self.empty(array.shape, dtype)
        self.write(buffer, array)
        return buffer

    def write(self, buffer: Buffer, array: Array) -> None:
        """Copy an array into a buffer of its shape; the address stays."""
        if array.shape != buffer.shape:
            raise ValueError(f"an array of {array.shape} does not fit a buffer of {buffer.shape}")
        try:
            buffer.value.update_inplace(np.ascontiguousarray(array, buffer.dtype))
        except Exception as error:
            raise failure(error, "denoising loop", self._device) from error

    def download(self, buffer: Buffer) -> Array:
        """Return a copy as an array of the host."""
        self.downloads += 1
        try:
            return np.array(buffer.value.numpy())  # on the processor numpy() is a view
        except Exception as error:
            raise failure(error, "denoising loop", self._device) from error
