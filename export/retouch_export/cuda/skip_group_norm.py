"""The sum in front of a GroupNorm taken into it: of a residual, or of the time embedding.

The bias of the convolution before the sum goes along, which saves a pass over its result.
"""

from dataclasses import dataclass

from onnx import NodeProto

from retouch_export.graph_edit import GraphEdit
from retouch_export.tracing import TracedGraph


def fuse_skip_group_norm(traced: TracedGraph) -> TracedGraph:
    """Replace GroupNorm of a sum; the sum is an output of the new node where others read it."""
    edit = GraphEdit(traced)
    for norm in list(edit.nodes("GroupNorm")):
        total = edit.maker(norm.input[0], "Add")
        found = None if total is None else _terms(edit, total)
        if total is not None and found is not None:
            _replace(edit, norm, total, found)
    return edit.done()


@dataclass(frozen=True, eq=False)
class _Terms:
    planes: str
    """Value of the shape of the sum."""
    skip: str
    """Another one, or (B, C) to be repeated over the plane."""
    convolution: NodeProto | None
    """The one that makes `planes`, if its bias can be taken from it."""


def _terms(edit: GraphEdit, total: NodeProto) -> _Terms | None:
    first, second = total.input
    if first == second or any(edit.maker(value) is None or edit.constant(value) is not None for value in total.input):
        return None
    for planes, other in ((first, second), (second, first)):
        rows = _rows(edit, other)
        if rows is not None:
            return _Terms(planes, rows, _biased(edit, planes))
    if any(edit.maker(value, "Unsqueeze") is not None for value in total.input):
        return None
    # The later one of the two is the result of a block: its convolution's bias is free to be taken.
    planes, other = (first, second) if _biased(edit, second) is None else (second, first)
    return _Terms(planes, other, _biased(edit, planes))


def _rows(edit: GraphEdit, value: str) -> str | None:
    """What (B, C) became `value` (B, C, 1, 1), if it did."""
    axes: list[int] = []
    while (node := edit.maker(value, "Unsqueeze")) is not None:
        added = edit.constant(node.input[1])
        if added is None:
            return None
        axes, value = [*added.tolist(), *axes], node.input[0]
    return value if axes == [2, 3] else None


def _biased(edit: GraphEdit, value: str) -> NodeProto | None:
    node = edit.maker(value, "Conv")
    return node if node is not None and len(node.input) == 3 and edit.read_once(value) else None


def _replace(edit: GraphEdit, norm: NodeProto, total: NodeProto, terms: _Terms) -> None:
    bias = ""
    if terms.convolution is not None:
        bias = terms.convolution.input[2]
        bare = NodeProto()
        bare.CopyFrom(terms.convolution)
        del bare.input[2]
        edit.remove([terms.convolution])
        edit.insert(terms.convolution, bare)
    fused = NodeProto()
    fused.CopyFrom(norm)
    fused.op_type = "SkipGroupNorm"
    inputs = [terms.planes, *norm.input[1:3], terms.skip, *([bias] if bias else [])]
    others = [node for node in edit.readers(total.output[0]) if node is not norm]
    outputs = [norm.output[0]]
    if others or total.output[0] in edit.outputs:
        outputs.append(total.output[0])
    del fused.input[:], fused.output[:]
    fused.input.extend(inputs)
    fused.output.extend(outputs)
    edit.remove([norm, total])
    edit.insert(total, fused)
