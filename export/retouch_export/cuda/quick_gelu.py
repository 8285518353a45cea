"""x · sigmoid(1.702 x), the activation of CLIP's text encoder, as one operator."""

from onnx import NodeProto, helper

from retouch_export.cuda import DOMAIN
from retouch_export.graph_edit import GraphEdit, with_opset
from retouch_export.tracing import TracedGraph


def fuse_quick_gelu(traced: TracedGraph) -> TracedGraph:
    """Replace every product of a value and the sigmoid of a multiple of it."""
    edit = GraphEdit(traced)
    for sigmoid in list(edit.nodes("Sigmoid")):
        multiple, product = edit.maker(sigmoid.input[0], "Mul"), edit.readers(sigmoid.output[0], "Mul")
        if multiple is None or len(product) != 1 or not all(map(edit.read_once, (*sigmoid.input, *sigmoid.output))):
            continue
        found = _factor(edit, multiple)
        if found is None or set(product[0].input) != {found[0], sigmoid.output[0]}:
            continue
        value, alpha = found
        edit.remove([multiple, sigmoid, product[0]])
        fused = helper.make_node("QuickGelu", [value], [product[0].output[0]], domain=DOMAIN, alpha=alpha)
        edit.insert(multiple, fused)
    result = edit.done()
    with_opset(result.proto, DOMAIN, 1)
    return result


def _factor(edit: GraphEdit, multiple: NodeProto) -> tuple[str, float] | None:
    """The value and the number that a node multiplies."""
    for value, other in (multiple.input, reversed(multiple.input)):
        number = edit.constant(other)
        if number is not None and number.ndim == 0:
            return value, float(number)
    return None
