"""The runtime's loops take the UNet that the export cuts: three graphs give what the whole one gives."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.testing import assert_allclose

from export_support.small_models import SMALL, small_unet
from export_support.wide_unet import unet_inputs
from retouch.denoiser import Inputs
from retouch.device.loop import DeviceLoop
from retouch.guidance import Guidance
from retouch.loop import HostLoop, Loop
from retouch.noise_levels import NoiseLevels
from retouch.providers import Device
from retouch.samplers import SAMPLERS
from retouch.schedule import sigmas
from retouch.session import Graphs
from retouch_export.graph_file import write_graph
from retouch_export.hoist import hoist
from retouch_export.modules import UNet
from retouch_export.precision import codec_chooser
from retouch_export.tracing import TracedGraph, trace
from retouch_models.bundle import Bundle, file_spec, open_bundle
from retouch_models.manifest import GraphSpec, TensorSpec
from support import tiny_bundle

KINDS = ("sd15-inpaint", "sdxl-inpaint")
"""Without and with inputs beside text and timestep."""


def described(graph: TracedGraph, folder: Path, name: str) -> GraphSpec:
    """Write a graph with exact weights and describe it."""
    write_graph(graph, folder / name, codec_chooser("fp32"))
    proto = onnx.load(folder / name).graph

    def tensors(values: list[onnx.ValueInfoProto]) -> tuple[TensorSpec, ...]:
        shapes = [[dim.dim_param or dim.dim_value or "free" for dim in v.type.tensor_type.shape.dim] for v in values]
        return tuple(
            TensorSpec(name=v.name, dtype="float32", shape=tuple(shape))
            for v, shape in zip(values, shapes, strict=True)
        )

    inputs, outputs = tensors(list(proto.input)), tensors(list(proto.output))
    return GraphSpec(file=file_spec(folder, name), inputs=inputs, outputs=outputs, opset=17, precision="fp32")


@pytest.fixture(scope="module", params=KINDS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Bundle]:
    """A bundle with the whole UNet, and the cut one for the processor."""
    torch.manual_seed(0)
    whole = trace(UNet(small_unet(SMALL[request.param]).eval()), unet_inputs(request.param, 2, (16, 16), 16, [3.0]))
    parts = hoist(whole)
    tiny = open_bundle(tiny_bundle.build(tmp_path_factory.mktemp("models") / "tiny"))
    cut = {"unet_text": parts.text, "unet_time": parts.time, "unet": parts.step}
    specs = {"unet": described(whole, tiny.folder, "whole.onnx")}
    specs |= {f"{role}@cpu": described(graph, tiny.folder, f"{role}.cut.onnx") for role, graph in cut.items()}
    graphs = {**tiny.manifest.graphs, **specs}
    return request.param, Bundle(tiny.folder, replace(tiny.manifest, graphs=graphs))


@pytest.mark.parametrize("two_prompts", [True, False], ids=["guided", "one prompt"])
def test_both_loops_run_the_cut_unet(made: tuple[str, Bundle], two_prompts: bool) -> None:
    kind, cut = made
    graphs = {role: spec for role, spec in cut.manifest.graphs.items() if "@" not in role}
    whole = Bundle(cut.folder, replace(cut.manifest, graphs=graphs))
    feed = {name: tensor.numpy() for name, tensor in unet_inputs(kind, 2, (16, 24), 16, [3.0]).items()}
    sample, context = feed.pop("sample"), feed.pop("encoder_hidden_states")
    del feed["timestep"]
    rows = slice(0, 2) if two_prompts else slice(1, 2)
    masked = sample[:1, 4:] if sample.shape[1] > 4 else None
    inputs = Inputs(context[rows], {name: values[rows] for name, values in feed.items()}, masked)
    levels = NoiseLevels.from_spec(cut.manifest.noise)
    walk = sigmas(levels, "model", 3)

    def drawn(loop_of: type[HostLoop] | type[DeviceLoop], bundle: Bundle) -> np.ndarray:
        with Graphs(bundle, Device("cpu"), threads=1) as opened:
            loop: Loop = loop_of(opened, levels)
            denoise = loop.denoiser(inputs, Guidance(scale=3.0 if two_prompts else 1.0), walk)
            first = loop.place(sample[:1, :4] * np.float32(walk[0]))
            *_, last = SAMPLERS["heun"](denoise, first, walk, lambda: first)
            return loop.host(last.x)

    expected = drawn(HostLoop, whole)
    assert np.isfinite(expected).all()
    for loop_of in (HostLoop, DeviceLoop):
        # ONNX Runtime fuses the whole graph and the cut one differently: some units in the last place of each layer
        assert_allclose(drawn(loop_of, cut), expected, rtol=0, atol=1e-4 * float(np.abs(expected).max()))
