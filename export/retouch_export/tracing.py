"""A torch module to an ONNX graph without its weights; the weights follow in the form that the bundle wants.

optimum's descriptions drive the trace. Its own `export` is not used because it writes every weight in fp32, reads
the file back and writes it again. Leaving the weights out, and showing torch zeros in
their place, costs no memory beyond the module itself.
"""

import io
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import onnx
import torch
from torch import Tensor, nn

from retouch_export.fused import fused_attention
from retouch_export.onnx_configs import CONFIGS
from retouch_export.upcast import blank_weights
from retouch_export.work import outline
from retouch_models.errors import ExportError

OPSET = 17
"""Newest that DirectML and every ONNX Runtime in use take; 20 and 23 were not faster."""


@dataclass(frozen=True, eq=False)
class Weight:
    """A tensor of the graph that comes from the module; stored transposed if the graph multiplies it so."""

    tensor: Tensor
    transposed: bool = False
    single: bool = False
    """Whether it stays in fp32, whatever the graph computes in and however others are stored."""

    def shape(self) -> list[int]:
        """Its shape as the graph wants it."""
        return list(self.tensor.shape)[:: -1 if self.transposed else 1]

    def value(self) -> Tensor:
        """The tensor as the graph wants it, fp32 or, where it is held so, fp16."""
        tensor = self.tensor.detach()
        if tensor.dtype != torch.float16:
            tensor = tensor.to(torch.float32)
        return tensor.t() if self.transposed else tensor


@dataclass(frozen=True, eq=False)
class TracedGraph:
    """A graph whose weights are named but not stored."""

    proto: onnx.ModelProto
    weights: Mapping[str, Weight]
    """By the name that the graph's nodes use."""

    def census(self) -> Counter[str]:
        """Count of nodes by operator."""
        return Counter(node.op_type for node in self.proto.graph.node)


def trace(module: nn.Module, example: Mapping[str, Tensor], opset: int = OPSET) -> TracedGraph:
    """Trace one of the modules of `modules.py` on example inputs; raises ExportError if torch cannot."""
    config = CONFIGS[type(module)](module.config)
    buffer = io.BytesIO()
    module.eval().requires_grad_(False)
    with (
        blank_weights(module),
        _shapes_alone(),
        fused_attention(module) as attentions,
        config.patch_model_for_export(module),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        inputs = list(config.ordered_inputs(module).items())
        outputs = list(config.outputs.items())[: len(outline(module, example))]
        torch.onnx.export(
            module,
            (dict(example),),
            buffer,
            dynamo=False,
            export_params=False,
            keep_initializers_as_inputs=True,  # otherwise blank weights of one shape are taken for the same
            do_constant_folding=False,
            opset_version=opset,
            input_names=[name for name, _ in inputs],
            output_names=[name for name, _ in outputs],
            dynamic_axes=dict(inputs) | dict(outputs),
        )
    traced = _separate(onnx.load_from_string(buffer.getvalue()), module, len(inputs))
    if traced.census()["MultiHeadAttention"] != attentions:
        raise ExportError("an attention of the model was not fused; report this with the model's config.json")
    return traced


@contextmanager
def _shapes_alone() -> Iterator[None]:
    """Let torch infer shapes without the values of the weights.

    It would write all of them into messages for ONNX's own inference, twice: for SDXL 5 GB and most of the time of a
    trace, for no other graph.
    """
    infer = torch._C._jit_pass_onnx_graph_shape_type_inference
    torch._C._jit_pass_onnx_graph_shape_type_inference = lambda graph, _weights, opset: infer(graph, {}, opset)
    try:
        yield
    finally:
        torch._C._jit_pass_onnx_graph_shape_type_inference = infer


def _separate(proto: onnx.ModelProto, module: nn.Module, inputs: int) -> TracedGraph:
    """Take the weights out of the graph's inputs and fold their transpositions."""
    graph = proto.graph
    named = dict(module.named_parameters()) | dict(module.named_buffers())
    weights = {value.name: Weight(named[value.name]) for value in graph.input[inputs:]}
    del graph.input[inputs:]
    folded: dict[str, str] = {}
    kept = []
    for node in graph.node:
        source = node.input[0] if node.op_type == "Transpose" else ""
        if source in weights and weights[source].tensor.ndim == 2:
            folded[node.output[0]] = f"{source}^T"
            weights[f"{source}^T"] = Weight(weights[source].tensor, transposed=True)
        else:
            kept.append(node)
    for node in kept:
        for i, name in enumerate(node.input):
            node.input[i] = folded.get(name, name)
    used = {name for node in kept for name in node.input}
    del graph.node[:]
    graph.node.extend(kept)
    _forget_the_maker(proto)
    return TracedGraph(proto, {name: weight for name, weight in weights.items() if name in used})


def _forget_the_maker(proto: onnx.ModelProto) -> None:
    """Drop notes that hold paths and versions of the machine, so that the same model gives the same bytes."""
    proto.graph.name = "graph"
    proto.doc_string = proto.producer_version = ""
    for node in proto.graph.node:
        node.doc_string = ""
