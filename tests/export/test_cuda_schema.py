"""Nodes that ONNX Runtime would refuse on a GPU are refused at export."""

import onnx
import pytest
from onnx import helper

from retouch_export.cuda import DOMAIN
from retouch_export.cuda.schema import check_schema
from retouch_export.tracing import TracedGraph
from retouch_models.errors import ExportError

NORM = {"groups": 32, "activation": 1, "epsilon": 1e-5, "channels_last": 1}
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
