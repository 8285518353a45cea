"""Turns a traced graph into one that computes in half precision, for providers that are fast at it.

What depends on timesteps and picture sizes alone stays in single precision up to the first matrix: at timestep 999
half precision would misplace the angles of the sines by half a radian.
"""

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from retouch_export.tracing import TracedGraph, Weight

SINGLE_INPUTS = frozenset({"timestep", "time_ids"})
"""Inputs that stay fp32."""

_MATRIX = frozenset({"Gemm", "MatMul", "Conv", "NhwcConv"})
_BOOLEAN = frozenset({"And", "Equal", "Greater", "GreaterOrEqual", "IsNaN", "Less", "LessOrEqual", "Not", "Or"})
_INTEGER = frozenset({"ArgMax", "NonZero", "Shape", "Size"})
_ALWAYS_SINGLE = frozenset(
    {("Resize", 1), ("Resize", 2), ("GroupNorm", 1), ("GroupNorm", 2), ("SkipGroupNorm", 1), ("SkipGroupNorm", 2)}
)
"""(operator, input) that must be fp32: region and scales by the standard, the scale and shift of a fused norm by its
kernel."""

_FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16)


def to_half(traced: TracedGraph) -> TracedGraph:
    """Return the same graph with fp16 inputs, outputs and arithmetic; its weights must be stored as fp16."""
    proto = onnx.ModelProto()
    proto.CopyFrom(traced.proto)
    del proto.graph.value_info[:]
    for value in (*proto.graph.input, *proto.graph.output):
        if value.type.tensor_type.elem_type == TensorProto.FLOAT and value.name not in SINGLE_INPUTS:
            value.type.tensor_type.elem_type = TensorProto.FLOAT16
    types = {value.name: value.type.tensor_type.elem_type for value in proto.graph.input}
    for name, weight in traced.weights.items():
        types[name] = _stored_type(weight)
    nodes = _Conversion(types).convert(list(proto.graph.node))
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)
    return TracedGraph(proto, traced.weights)


def _stored_type(weight: Weight) -> int:
    if not weight.tensor.is_floating_point():
        return int(TensorProto.INT64)
    return int(TensorProto.FLOAT if weight.single else TensorProto.FLOAT16)


class _Conversion:
    """One walk over the nodes in their order, keeping the new type of every value."""

    def __init__(self, types: dict[str, int]) -> None:
        self._types = types
        self._constants: dict[str, TensorProto] = {}
        self._made: dict[tuple[str, int], str] = {}
        self._nodes: list[NodeProto] = []

    def convert(self, nodes: list[NodeProto]) -> list[NodeProto]:
        for node in nodes:
            if node.op_type == "Constant" and node.attribute[0].name == "value":
                self._constants[node.output[0]] = node.attribute[0].t
            else:
                self._convert(node)
        return self._nodes

    def _convert(self, node: NodeProto) -> None:
        kinds = [self._types[name] for name in node.input if name in self._types]
        single = TensorProto.FLOAT in kinds and TensorProto.FLOAT16 not in kinds and node.op_type not in _MATRIX
        wanted = TensorProto.FLOAT if single else TensorProto.FLOAT16
        for i, name in enumerate(node.input):
            node.input[i] = self._as(name, TensorProto.FLOAT if (node.op_type, i) in _ALWAYS_SINGLE else wanted)
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.i == TensorProto.FLOAT:
                attribute.i = wanted
            if attribute.type == onnx.AttributeProto.TENSOR:
                attribute.t.CopyFrom(_in(attribute.t, wanted))
        for name in filter(None, node.output):
            self._types[name] = self._result(node)
        self._nodes.append(node)

    def _as(self, name: str, wanted: int) -> str:
        """Name of the same value in the wanted type; only floats are ever converted."""
        if name in self._constants:
            if (name, wanted) not in self._made:
                tensor = _in(self._constants[name], wanted)
                alias = f"{name}.{wanted}" if tensor.data_type in _FLOATS else name
                self._nodes.append(helper.make_node("Constant", [], [alias], value=tensor))
                self._made[name, wanted] = alias
                if tensor.data_type not in _FLOATS:
                    self._types[name] = tensor.data_type
                    del self._constants[name]
                self._types[alias] = tensor.data_type
            return self._made[name, wanted]
        kind = self._types.get(name)
        if kind not in _FLOATS or kind == wanted:
            return name
        if (name, wanted) not in self._made:
            alias = f"{name}.{wanted}"
            self._nodes.append(helper.make_node("Cast", [name], [alias], to=wanted))
            self._made[name, wanted] = alias
            self._types[alias] = wanted
        return self._made[name, wanted]

    def _result(self, node: NodeProto) -> int:
        """Type of a node's output."""
        if node.op_type in _BOOLEAN:
            return TensorProto.BOOL
        if node.op_type in _INTEGER:
            return TensorProto.INT64
        if node.op_type == "Cast":
            return next(a.i for a in node.attribute if a.name == "to")
        if node.op_type == "ConstantOfShape":
            return next((a.t.data_type for a in node.attribute), TensorProto.FLOAT)
        return self._types[node.input[1 if node.op_type == "Where" else 0]]


def _in(tensor: TensorProto, wanted: int) -> TensorProto:
    """Return a float tensor in the wanted type, what is beyond half precision (masks of attention) at its limit."""
    if tensor.data_type not in _FLOATS or tensor.data_type == wanted:
        return tensor
    value = numpy_helper.to_array(tensor)
    if wanted == TensorProto.FLOAT16:
        limit = np.finfo(np.float16).max
        value = np.clip(value, -limit, limit)
    return numpy_helper.from_array(value.astype(helper.tensor_dtype_to_np_dtype(wanted)), tensor.name)
