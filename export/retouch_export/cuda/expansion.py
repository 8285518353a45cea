"""What the CUDA operators compute, written in operators that the CPU has, from ONNX Runtime's documentation of each.

Nothing here knows how the fused graphs came about: a fusion that means something else than its operator does fails the
proof. As in the kernels, sums of activations are rounded to the type of the graph, and what follows is done in fp32.
"""

import math
from collections.abc import Callable

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

from retouch_export.cuda import DOMAIN
from retouch_export.graph_edit import GraphEdit, attribute
from retouch_export.tracing import TracedGraph

TO_FIRST, TO_LAST = [0, 3, 1, 2], [0, 2, 3, 1]
_END = 2**31 - 1


def expand(traced: TracedGraph, kind: int) -> TracedGraph:
    """Return the graph with every operator of `EXPANSIONS` written out; `kind` is the ONNX type it computes in."""
    edit = GraphEdit(traced)
    for node in list(edit.nodes(*EXPANSIONS)):
        if node.domain == DOMAIN:
            write = _Writer(edit, node, kind)
            edit.remove([node])
            EXPANSIONS[node.op_type](write, node)
            write.enter()
    return edit.done()


class _Writer:
    """Writes nodes in place of one, with names of their own."""

    def __init__(self, edit: GraphEdit, node: NodeProto, kind: int) -> None:
        self._edit, self._node, self.kind = edit, node, kind
        self._nodes: list[NodeProto] = []

    def __call__(self, operator: str, *inputs: str, result: str = "", **attributes: object) -> str:
        """Add a node; returns the name of its output."""
        name = result if result else f"{self._node.output[0]}.x{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def constant(self, values: object, dtype: type = np.float32) -> str:
        """Add a constant."""
        return self("Constant", value=numpy_helper.from_array(np.array(values, dtype)))

    def single(self, value: str) -> str:
        """Take a value to fp32."""
        return self("Cast", value, to=TensorProto.FLOAT)

    def places(self, value: str, start: int, end: int, axis: int) -> str:
        """Take a part of a value along an axis."""
        return self("Slice", value, *(self.constant([place], np.int64) for place in (start, end, axis)))

    def enter(self) -> None:
        """Put the nodes into the graph."""
        self._edit.insert(self._node, *self._nodes)


def _group_norm(write: _Writer, node: NodeProto) -> None:
    _normalised(write, node, node.input[0])


def _skip_group_norm(write: _Writer, node: NodeProto) -> None:
    """s = x + skip + bias; a skip of (N, C) or (N, 1, 1, C) is repeated over the plane."""
    x, _, _, skip, *bias = node.input
    if bias:
        x = write("Add", x, bias[0])
    total = write("Add", x, _in_planes(write, skip), result=node.output[1] if len(node.output) > 1 else "")
    _normalised(write, node, total)


def _in_planes(write: _Writer, value: str) -> str:
    """A value of four axes as it is; one of (N, C) as (N, 1, 1, C)."""
    shape = write("Shape", value)
    between = write("Concat", write.places(shape, 1, -1, 0), write.constant([1, 1], np.int64), axis=0)
    ends = [write.places(shape, 0, 1, 0), write.places(shape, -1, _END, 0)]
    return write("Reshape", value, write("Concat", ends[0], write.places(between, 0, 2, 0), ends[1], axis=0))


def _normalised(write: _Writer, node: NodeProto, value: str) -> None:
    """gamma · (x - mean) / sqrt(variance + epsilon) + beta over groups of channels, then SiLU if asked for."""
    if not attribute(node, "channels_last", 1):
        raise NotImplementedError("the kernel takes channels last alone")
    groups = attribute(node, "groups")
    x = write("Reshape", write.single(value), _group_shape(write, value, groups))
    from_mean = write("Sub", x, write("ReduceMean", x, axes=[1, 2, 4], keepdims=1))
    variance = write("ReduceMean", write("Mul", from_mean, from_mean), axes=[1, 2, 4], keepdims=1)
    deviation = write("Sqrt", write("Add", variance, write.constant(attribute(node, "epsilon", 1e-5))))
    y = write("Reshape", write("Div", from_mean, deviation), write("Shape", value))
    y = write("Add", write("Mul", y, node.input[1]), node.input[2])
    if attribute(node, "activation"):
        y = write("Mul", y, write("Sigmoid", y))
    write("Cast", y, to=write.kind, result=node.output[0])


def _group_shape(write: _Writer, value: str, groups: object) -> str:
    """(N, H, W, C) to (N, H, W, groups, C / groups)."""
    front = write.places(write("Shape", value), 0, 3, 0)
    return write("Concat", front, write.constant([groups, -1], np.int64), axis=0)


def _split_gelu(write: _Writer, node: NodeProto) -> None:
    """Left half · gelu(right half) of x + bias; gelu(x) = x / 2 · (1 + erf(x / sqrt 2))."""
    x = write("Add", *node.input)
    half = write("Div", write.places(write("Shape", x), -1, _END, 0), write.constant([2], np.int64))
    axis, zero, end = (write.constant([number], np.int64) for number in (-1, 0, _END))
    left, right = (write.single(write("Slice", x, *ends, axis)) for ends in ((zero, half), (half, end)))
    erf = write("Erf", write("Div", right, write.constant(math.sqrt(2))))
    gelu = write("Mul", write("Mul", right, write.constant(0.5)), write("Add", erf, write.constant(1.0)))
    write("Cast", write("Mul", left, gelu), to=write.kind, result=node.output[0])


def _bias_add(write: _Writer, node: NodeProto) -> None:
    """x + bias + skip."""
    x, bias, skip = node.input
    write("Add", write("Add", x, bias), skip, result=node.output[0])


def _nhwc_conv(write: _Writer, node: NodeProto) -> None:
    """A convolution of (N, H, W, C) by weights (M, height, width, C); pads and strides are those of Conv."""
    x, weight = (write("Transpose", value, perm=TO_FIRST) for value in node.input[:2])
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    y = write("Conv", x, weight, *node.input[2:], **attributes)
    write("Transpose", y, perm=TO_LAST, result=node.output[0])


EXPANSIONS: dict[str, Callable[[_Writer, NodeProto], None]] = {
    "GroupNorm": _group_norm,
    "SkipGroupNorm": _skip_group_norm,
    "BiasSplitGelu": _split_gelu,
    "BiasAdd": _bias_add,
    "NhwcConv": _nhwc_conv,
}
"""By operator."""
