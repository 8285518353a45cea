"""Activations with channels last, from the first convolution to the last.

cuDNN's tensor cores and the fused norms want (N, H, W, C). One walk over the graph keeps for each value of four axes
which of the two layouts exist, and makes the other one only where somebody asks for it.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
from onnx import NodeProto, helper, numpy_helper

from retouch_export.cuda import DOMAIN
from retouch_export.cuda.expansion import TO_FIRST, TO_LAST
from retouch_export.graph_edit import GraphEdit, attribute, with_opset
from retouch_export.tracing import TracedGraph

Layout = Literal["graph", "provider"]
"""`graph`: everything has channels last and convolutions are NhwcConv. `provider`: only the fused norms have, and
ONNX Runtime moves convolutions (`prefer_nhwc`) and cancels transpositions. Never both in one graph."""

_ELEMENTWISE = ("Add", "Sub", "Mul", "Div", "Sigmoid", "Tanh", "Relu")


def to_channels_last(traced: TracedGraph, layout: Layout) -> TracedGraph:
    """Return a graph that computes the same in the other layout; inputs and outputs stay as they are."""
    edit = GraphEdit(traced)
    walk = _Walk(edit, layout)
    for node in list(edit.nodes(*{node.op_type for node in traced.proto.graph.node})):
        walk.take(node)
    result = edit.done()
    with_opset(result.proto, DOMAIN, 1)
    return result


class _Walk:
    """One pass over the nodes in their order; each is changed by a rule, or gets its inputs as it is used to."""

    def __init__(self, edit: GraphEdit, layout: Layout) -> None:
        self._edit = edit
        self._last: dict[str, str] = {}
        """Values of four axes that exist with channels last, and under which name."""
        self._only_last: set[str] = set()
        """Of those, the ones that exist in no other layout."""
        self._rules: dict[str, Callable[[NodeProto], bool]] = dict.fromkeys(("GroupNorm", "SkipGroupNorm"), self._norm)
        if layout == "graph":
            self._rules |= {"Conv": self._convolution, "Concat": self._concat, "Resize": self._resize}
            self._rules |= {"Pad": self._pad, "Transpose": self._transpose, "Shape": self._shape}
            self._rules |= dict.fromkeys(_ELEMENTWISE, self._elementwise)

    def take(self, node: NodeProto) -> None:
        """Change one node."""
        if node.op_type in self._rules and self._rules[node.op_type](node):
            return
        for value in dict.fromkeys(node.input):
            if value in self._only_last:
                self._only_last.remove(value)
                self._edit.insert(node, helper.make_node("Transpose", [self._last[value]], [value], perm=TO_FIRST))

    def _as_last(self, anchor: NodeProto, value: str) -> str:
        """Name of a value of four axes with channels last."""
        if value not in self._last:
            self._last[value] = f"{value}.last"
            self._edit.insert(anchor, helper.make_node("Transpose", [value], [self._last[value]], perm=TO_LAST))
        return self._last[value]

    def _replace(self, old: NodeProto, new: NodeProto, inputs: list[str]) -> bool:
        """Put `new`, whose results have channels last, in place of `old`."""
        new.input[:] = inputs
        new.output[:] = [f"{value}.last" for value in old.output]
        self._edit.remove([old])
        self._edit.insert(old, new)
        for value in old.output:
            self._last[value] = f"{value}.last"
            self._only_last.add(value)
            if value in self._edit.outputs:
                self._only_last.remove(value)
                self._edit.insert(old, helper.make_node("Transpose", [f"{value}.last"], [value], perm=TO_FIRST))
        return True

    def _norm(self, node: NodeProto) -> bool:
        inputs = [self._as_last(node, node.input[0]), *node.input[1:]]
        if node.op_type == "SkipGroupNorm" and not self._is_rows(node.input[3]):
            inputs[3] = self._as_last(node, node.input[3])
        new = _copy(node)
        next(a for a in new.attribute if a.name == "channels_last").i = 1
        return self._replace(node, new, inputs)

    def _is_rows(self, value: str) -> bool:
        """Whether the skip of a norm is (N, C): a part of the time embedding, or what a matrix of rows made."""
        return any(self._edit.maker(value, operator) is not None for operator in ("Slice", "Gemm"))

    def _convolution(self, node: NodeProto) -> bool:
        weight = node.input[1]
        if weight not in self._edit.weights or len(self._edit.weights[weight].shape()) != 4:
            return False
        new = _copy(node)
        new.op_type, new.domain = "NhwcConv", DOMAIN
        if attribute(node, "kernel_shape") is None:  # else it would be read from a weight that is turned
            new.attribute.append(helper.make_attribute("kernel_shape", self._edit.weights[weight].shape()[2:]))
        # ONNX Runtime turns the weight when the session opens, so that the file holds it once for all variants.
        return self._replace(
            node, new, [self._as_last(node, node.input[0]), self._turned(node, weight), *node.input[2:]]
        )

    def _turned(self, anchor: NodeProto, weight: str) -> str:
        name = f"{weight}.last"
        if self._edit.maker(name) is None:
            self._edit.insert(anchor, helper.make_node("Transpose", [weight], [name], perm=TO_LAST))
        return name

    def _elementwise(self, node: NodeProto) -> bool:
        numbers = [(number := self._edit.constant(value)) is not None and number.ndim == 0 for value in node.input]
        planes = [value in self._last for value in node.input]
        if not any(planes) or not all(a or b for a, b in zip(numbers, planes, strict=True)):
            return False
        inputs = [self._last.get(value, value) for value in node.input]
        return self._replace(node, _copy(node), inputs)

    def _concat(self, node: NodeProto) -> bool:
        if attribute(node, "axis") != 1 or not any(value in self._last for value in node.input):
            return False
        new = helper.make_node("Concat", [], [], axis=3)
        return self._replace(node, new, [self._as_last(node, value) for value in node.input])

    def _resize(self, node: NodeProto) -> bool:
        scales = self._edit.constant(node.input[2]) if len(node.input) == 3 else None
        if scales is None or node.input[0] not in self._last:
            return False
        return self._with_numbers(node, 2, scales[TO_LAST])

    def _pad(self, node: NodeProto) -> bool:
        pads = self._edit.constant(node.input[1])
        if pads is None or node.input[0] not in self._last:
            return False
        return self._with_numbers(node, 1, pads.reshape(2, 4)[:, TO_LAST].reshape(-1))

    def _with_numbers(
        self, node: NodeProto, place: int, numbers: np.ndarray[tuple[int, ...], np.dtype[np.generic]]
    ) -> bool:
        """Replace a node one of whose inputs has a number for each axis."""
        name = f"{node.output[0]}.numbers"
        constant = helper.make_node("Constant", [], [name], value=numpy_helper.from_array(numbers))
        self._edit.insert(node, constant)
        inputs = [self._last[node.input[0]], *node.input[1:]]
        inputs[place] = name
        return self._replace(node, _copy(node), inputs)

    def _transpose(self, node: NodeProto) -> bool:
        """A transposition between the layouts is another name for the same value."""
        source, result = node.input[0], node.output[0]
        if attribute(node, "perm") == TO_LAST and source in self._last:
            self._edit.remove([node])
            self._edit.redirect(result, self._last[source])
            return result not in self._edit.outputs
        if attribute(node, "perm") == TO_FIRST and result not in self._edit.outputs:
            self._edit.remove([node])
            self._last[result] = source
            self._only_last.add(result)
            return True
        return False

    def _shape(self, node: NodeProto) -> bool:
        if node.input[0] not in self._only_last or node.attribute:
            return False
        turned, order = f"{node.output[0]}.last", f"{node.output[0]}.order"
        self._edit.remove([node])
        self._edit.insert_constant(node, order, np.array(TO_FIRST))
        self._edit.insert(
            node,
            helper.make_node("Shape", [self._last[node.input[0]]], [turned]),
            helper.make_node("Gather", [turned, order], [node.output[0]], axis=0),
        )
        return True


def _copy(node: NodeProto) -> NodeProto:
    new = NodeProto()
    new.CopyFrom(node)
    return new
