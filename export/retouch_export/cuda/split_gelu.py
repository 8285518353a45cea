"""GEGLU, half of a projection times the GELU of the other half, with the projection's bias as one operator."""

from onnx import NodeProto, helper

from retouch_export.cuda import DOMAIN
from retouch_export.graph_edit import GraphEdit, with_opset
from retouch_export.tracing import TracedGraph

WIDTHS = (2560, 5120, 10240)
"""Widths before the split that there is a CUDA kernel for: those of Stable Diffusion."""

_ERF_TO_END = ("Add", "Mul", "Mul", "Mul")


def fuse_split_gelu(traced: TracedGraph) -> TracedGraph:
    """Replace every GEGLU of a width that the kernel takes."""
    edit = GraphEdit(traced)
    for erf in list(edit.nodes("Erf")):
        nodes = _match(edit, erf)
        if nodes is None:
            continue
        biased, last = nodes[0], nodes[-1]
        bias, product = sorted(biased.input, key=lambda value: value not in edit.weights)
        edit.remove(nodes)
        edit.insert(biased, helper.make_node("BiasSplitGelu", [product, bias], [last.output[0]], domain=DOMAIN))
    result = edit.done()
    with_opset(result.proto, DOMAIN, 1)
    return result


def _match(edit: GraphEdit, erf: NodeProto) -> list[NodeProto] | None:
    """From the addition of the bias to the product of the halves."""
    scaled = edit.maker(erf.input[0], "Div")
    right = None if scaled is None else edit.maker(scaled.input[0], "Slice")
    chain = [erf]
    for operator in _ERF_TO_END:
        after = edit.readers(chain[-1].output[0], operator)
        if len(after) != 1 or not edit.read_once(chain[-1].output[0]):
            return None
        chain += after
    left = next((node for value in chain[-1].input if (node := edit.maker(value, "Slice")) is not None), None)
    if scaled is None or right is None or left is None or not _halves(edit, left, right):
        return None
    biased = edit.maker(right.input[0], "Add")
    bias = [] if biased is None else [value for value in biased.input if value in edit.weights]
    if biased is None or len(bias) != 1 or edit.weights[bias[0]].shape() not in [[width] for width in WIDTHS]:
        return None
    # Shapes that only the bounds of the slices needed are read by nobody afterwards and go.
    if {id(node) for node in edit.readers(biased.output[0]) if node.op_type != "Shape"} != {id(left), id(right)}:
        return None
    shapes = edit.readers(biased.output[0], "Shape")
    return [biased, *shapes, left, right, scaled, *chain]


def _halves(edit: GraphEdit, left: NodeProto, right: NodeProto) -> bool:
    """Whether two slices of one value are its front up to a place and what follows from there, along the last axis."""
    start = edit.constant(left.input[1])
    axes = [edit.constant(node.input[3]) for node in (left, right)]
    return (
        left.input[0] == right.input[0]
        and left.input[2] == right.input[1]
        and start is not None
        and start.tolist() == [0]
        and all(axis is not None and axis.tolist() == [-1] for axis in axes)
    )
