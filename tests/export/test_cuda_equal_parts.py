"""Joining channels out of equal parts: the same values, and no table of sizes that a recording would keep."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch
from onnx import NodeProto, TensorProto, helper

from export_support.wide_unet import unet_inputs
from retouch_export.cuda.equal_parts import join_equal_parts
from retouch_export.cuda.variant import cuda_parts
from retouch_export.graph_file import write_graph
from retouch_export.modules import UNet
from retouch_export.precision import codec_chooser
from retouch_export.tracing import TracedGraph, Weight, trace


def joined(*widths: int) -> TracedGraph:
    """Convolutions of `x` (1, 3, 4, 4) to so many channels each, joined."""
    weights = {f"w{i}": Weight(torch.randn(width, 3, 1, 1)) for i, width in enumerate(widths)}
    nodes = [helper.make_node("Conv", ["x", name], [f"y{i}"]) for i, name in enumerate(weights)]
    nodes.append(helper.make_node("Concat", [f"y{i}" for i in range(len(widths))], ["z"], axis=1))
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 4, 4])
    z = helper.make_tensor_value_info("z", TensorProto.FLOAT, [1, sum(widths), 4, 4])
    proto = helper.make_model(
        helper.make_graph(nodes, "graph", [x], [z]), opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    return TracedGraph(proto, weights)


def result(graph: TracedGraph, path: Path) -> np.ndarray:
    write_graph(graph, path, codec_chooser("fp32"))
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": np.ones((1, 3, 4, 4), np.float32)})[0])


@pytest.mark.parametrize(("widths", "parts"), [((6, 4), 5), ((8, 4), 3), ((4, 4), 2), ((4, 8, 2), 7)], ids=str)
def test_the_join_is_the_same(widths: tuple[int, ...], parts: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    graph = joined(*widths)
    equal = join_equal_parts(graph)
    concat = next(node for node in equal.proto.graph.node if node.op_type == "Concat")
    assert len(concat.input) == parts
    np.testing.assert_array_equal(result(equal, tmp_path / "a.onnx"), result(graph, tmp_path / "b.onnx"))


def test_too_many_parts_are_left_as_they_are() -> None:
    assert join_equal_parts(joined(37, 5)).census()["Split"] == 0


def test_no_unequal_join_is_left_in_a_unet_of_several_widths(small_widths: Callable[[], UNet]) -> None:
    module = small_widths()
    graph = cuda_parts("unet", trace(module, unet_inputs("sd15", 2, (8, 8), 16, [3.0])), module)["unet"].exact
    joins = [node for node in graph.proto.graph.node if node.op_type == "Concat" and node.attribute[0].i == 3]
    made: dict[str, NodeProto] = {value: node for node in graph.proto.graph.node for value in node.output}
    split = [node for node in joins if any(made[value].op_type == "Split" for value in node.input)]
    # On the way up 128 and 64 channels meet twice, and equal numbers twice.
    assert (len(joins), len(split)) == (4, 2)


@pytest.fixture
def small_widths() -> Callable[[], UNet]:
    from diffusers import UNet2DConditionModel

    def build() -> UNet:
        torch.manual_seed(0)
        model = UNet2DConditionModel(
            in_channels=4,
            out_channels=4,
            block_out_channels=(64, 128),
            layers_per_block=1,
            down_block_types=["CrossAttnDownBlock2D", "DownBlock2D"],
            up_block_types=["UpBlock2D", "CrossAttnUpBlock2D"],
            cross_attention_dim=64,
            attention_head_dim=8,
        )
        return UNet(model.eval())

    return build
