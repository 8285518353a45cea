"""Joins unequal numbers of channels (skip connections) out of equal parts, so that the graph can be recorded.

For unequal parts CUDA's `Concat` copies a table of their sizes from the host at every run. A recording keeps the
address of that table, and a run of another size in between puts something else there (onnxruntime pull requests 32119
and 32121). For equal parts there is no table; neither has a `Split` into equal parts, which is one pass over the wider
of the two.
"""

import math

from onnx import helper

from retouch_export.graph_edit import GraphEdit, attribute
from retouch_export.tracing import TracedGraph

MOST_PARTS = 32
"""Up to so many parts there is no table."""

_WEIGHTED = ("Conv", "NhwcConv", "GroupNorm", "SkipGroupNorm")
_SAME_CHANNELS = ("Add", "Sub", "Mul", "Div", "Sigmoid", "Resize", "Transpose")


def join_equal_parts(traced: TracedGraph) -> TracedGraph:
    """Replace joins along the channels, the second axis or the last of four, where both widths are known."""
    edit = GraphEdit(traced)
    known: dict[str, int | None] = {}
    for node in list(edit.nodes("Concat")):
        axis, widths = attribute(node, "axis"), [_channels(edit, value, known) for value in node.input]
        sizes = [width for width in widths if width is not None]
        if axis not in (1, 3) or len(sizes) < len(widths) or len(set(sizes)) < 2:
            continue
        part = math.gcd(*sizes)
        if sum(sizes) // part > MOST_PARTS:
            continue
        parts: list[str] = []
        for value, size in zip(node.input, sizes, strict=True):
            names = [f"{node.output[0]}.{len(parts) + i}" for i in range(size // part)]
            if len(names) == 1:
                names = [value]
            else:
                edit.insert(node, helper.make_node("Split", [value], names, axis=axis))
            parts += names
        edit.remove([node])
        edit.insert(node, helper.make_node("Concat", parts, list(node.output), axis=axis))
    return edit.done()


def _channels(edit: GraphEdit, value: str, known: dict[str, int | None]) -> int | None:
    """Channels of planes, as far as the weights that made them tell."""
    if value not in known:
        known[value] = None
        node = edit.maker(value)
        if node is not None and node.op_type in _WEIGHTED:
            known[value] = _weight(edit, node.input[1])
        elif node is not None and node.op_type in _SAME_CHANNELS:
            found = (_channels(edit, name, known) for name in node.input)
            known[value] = next((width for width in found if width is not None), None)
        elif node is not None and node.op_type == "Concat" and attribute(node, "axis") in (1, 3):
            widths = [_channels(edit, name, known) for name in node.input]
            known[value] = None if None in widths else sum(width for width in widths if width is not None)
    return known[value]


def _weight(edit: GraphEdit, value: str) -> int | None:
    """First axis of a weight, which is that of the channels put out, also when it is turned."""
    turned = edit.maker(value, "Transpose")
    name = value if turned is None else turned.input[0]
    return edit.weights[name].shape()[0] if name in edit.weights else None
