"""The graph for DirectML: attention fused, all else standard, and with one size nothing computes a shape."""

from pathlib import Path

import onnx
import onnxruntime as ort
import torch
from onnx import TensorProto

from export_support.small_models import SMALL, small_unet
from export_support.wide_unet import unet_inputs
from retouch_export.cuda import DOMAIN
from retouch_export.graph_file import write_graph
from retouch_export.half import to_half
from retouch_export.modules import UNet
from retouch_export.static_shape import fix_axes
from retouch_export.tracing import OPSET, trace

SHAPES = {"Shape", "Gather", "Range", "ConstantOfShape", "Where", "Equal"}


def test_one_size_leaves_no_shape_to_compute(tmp_path: Path) -> None:
    torch.manual_seed(0)
    inputs = unet_inputs("sd15-inpaint", 2, (16, 24), 16, [3.0])
    module = UNet(small_unet(SMALL["sd15-inpaint"]).eval())
    traced = fix_axes(trace(module, inputs), inputs, [torch.empty(2, 4, 16, 24)])
    path, kept = tmp_path / "unet.onnx", tmp_path / "optimised.onnx"
    write_graph(to_half(traced), path, lambda _name, _shape: "fp16", compute=TensorProto.FLOAT16)
    graph = onnx.load(path)
    assert {entry.version for entry in graph.opset_import if entry.domain == ""} == {OPSET} == {17}
    assert {node.op_type for node in graph.graph.node if node.domain == DOMAIN} == {"MultiHeadAttention"}
    options = ort.SessionOptions()
    options.add_free_dimension_override_by_name("batch", 2)  # as the runtime opens a graph for each size
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(kept)
    ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    assert not SHAPES & {node.op_type for node in onnx.load(kept).graph.node}
