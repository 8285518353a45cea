"""Nodes that ONNX Runtime would refuse on a GPU are refused at export."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from retouch_export.cuda import DOMAIN
from retouch_export.cuda.schema import check_schema
from retouch_export.tracing import TracedGraph
from retouch_models.errors import ExportError

NORM = {"groups": 32, "activation": 1, "epsilon": 1e-5, "channels_last": 1}
CONV = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "strides": [2, 2]}
INPUTS = ["x", "gamma", "beta"]


def graph(operator: str, inputs: list[str], **attributes: object) -> TracedGraph:
    node = helper.make_node(operator, inputs, ["y"], domain=DOMAIN, **attributes)
    return TracedGraph(helper.make_model(helper.make_graph([node], "graph", [], [])), {})


def test_a_good_node_passes() -> None:
    check_schema(graph("GroupNorm", INPUTS, **NORM), "unet")
    check_schema(graph("SkipLayerNormalization", ["x", "skip", "gamma"]), "unet")


@pytest.mark.parametrize(
    ("traced", "words"),
    [
        (graph("GroupNorm", INPUTS, **{**NORM, "chanels_last": 1}), "has no attribute chanels_last"),
        (graph("GroupNorm", INPUTS, **{**NORM, "groups": 32.0}), "has another type for groups"),
        (graph("GroupNorm", INPUTS, groups=32), "needs activation"),
        (graph("GroupNorm", INPUTS[:2], **NORM), "has other inputs"),
        (graph("BiasSplitGelu", ["x", "bias", "more"]), "has other inputs"),
        (graph("BiasSplitGeluu", ["x", "bias"]), "is unknown"),
    ],
    ids=["misspelt", "type", "missing", "too few", "too many", "operator"],
)
def test_a_malformed_node_is_named(traced: TracedGraph, words: str) -> None:
    with pytest.raises(ExportError, match=rf"unet: the operator \w+ {words}"):
        check_schema(traced, "unet")
    assert isinstance(traced.proto, onnx.ModelProto)


@pytest.mark.parametrize(
    ("operator", "inputs", "attributes", "results"),
    [
        ("GroupNorm", [[2, 6, 8, 64], [64], [64]], NORM, [[2, 6, 8, 64]]),
        ("SkipGroupNorm", [[2, 6, 8, 64], [64], [64], [2, 64], [64]], NORM, [[2, 6, 8, 64]] * 2),
        ("BiasSplitGelu", [[2, 48, 2560], [2560]], {}, [[2, 48, 1280]]),
        ("BiasAdd", [[2, 48, 320], [320], [2, 48, 320]], {}, [[2, 48, 320]]),
        # Weights are (M, height, width, C): the results have M channels, at the end.
        ("NhwcConv", [[2, 6, 8, 64], [32, 3, 3, 64], [32]], CONV, [[2, 3, 4, 32]]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_onnx_runtime_infers_the_shapes_that_the_graphs_rely_on(
    operator: str, inputs: list[list[int]], attributes: dict[str, object], results: list[list[int]]
) -> None:
    """With fixed sizes it folds `Shape` of a result, and then needs no kernel for what made it."""
    names = [f"y{i}" for i in range(len(results))]
    given = [helper.make_tensor_value_info(f"x{i}", TensorProto.FLOAT16, shape) for i, shape in enumerate(inputs)]
    node = helper.make_node(operator, [value.name for value in given], names, domain=DOMAIN, **attributes)
    shapes = [helper.make_node("Shape", [name], [f"{name}.shape"]) for name in names]
    outputs = [helper.make_tensor_value_info(f"{name}.shape", TensorProto.INT64, None) for name in names]
    model = helper.make_model(
        helper.make_graph([node, *shapes], "graph", given, outputs),
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(DOMAIN, 1)],
        ir_version=8,
    )
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    found = session.run(None, {v.name: np.zeros(v.shape, np.float16) for v in session.get_inputs()})
    assert [shape.tolist() for shape in found] == results
