"""A traced graph to the graphs of the CUDA variant: cut, fused, checked; then exact for the proof, and in fp16."""

from collections.abc import Mapping
from dataclasses import dataclass

import onnx
from onnx import TensorProto, helper
from torch import nn

from retouch_export.cuda.bias_add import fuse_bias_add
from retouch_export.cuda.census import Census, check_census, expected
from retouch_export.cuda.channels_last import Layout, to_channels_last
from retouch_export.cuda.equal_parts import join_equal_parts
from retouch_export.cuda.expansion import expand
from retouch_export.cuda.group_norm import fuse_group_norm
from retouch_export.cuda.quick_gelu import fuse_quick_gelu
from retouch_export.cuda.schema import check_schema
from retouch_export.cuda.skip_group_norm import fuse_skip_group_norm
from retouch_export.cuda.skip_layer_norm import fuse_skip_layer_norm
from retouch_export.cuda.split_gelu import fuse_split_gelu
from retouch_export.half import to_half
from retouch_export.hoist import TIME, hoist
from retouch_export.tidy import tidy
from retouch_export.tracing import TracedGraph

FUSIONS = (
    fuse_group_norm,
    fuse_skip_group_norm,
    fuse_split_gelu,
    fuse_quick_gelu,
    fuse_skip_layer_norm,
    fuse_bias_add,
)
"""In this order: each takes what those before it left."""

UNET, UNET_TEXT, UNET_TIME = "unet", "unet_text", "unet_time"


@dataclass(frozen=True, eq=False)
class Part:
    """One graph of the variant."""

    exact: TracedGraph
    """In fp32, fused."""
    given: TracedGraph
    """The one of the bundle."""
    compute: int
    """The ONNX type that the nodes of `given` work in; its inputs and outputs say their own."""

    def exact_proof(self) -> TracedGraph:
        """The fp32 graph in operators that the CPU has."""
        return expand(self.exact, TensorProto.FLOAT)

    def given_proof(self) -> TracedGraph:
        """The one of the bundle in operators that the CPU has."""
        return expand(self.given, self.compute)


def cuda_parts(
    role: str, traced: TracedGraph, network: nn.Module, *, half: bool = True, layout: Layout = "graph"
) -> Mapping[str, Part]:
    """Return the graphs by role, in the order in which they run; ExportError if a fusion missed or is malformed.

    Without `half` all compute in fp32.
    """
    wanted = expected(network, traced)
    if role != UNET:
        graphs = {role: _fused(role, tidy(traced), wanted, layout)}
    else:
        cut = hoist(traced)
        graphs = {UNET_TEXT: cut.text, UNET_TIME: cut.time, UNET: _fused(role, cut.step, wanted, layout)}
    if not half:
        return {name: Part(graph, graph, TensorProto.FLOAT) for name, graph in graphs.items()}
    return {
        name: Part(graph, _half_at_the_end(graph), TensorProto.FLOAT)
        if name == UNET_TIME
        else Part(graph, to_half(graph), TensorProto.FLOAT16)
        for name, graph in graphs.items()
    }


def _fused(role: str, graph: TracedGraph, wanted: Census, layout: Layout) -> TracedGraph:
    for fusion in FUSIONS:
        graph = fusion(graph)
    graph = join_equal_parts(to_channels_last(graph, layout))
    if layout == "graph":
        check_census(graph, wanted, role)
    check_schema(graph, role)
    return graph


def _half_at_the_end(time: TracedGraph) -> TracedGraph:
    """Compute the time embedding in fp32 and round the result: it is little work, and large angles need the digits."""
    proto = onnx.ModelProto()
    proto.CopyFrom(time.proto)
    last = proto.graph.node[-1]
    exact = f"{TIME}.exact"
    last.output[0] = exact
    proto.graph.node.append(helper.make_node("Cast", [exact], [TIME], to=TensorProto.FLOAT16))
    proto.graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT16
    return TracedGraph(proto, time.weights)
