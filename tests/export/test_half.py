"""The half-precision variant: what must stay single stays single, and overflow is noticed before it happens."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from torch import nn

from export_support.small_models import SMALL, small_unet
from retouch_export.graph_file import write_graph
from retouch_export.half import to_half
from retouch_export.modules import UNet
from retouch_export.range_check import LIMIT, watch
from retouch_export.tracing import TracedGraph, trace


@pytest.fixture(scope="module")
def traced() -> tuple[UNet, TracedGraph]:
    torch.manual_seed(0)
    module = UNet(small_unet(SMALL["sdxl-inpaint"]).eval())
    inputs = {
        "sample": torch.randn(2, 9, 16, 16),
        "timestep": torch.tensor([3.0]),
        "encoder_hidden_states": torch.randn(2, 16, 128),
        "text_embeds": torch.randn(2, 64),
        "time_ids": torch.tensor([[1024.0, 768, 0, 0, 1024, 768]]).expand(2, -1).contiguous(),
    }
    return module, trace(module, inputs)


def test_timesteps_and_sizes_enter_in_single_precision(traced: tuple[UNet, TracedGraph]) -> None:
    graph = to_half(traced[1]).proto.graph
    kinds = {value.name: value.type.tensor_type.elem_type for value in graph.input}
    single = {name for name, kind in kinds.items() if kind == onnx.TensorProto.FLOAT}
    assert single == {"timestep", "time_ids"}
    assert {kinds[name] for name in kinds.keys() - single} == {onnx.TensorProto.FLOAT16}


def test_neighbouring_timesteps_stay_apart(
    traced: tuple[UNet, TracedGraph], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Half precision has no number between 998 and 998.5: were the angles halved, both would give one picture."""
    module, graph = traced
    path = tmp_path_factory.mktemp("half") / "unet.onnx"
    write_graph(to_half(graph), path, lambda _n, _s: "fp16", compute=onnx.TensorProto.FLOAT16)
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    inputs = {
        "sample": np.ones((1, 9, 16, 16), np.float16),
        "encoder_hidden_states": np.ones((1, 16, 128), np.float16),
        "text_embeds": np.ones((1, 64), np.float16),
        "time_ids": np.array([[1024, 768, 0, 0, 1024, 768]], np.float32),
    }
    times = (998.0, 998.2, 998.4)
    found = [session.run(None, inputs | {"timestep": np.array([t], np.float32)})[0] for t in times]
    full = {name: torch.from_numpy(array).float() for name, array in inputs.items()}
    with torch.inference_mode():
        wanted = [module(**full, timestep=torch.tensor([t]))[0].numpy() for t in times]
    for ours, theirs in zip(found, wanted, strict=True):
        # Eleven bits per operation over some fifty layers.
        assert np.linalg.norm(ours - theirs) / np.linalg.norm(theirs) < 5e-3


@pytest.mark.parametrize(("scale", "fits"), [(1.0, True), (1e6, False)], ids=["small", "overflow"])
def test_overflow_is_seen_in_single_precision(scale: float, fits: bool) -> None:
    network = nn.Sequential(nn.Linear(4, 4), nn.Tanh())
    with torch.no_grad():
        network[0].weight.fill_(scale)
        network[0].bias.zero_()
    with watch(network) as peak:
        network(torch.ones(1, 4))
    assert peak.fits is fits
    # The layer that overflows is named, though a later one brings the values back below one.
    assert (peak.value > LIMIT) is not fits
    assert peak.layer == "0"


def test_a_nan_counts_as_overflow() -> None:
    network = nn.Sequential(nn.Identity())
    with watch(network) as peak:
        network(torch.tensor([float("nan")]))
    assert not peak.fits
