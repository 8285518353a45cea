"""Takes out of a traced graph what computes nothing: other names for a value, sums of constants, divisions by one."""

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto
from onnx.reference import ReferenceEvaluator

from retouch_export.graph_edit import GraphEdit
from retouch_export.tracing import TracedGraph

_LARGE = 64
"""Constants with more elements are left to be made by their nodes."""


def tidy(traced: TracedGraph) -> TracedGraph:
    """Return a graph that computes the same with fewer nodes, so that patterns are found whole."""
    edit = GraphEdit(traced)
    for node in list(edit.nodes(*{n.op_type for n in traced.proto.graph.node} - {"Constant"})):
        if node.output[0] in edit.outputs:
            continue
        if _changes_nothing(edit, node):
            edit.redirect(node.output[0], node.input[0])
            edit.remove([node])
        elif (value := _known(edit, node)) is not None:
            edit.remove([node])
            edit.insert_constant(node, node.output[0], value)
    return edit.done()


def _changes_nothing(edit: GraphEdit, node: NodeProto) -> bool:
    if node.op_type == "Div" or node.op_type == "Mul":
        by = edit.constant(node.input[1])
        return by is not None and by.ndim == 0 and bool(by == 1) and np.issubdtype(by.dtype, np.floating)
    return node.op_type == "Identity"


def _known(edit: GraphEdit, node: NodeProto) -> NDArray[np.generic] | None:
    """Result of a node that reads nothing but constants."""
    names = [name for name in node.input if name]
    constants = [edit.constant(name) for name in names]
    if not constants or node.domain or len(node.output) > 1:
        return None
    known = {name: array for name, array in zip(names, constants, strict=True) if array is not None}
    if len(known) < len(set(names)) or sum(array.size for array in known.values()) > _LARGE:
        return None
    found = np.asarray(ReferenceEvaluator(node).run(None, known)[0])
    return found if found.size <= _LARGE else None
