"""The graphs for CUDA: written out in standard operators they give what PyTorch gives, and no fusion is missed."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from diffusers import AutoencoderTiny
from numpy.typing import NDArray
from onnx import TensorProto
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

from export_support.small_models import SMALL, _vae, small_unet
from export_support.wide_unet import unet_inputs, wide_unet
from retouch_export.cuda.census import turned
from retouch_export.cuda.variant import Part, cuda_parts
from retouch_export.graph_file import write_graph
from retouch_export.modules import PreviewDecoder, TextEncoder, UNet, VaeDecoder, VaeEncoder
from retouch_export.precision import codec_chooser
from retouch_export.tracing import TracedGraph, trace
from retouch_models.errors import ExportError

Arrays = dict[str, NDArray[np.generic]]
KINDS = ("sd15-inpaint", "sdxl-inpaint", "wide", "wide-linear", "vae_encoder", "vae_decoder")
"""Networks that are traced: small UNets of two families, two of real width, and both halves of a VAE."""


def network(kind: str) -> tuple[str, nn.Module, list[dict[str, Tensor]]]:
    """The role, the module, and inputs of two sizes."""
    torch.manual_seed(0)
    if kind == "text_encoder":
        config = CLIPTextConfig(
            hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=1, vocab_size=700
        )
        module = TextEncoder(CLIPTextModel(config).eval())
        return kind, module, [{"input_ids": torch.randint(0, 700, (batch, 77))} for batch in (2, 1)]
    if kind.startswith("vae"):
        module = (VaeEncoder if kind == "vae_encoder" else VaeDecoder)(_vae().eval())
        name, shape = ("image", (3, 64, 64)) if kind == "vae_encoder" else ("latents", (4, 8, 8))
        wider = (shape[0], shape[1], shape[2] * 3 // 2)
        return kind, module, [{name: torch.randn(2, *shape)}, {name: torch.randn(1, *wider)}]
    # Two cells a side at the deepest level: a norm over the two channels of one cell would only amplify rounding.
    side = 4 if kind.startswith("wide") else 16
    sizes = [(2, (side, side), 16, [999.0]), (1, (side, 2 * side), 32, [500.25])]
    if kind.startswith("wide"):
        return "unet", UNet(wide_unet(linear=kind == "wide-linear").eval()), [unet_inputs("sd15", *s) for s in sizes]
    return "unet", UNet(small_unet(SMALL[kind]).eval()), [unet_inputs(kind, *size) for size in sizes]


@pytest.fixture(scope="module", params=KINDS)
def fused(request: pytest.FixtureRequest) -> tuple[str, nn.Module, list[dict[str, Tensor]], Mapping[str, Part]]:
    role, module, inputs = network(request.param)
    return role, module, inputs, cuda_parts(role, trace(module, inputs[0]), module)


def run(graphs: Mapping[str, tuple[TracedGraph, int]], inputs: Mapping[str, Tensor], folder: Path) -> list[NDArray]:
    """Run graphs one after another on the CPU; each takes the types that it names."""
    known: Arrays = {name: tensor.numpy() for name, tensor in inputs.items()}
    kinds = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(int64)": np.int64}
    found = []
    for name, (graph, compute) in graphs.items():
        path = folder / f"{name}.onnx"
        choose = codec_chooser("fp32") if compute == TensorProto.FLOAT else lambda _name, _shape: "fp16"
        write_graph(graph, path, choose, compute=compute)
        session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        found = session.run(None, {v.name: known[v.name].astype(kinds[v.type]) for v in session.get_inputs()})
        known |= dict(zip([v.name for v in session.get_outputs()], found, strict=True))
    return found


def relative(found: NDArray[np.generic], wanted: NDArray[np.generic]) -> float:
    return float(np.linalg.norm(found.astype(np.float64) - wanted) / np.linalg.norm(wanted))


def test_the_operators_mean_what_pytorch_computes(
    fused: tuple[str, nn.Module, list[dict[str, Tensor]], Mapping[str, Part]], tmp_path: Path
) -> None:
    _, module, inputs, parts = fused
    for example in inputs:
        with torch.inference_mode():
            wanted = module(**example)[0].numpy()
        exact = {name: (part.exact_proof(), TensorProto.FLOAT) for name, part in parts.items()}
        # fp32 arithmetic in another order over some fifty layers; the export allows 1e-4.
        assert relative(run(exact, example, tmp_path)[0], wanted) < 1e-5
        half = {name: (part.given_proof(), part.compute) for name, part in parts.items()}
        # Eleven bits per operation over some fifty layers.
        assert relative(run(half, example, tmp_path)[0], wanted) < 5e-3


def test_activations_change_their_layout_at_the_doors_alone(
    fused: tuple[str, nn.Module, list[dict[str, Tensor]], Mapping[str, Part]],
) -> None:
    role, _, _, parts = fused
    # In at the sample and out at the result; the VAE's one attention works on rows and has nine of its own.
    assert turned(parts[role].exact) == (2 if role == "unet" else 11)


def test_onnx_runtime_knows_the_graph_and_lacks_the_kernels_alone(
    fused: tuple[str, nn.Module, list[dict[str, Tensor]], Mapping[str, Part]], tmp_path: Path
) -> None:
    """Loading checks every node against ONNX Runtime's own schemas, types and shapes before it looks for kernels."""
    role, _, _, parts = fused
    path = tmp_path / "fused.onnx"
    write_graph(parts[role].given, path, lambda _name, _shape: "fp16", compute=TensorProto.FLOAT16)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    with pytest.raises(Exception, match="NOT_IMPLEMENTED"):
        ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def test_scale_and_shift_of_norms_stay_single(
    fused: tuple[str, nn.Module, list[dict[str, Tensor]], Mapping[str, Part]],
) -> None:
    """CUDA's norms take nothing else, in whatever the rest is computed."""
    role, _, _, parts = fused
    graph = parts[role].given
    norms = [node for node in graph.proto.graph.node if node.op_type in ("GroupNorm", "SkipGroupNorm")]
    assert norms
    assert all(graph.weights[name].single for node in norms for name in node.input[1:3])


