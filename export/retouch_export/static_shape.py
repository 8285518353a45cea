"""Graphs of one size, for providers that want every axis but the batch fixed."""

import onnx

from retouch_export.examples import Example
from retouch_export.tracing import TracedGraph


def fix_axes(traced: TracedGraph, example: Example) -> TracedGraph:
    """Fix the free axes to those of the example; the batch stays free, since guidance decides it."""
    proto = onnx.ModelProto()
    proto.CopyFrom(traced.proto)
    sizes: dict[str, int] = {}
    for value in proto.graph.input:
        for dim, side in zip(value.type.tensor_type.shape.dim, example.inputs[value.name].shape, strict=True):
            if dim.dim_param not in ("", "batch"):
                sizes[dim.dim_param] = side
                dim.dim_value = side
    for value in proto.graph.output:
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in sizes:
                dim.dim_value = sizes[dim.dim_param]
    return TracedGraph(proto, traced.weights)
