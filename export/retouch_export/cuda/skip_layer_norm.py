"""The sum of a residual, and the bias of the projection in it, taken into the LayerNorm that follows."""

from onnx import NodeProto, helper

from retouch_export.cuda import DOMAIN
from retouch_export.graph_edit import GraphEdit, attribute, with_opset
from retouch_export.tracing import TracedGraph


def fuse_skip_layer_norm(traced: TracedGraph) -> TracedGraph:
    """Replace LayerNormalization of a sum of two values, and of the bias of a projection among them."""
    edit = GraphEdit(traced)
    for norm in list(edit.nodes("LayerNormalization")):
        total = edit.maker(norm.input[0], "Add")
        if total is None or attribute(norm, "axis", -1) != -1 or set(total.input) & set(edit.weights):
            continue
        nodes, terms = terms_of_sum(edit, total)
        others = [node for node in edit.readers(total.output[0]) if node is not norm]
        outputs = [norm.output[0]]
        if others or total.output[0] in edit.outputs:
            outputs += ["", "", total.output[0]]
        fused = helper.make_node(
            "SkipLayerNormalization",
            [*terms[:2], *norm.input[1:3], *terms[2:]],
            outputs,
            domain=DOMAIN,
            epsilon=attribute(norm, "epsilon", 1e-5),
        )
        edit.remove([norm, *nodes])
        edit.insert(total, fused)
    result = edit.done()
    with_opset(result.proto, DOMAIN, 1)
    return result


def terms_of_sum(edit: GraphEdit, total: NodeProto) -> tuple[list[NodeProto], list[str]]:
    """The nodes of a sum and its terms: product of a matrix, residual, and the bias of the product if it has one."""
    first, second = total.input
    for one, other in ((first, second), (second, first)):
        inner = edit.maker(one, "Add")
        if inner is None or not edit.read_once(one):
            continue
        bias = [value for value in inner.input if value in edit.weights]
        product = [value for value in inner.input if edit.maker(value, "MatMul") is not None]
        if len(bias) == len(product) == 1:
            return [total, inner], [product[0], other, bias[0]]
    return [total], [first, second]
