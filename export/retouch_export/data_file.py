"""The weights of one or more graphs in one file beside them; the same bytes are stored once."""

import hashlib
from pathlib import Path
from types import TracebackType

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import StringStringEntryProto, TensorProto, helper, numpy_helper

PAGE = 4096
"""Tensors start at pages, so that they can be mapped instead of read."""

_INLINE = 16 * 1024
"""Smaller tensors stay in the graph: a page each would cost more."""


class DataFile:
    """A file of tensors that graphs refer to; variants of a graph share what they have in common."""

    def __init__(self, path: Path) -> None:
        """Create the file."""
        self.path = path
        self._file = path.open("wb")
        self._places: dict[bytes, int] = {}

    def __enter__(self) -> "DataFile":
        """Use as a context that closes itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._file.close()

    def tensor(self, name: str, array: NDArray[np.generic]) -> onnx.TensorProto:
        """Store an array, unless it is small or stored already, and describe it for a graph."""
        if array.nbytes < _INLINE:
            return inline_tensor(name, array)
        offset = self._place(array)
        tensor = TensorProto(
            name=name,
            dims=array.shape,
            data_type=helper.np_dtype_to_tensor_dtype(array.dtype),
            data_location=TensorProto.EXTERNAL,
        )
        where = {"location": self.path.name, "offset": str(offset), "length": str(array.nbytes)}
        tensor.external_data.extend(StringStringEntryProto(key=key, value=value) for key, value in where.items())
        return tensor

    def _place(self, array: NDArray[np.generic]) -> int:
        view = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
        digest = hashlib.sha256(view).digest()
        if digest not in self._places:
            self._file.write(b"\0" * (-self._file.tell() % PAGE))
            self._places[digest] = self._file.tell()
            self._file.write(view)
        return self._places[digest]


def inline_tensor(name: str, array: NDArray[np.generic]) -> onnx.TensorProto:
    """Describe an array with its bytes inside the graph."""
    return numpy_helper.from_array(array, name)
