"""The cut UNet: three graphs in a chain give what the whole one gives, bit for bit."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from numpy.typing import NDArray

from export_support.small_models import SMALL, small_unet
from export_support.wide_unet import unet_inputs
from retouch_export.graph_file import write_graph
from retouch_export.hoist import Hoisted, hoist
from retouch_export.modules import UNet
from retouch_export.precision import codec_chooser
from retouch_export.tracing import TracedGraph, trace

Arrays = dict[str, NDArray[np.float32]]
KINDS = ("sd15-inpaint", "sdxl-inpaint", "lcm")


def session(graph: TracedGraph, path: Path) -> ort.InferenceSession:
    """Open a graph with exact weights on the CPU."""
    write_graph(graph, path, codec_chooser("fp32"))
    return ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module", params=KINDS)
def cut(request: pytest.FixtureRequest) -> tuple[str, TracedGraph, Hoisted]:
    torch.manual_seed(0)
    kind = request.param
    whole = trace(UNet(small_unet(SMALL[kind]).eval()), unet_inputs(kind, 2, (16, 16), 16, [3.0]))
    return kind, whole, hoist(whole)


@pytest.mark.parametrize(
    ("batch", "cells", "tokens", "timesteps"),
    [(2, (16, 16), 16, [999.0]), (1, (16, 24), 32, [500.25]), (2, (8, 8), 16, [20.0, 3.0])],
    ids=["pair", "one, not square, long text", "a timestep for each"],
)
def test_the_chain_equals_the_whole(
    cut: tuple[str, TracedGraph, Hoisted],
    tmp_path: Path,
    batch: int,
    cells: tuple[int, int],
    tokens: int,
    timesteps: list[float],
) -> None:
    kind, whole, parts = cut
    feed = {name: tensor.numpy() for name, tensor in unet_inputs(kind, batch, cells, tokens, timesteps).items()}
    wanted = session(whole, tmp_path / "whole.onnx").run(None, feed)[0]
    text, time, step = (session(getattr(parts, n), tmp_path / f"{n}.onnx") for n in ("text", "time", "step"))
    states = {value.name: feed[value.name] for value in text.get_inputs()}
    names = [value.name for value in text.get_outputs()]
    given: Arrays = dict(zip(names, text.run(None, states), strict=True))
    given["time"] = time.run(None, {value.name: feed[value.name] for value in time.get_inputs()})[0]
    found = step.run(None, given | {"sample": feed["sample"]})[0]
    # The same operators on the same numbers: the cut may not change a bit.
    np.testing.assert_array_equal(found, wanted)


def test_nothing_is_computed_twice_or_left_out(cut: tuple[str, TracedGraph, Hoisted]) -> None:
    _, whole, parts = cut
    heavy = ("MatMul", "Gemm", "Conv", "MultiHeadAttention")
    count = {name: sum(getattr(parts, part).census()[name] for part in ("text", "time", "step")) for name in heavy}
    assert count == {name: whole.census()[name] for name in heavy}
    # The time decides all that is a row of numbers: no matrix of rows is left in the step.
    assert parts.step.census()["Gemm"] == 0
    assert parts.text.census()["MatMul"] == len(parts.text.proto.graph.output)


def test_inputs_and_outputs_are_those_of_the_contract(cut: tuple[str, TracedGraph, Hoisted]) -> None:
    _, whole, parts = cut
    names = {part: [v.name for v in getattr(parts, part).proto.graph.input] for part in ("text", "time", "step")}
    given = [value.name for value in whole.proto.graph.input]
    results = [f"text.{i}" for i in range(len(parts.text.proto.graph.output))]
    assert names["text"] == ["encoder_hidden_states"]
    assert names["time"] == [name for name in given if name not in ("sample", "encoder_hidden_states")]
    assert names["step"] == ["sample", "time", *results]
    assert [value.name for value in parts.text.proto.graph.output] == results
    assert [value.name for value in parts.time.proto.graph.output] == ["time"]
    for part in (parts.text, parts.time, parts.step):
        onnx.checker.check_model(_with_weights(part))


def _with_weights(graph: TracedGraph) -> onnx.ModelProto:
    """The graph with its weights as inputs, which the checker wants declared."""
    proto = onnx.ModelProto()
    proto.CopyFrom(graph.proto)
    proto.graph.input.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, weight.shape())
        for name, weight in graph.weights.items()
    )
    return proto
