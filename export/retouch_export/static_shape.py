"""Graphs of certain sizes, for providers that want every axis but the batch fixed.

A bundle for one size has it in its graphs. For several sizes the axes stay free, so that all share one graph and its
weights, and the manifest lists the sizes: providers that want fixed axes get a session for each size in any case.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

import onnx
from torch import Tensor

from retouch_export.tracing import TracedGraph
from retouch_models.errors import UsageError

Sizes = tuple[tuple[int, int], ...]
"""(width, height) in pixels, the usual one first."""

MOST_SIZES = 8


def parse_sizes(texts: Iterable[str]) -> Sizes:
    """Read WxH, several times; UsageError if one is no size or there are too many."""
    found: dict[tuple[int, int], None] = {}
    for text in texts:
        match = re.fullmatch(r"([0-9]{1,6})[xX×]([0-9]{1,6})", text.strip())
        if match is None:
            raise UsageError(f"--static {text}: give width and height such as 512x768")
        found[int(match[1]), int(match[2])] = None
    if len(found) > MOST_SIZES:
        raise UsageError(f"--static is given {len(found)} times, at most {MOST_SIZES}; leave it out for every size")
    return tuple(found)


def fix_axes(traced: TracedGraph, inputs: Mapping[str, Tensor], outputs: Sequence[Tensor]) -> TracedGraph:
    """Fix the free axes to those of the inputs and outputs, of which only the shapes count.

    The batch stays free, since guidance decides it.
    """
    proto = onnx.ModelProto()
    proto.CopyFrom(traced.proto)
    known = [(value, inputs[value.name]) for value in proto.graph.input]
    for value, tensor in (*known, *zip(proto.graph.output, outputs, strict=True)):
        for dim, side in zip(value.type.tensor_type.shape.dim, tensor.shape, strict=True):
            if dim.dim_param not in ("", "batch"):
                dim.dim_value = side
    return TracedGraph(proto, traced.weights)
