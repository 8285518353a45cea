"""Whether nodes are as ONNX Runtime wants them, without a GPU: a misspelt attribute would be found there alone."""

from collections.abc import Mapping
from typing import Any

from onnx import NodeProto

from retouch_export.cuda import DOMAIN
from retouch_export.tracing import TracedGraph
from retouch_models.errors import ExportError


def check_schema(traced: TracedGraph, role: str) -> None:
    """Raise ExportError unless every node of ONNX Runtime's own operators has its inputs, outputs and attributes."""
    known = _schemas()
    for node in traced.proto.graph.node:
        if node.domain == DOMAIN:
            wrong = _fault(node, known.get(node.op_type))
            if wrong:
                raise ExportError(f"{role}: the operator {node.op_type} {wrong}; use another version of onnxruntime")


def _schemas() -> Mapping[str, Any]:
    from onnxruntime.capi.onnxruntime_pybind11_state import get_all_operator_schema

    return {schema.name: schema for schema in get_all_operator_schema() if schema.domain == DOMAIN}


def _fault(node: NodeProto, schema: Any) -> str | None:
    if schema is None:
        return "is unknown"
    attributes = {a.name: a.type for a in node.attribute}
    for name, kind in attributes.items():
        if name not in schema.attributes:
            return f"has no attribute {name}"
        if schema.attributes[name].type.value != kind:
            return f"has another type for {name}"
    for name, attribute in schema.attributes.items():
        if attribute.required and name not in attributes:
            return f"needs {name}"
    for what, given, formal in (("inputs", node.input, schema.inputs), ("outputs", node.output, schema.outputs)):
        optional = [entry.option.name != "Single" for entry in formal]
        if len(given) > len(formal) or any(
            not o and not n for o, n in zip(optional, _padded(given, formal), strict=True)
        ):
            return f"has other {what}"
    return None


def _padded(given: Any, formal: Any) -> list[str]:
    return [*given, *[""] * (len(formal) - len(given))]