def test_a_text_encoder_keeps_its_meaning_with_its_own_fusions(tmp_path: Path) -> None:
    role, module, inputs = network("text_encoder")
    part = cuda_parts(role, trace(module, inputs[0]), module)[role]
    count = part.exact.census()
    # Two layers of two norms and a last one; only the first norm of all follows a sum with no bias.
    assert (count["QuickGelu"], count["SkipLayerNormalization"], count["Sigmoid"]) == (2, 5, 0)
    with torch.inference_mode():
        wanted = module(**inputs[0])[0].numpy()
    for graph, compute, limit in (
        (part.exact_proof(), TensorProto.FLOAT, 1e-5),
        (part.given_proof(), TensorProto.FLOAT16, 5e-3),
    ):
        # fp32 arithmetic in another order; eleven bits per operation.
        assert relative(run({role: (graph, compute)}, inputs[0], tmp_path)[0], wanted) < limit


def test_a_preview_decoder_changes_its_layout_at_the_doors_alone(tmp_path: Path) -> None:
    torch.manual_seed(0)
    tiny = AutoencoderTiny(encoder_block_out_channels=(16,) * 4, decoder_block_out_channels=(16,) * 4)
    module, inputs = PreviewDecoder(tiny.eval()), {"latents": torch.randn(1, 4, 4, 6)}
    part = cuda_parts("preview_decoder", trace(module, inputs), module)["preview_decoder"]
    assert turned(part.exact) == 2
    found = run({"preview_decoder": (part.exact_proof(), TensorProto.FLOAT)}, inputs, tmp_path)[0]
    with torch.inference_mode():
        # fp32 arithmetic in another order.
        assert relative(found, module(**inputs)[0].numpy()) < 1e-5


def test_widths_without_a_kernel_are_left_as_they_are() -> None:
    _, module, inputs = network("sd15-inpaint")
    count = cuda_parts("unet", trace(module, inputs[0]), module)["unet"].exact.census()
    assert count["BiasSplitGelu"] == count["BiasAdd"] == 0
    assert count["Erf"] > 0


def test_a_missed_fusion_fails_and_names_the_graph() -> None:
    """A norm that torch writes in another way than expected must not pass unseen."""
    _, module, inputs = network("wide")
    traced = trace(module, inputs[0])
    proto = onnx.ModelProto()
    proto.CopyFrom(traced.proto)
    norm = next(node for node in proto.graph.node if node.op_type == "InstanceNormalization")
    rows = next(node for node in proto.graph.node if norm.input[0] in node.output)
    shape = next(node for node in proto.graph.node if rows.input[1] in node.output)
    shape.attribute[0].t.CopyFrom(onnx.numpy_helper.from_array(np.array([-1, 32, 640])))
    with pytest.raises(ExportError, match=r"unet: the graph for CUDA has 20 nodes GroupNorm .* model has 21"):
        cuda_parts("unet", TracedGraph(proto, traced.weights), module)


def test_both_layouts_mean_the_same_and_are_never_mixed(tmp_path: Path) -> None:
    _, module, inputs = network("sd15-inpaint")
    traced = trace(module, inputs[0])
    found = []
    for layout, without in (("graph", "Conv"), ("provider", "NhwcConv")):
        parts = cuda_parts("unet", traced, module, layout=layout)
        assert parts["unet"].exact.census()[without] == 0
        exact = {name: (part.exact_proof(), TensorProto.FLOAT) for name, part in parts.items()}
        found.append(run(exact, inputs[0], tmp_path)[0])
    # The same sums in another order.
    np.testing.assert_allclose(found[0], found[1], rtol=0, atol=1e-5)


def test_a_network_beyond_half_precision_is_fused_in_single(tmp_path: Path) -> None:
    role, module, inputs = network("vae_decoder")
    parts = cuda_parts(role, trace(module, inputs[0]), module, half=False)
    graph = parts[role].given.proto.graph
    assert {value.type.tensor_type.elem_type for value in (*graph.input, *graph.output)} == {TensorProto.FLOAT}
    assert parts[role].given.census()["GroupNorm"] > 0
    found = run({role: (parts[role].given_proof(), TensorProto.FLOAT)}, inputs[0], tmp_path)[0]
    with torch.inference_mode():
        # fp32 arithmetic in another order.
        assert relative(found, module(**inputs[0])[0].numpy()) < 1e-5
