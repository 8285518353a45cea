"""A traced graph and its weights to files: weights in the graph, or in one data file beside it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import StringStringEntryProto, TensorProto, helper, numpy_helper

from retouch_export.codecs import CODECS, Stored
from retouch_export.tracing import TracedGraph

PAGE = 4096
"""Weights in a data file start at pages, so that they can be mapped instead of read."""

_INLINE = 16 * 1024
"""Smaller tensors stay in the graph: a page each would cost more."""

ChooseCodec = Callable[[str, tuple[int, ...]], str]
"""(name, shape) of a weight to the name of its codec."""


@dataclass(frozen=True)
class Written:
    """What was written."""

    graph: Path
    data: Path | None
    parameters: int


def write_graph(
    traced: TracedGraph, graph: Path, choose: ChooseCodec, *, data: Path | None = None, compute: int = TensorProto.FLOAT
) -> Written:
    """Write the graph with its weights stored as `choose` says; into `data`, if given, what is large."""
    model = onnx.ModelProto()
    model.CopyFrom(traced.proto)
    nodes, parameters = [], 0
    file = data.open("wb") if data is not None else None
    try:
        for name, weight in traced.weights.items():
            value = np.ascontiguousarray(weight.value().numpy())
            stored = _store(name, value, choose(name, value.shape), weight.transposed, compute)
            model.graph.initializer.extend(_tensor(n, array, file) for n, array in stored.tensors.items())
            nodes += stored.nodes
            parameters += value.size
    finally:
        if file is not None:
            file.close()
    body = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*nodes, *body])
    graph.write_bytes(model.SerializeToString(deterministic=True))
    return Written(graph, data, parameters)


def _store(name: str, value: NDArray[np.float32], codec: str, transposed: bool, compute: int) -> Stored:
    if not np.issubdtype(value.dtype, np.floating):
        return Stored({name: value})
    return CODECS[codec](name, value, value.ndim - 1 if transposed else 0, compute)


def _tensor(name: str, array: NDArray[np.generic], file: BinaryIO | None) -> onnx.TensorProto:
    """Describe a tensor, its bytes inside or appended to the data file."""
    if file is None or array.nbytes < _INLINE:
        return numpy_helper.from_array(array, name)
    file.write(b"\0" * (-file.tell() % PAGE))
    offset = file.tell()
    file.write(array.tobytes())
    tensor = TensorProto(
        name=name,
        dims=array.shape,
        data_type=helper.np_dtype_to_tensor_dtype(array.dtype),
        data_location=TensorProto.EXTERNAL,
    )
    where: Mapping[str, object] = {"location": Path(file.name).name, "offset": offset, "length": array.nbytes}
    tensor.external_data.extend(StringStringEntryProto(key=k, value=str(v)) for k, v in where.items())
    return tensor
