"""A traced graph and its weights to a file, with the weights inside or in a data file beside it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto

from retouch_export.codecs import CODECS, Stored
from retouch_export.data_file import DataFile, inline_tensor
from retouch_export.tracing import TracedGraph

ChooseCodec = Callable[[str, tuple[int, ...]], str]
"""(name, shape) of a weight to the name of its codec."""


def write_graph(
    traced: TracedGraph,
    path: Path,
    choose: ChooseCodec,
    *,
    data: DataFile | None = None,
    compute: int = TensorProto.FLOAT,
) -> None:
    """Write the graph with its weights stored as `choose` says, large ones into `data` if it is given.

    `compute` is the ONNX type that the graph's nodes work in.
    """
    model = onnx.ModelProto()
    model.CopyFrom(traced.proto)
    describe = inline_tensor if data is None else data.tensor
    nodes: list[onnx.NodeProto] = []
    for name, weight in traced.weights.items():
        value = np.ascontiguousarray(weight.value().numpy())
        codec, kind = ("fp32", TensorProto.FLOAT) if weight.single else (choose(name, value.shape), compute)
        stored = _store(name, value, codec, weight.transposed, kind)
        model.graph.initializer.extend(describe(part, array) for part, array in stored.tensors.items())
        nodes += stored.nodes
    body = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*nodes, *body])
    path.write_bytes(model.SerializeToString(deterministic=True))


def _store(name: str, value: NDArray[Any], codec: str, transposed: bool, compute: int) -> Stored:
    if not np.issubdtype(value.dtype, np.floating):
        return Stored({name: value})
    if codec != "fp16":  # which would take half precision back to itself
        value = value.astype(np.float32, copy=False)
    return CODECS[codec](name, value, value.ndim - 1 if transposed else 0, compute)
