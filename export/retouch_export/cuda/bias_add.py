"""Projection + bias + residual in one pass, where no LayerNorm follows that takes them in."""

from onnx import helper

from retouch_export.cuda import DOMAIN
from retouch_export.cuda.skip_layer_norm import terms_of_sum
from retouch_export.graph_edit import GraphEdit, with_opset
from retouch_export.tracing import TracedGraph

WIDTHS = (320, 640, 1280)
"""Widths that there is a CUDA kernel for: those of Stable Diffusion."""


def fuse_bias_add(traced: TracedGraph) -> TracedGraph:
    """Replace what is left of projection + bias + residual."""
    edit = GraphEdit(traced)
    for total in list(edit.nodes("Add")):
        if len(set(total.input)) < 2 or set(total.input) & set(edit.weights):
            continue
        nodes, terms = terms_of_sum(edit, total)
        if len(terms) == 3 and edit.weights[terms[2]].shape() in [[width] for width in WIDTHS]:
            edit.remove(nodes)
            fused = helper.make_node("BiasAdd", [terms[0], terms[2], terms[1]], [total.output[0]], domain=DOMAIN)
            edit.insert(total, fused)
    result = edit.done()
    with_opset(result.proto, DOMAIN, 1)
    return result
