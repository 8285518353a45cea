"""The tiny bundle with a UNet whose answer depends on all it is given, smoothly: one convolution and a tanh.

`split` cuts it into `unet_text`, `unet_time` and `unet` for a provider, as the export does for CUDA; `half` gives its
inputs and outputs in fp16.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from retouch_models.bundle import Bundle, file_spec, open_bundle
from retouch_models.manifest import MANIFEST, GraphSpec, Prediction, TensorSpec
from support import tiny_bundle
from support.tiny_bundle import WIDTH

_KINDS = {"float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16}


def build(
    folder: Path,
    *,
    prediction: Prediction = "epsilon",
    ordinary: bool = False,
    half: bool = False,
    split_for: str = "",
    with_extra: bool = False,
) -> Bundle:
    """Write the bundle and open it; `split_for` names a provider, `with_extra` adds an input `time_ids`."""
    tiny_bundle.build(folder, ordinary=ordinary)
    bundle = open_bundle(folder)
    kind = "float16" if half else "float32"
    graphs = {**bundle.manifest.graphs, "unet": _whole(folder, ordinary, kind, with_extra)}
    if split_for:
        graphs |= {f"{role}@{split_for}": spec for role, spec in _parts(folder, ordinary, kind, with_extra).items()}
    conditioning = replace(bundle.manifest.conditioning, time_ids=6 if with_extra else None)
    noise = replace(bundle.manifest.noise, prediction=prediction)
    manifest = replace(bundle.manifest, graphs=graphs, noise=noise, conditioning=conditioning)
    (folder / MANIFEST).write_text(manifest.to_json())
    return open_bundle(folder)


def _time(kind: str, with_extra: bool) -> list[NodeProto]:
    nodes = [
        helper.make_node("Unsqueeze", ["timestep", "last"], ["column"]),
        helper.make_node("Mul", ["column", "frequencies"], ["angles"]),
        helper.make_node("Sin", ["angles"], ["waves"]),
    ]
    last = "waves"
    if with_extra:
        nodes += [
            helper.make_node("MatMul", ["time_ids", "of_ids"], ["sizes"]),
            helper.make_node("Add", ["waves", "sizes"], ["both"]),
        ]
        last = "both"
    return [*nodes, helper.make_node("Cast", [last], ["time"], to=_KINDS[kind])]


def _text() -> list[NodeProto]:
    return [helper.make_node("MatMul", ["encoder_hidden_states", "of_text"], ["text.0"])]


def _step(kind: str) -> list[NodeProto]:
    return [
        helper.make_node("Conv", ["sample", "weight"], ["seen"], pads=[1, 1, 1, 1]),
        helper.make_node("ReduceMean", ["text.0", "tokens"], ["words"], keepdims=0),
        helper.make_node("Add", ["words", "time"], ["steering"]),
        helper.make_node("Unsqueeze", ["steering", "space"], ["planes"]),
        helper.make_node("Add", ["seen", "planes"], ["all"]),
        helper.make_node("Tanh", ["all"], ["out_sample"]),
    ]


def _constants(ordinary: bool, kind: str) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    channels = 4 if ordinary else 9
    return {
        "last": np.array([1], np.int64),
        "tokens": np.array([1], np.int64),
        "space": np.array([2, 3], np.int64),
        "frequencies": np.array([[0.001, 0.004, 0.01, 0.03]], np.float32),
        "of_ids": (rng.normal(size=(6, 4)) / 100).astype(np.float32),
        "of_text": rng.normal(size=(WIDTH, 4)).astype(kind),
        "weight": (rng.normal(size=(4, channels, 3, 3)) / 12).astype(kind),
    }


def _inputs(ordinary: bool, kind: str, with_extra: bool) -> dict[str, TensorSpec]:
    channels = 4 if ordinary else 9
    specs = [
        TensorSpec(name="sample", dtype=kind, shape=("batch", channels, "height", "width")),
        TensorSpec(name="timestep", dtype="float32", shape=(1,)),
        TensorSpec(name="encoder_hidden_states", dtype=kind, shape=("batch", "tokens", WIDTH)),
        TensorSpec(name="time", dtype=kind, shape=("rows", 4)),
        TensorSpec(name="text.0", dtype=kind, shape=("batch", "tokens", 4)),
    ]
    if with_extra:
        specs.append(TensorSpec(name="time_ids", dtype="float32", shape=("batch", 6)))
    return {spec.name: spec for spec in specs}


def _out(kind: str) -> TensorSpec:
    return TensorSpec(name="out_sample", dtype=kind, shape=("batch", 4, "height", "width"))


def _whole(folder: Path, ordinary: bool, kind: str, with_extra: bool) -> GraphSpec:
    found = _inputs(ordinary, kind, with_extra)
    names = ["sample", "timestep", "encoder_hidden_states", *(["time_ids"] if with_extra else [])]
    nodes = [*_time(kind, with_extra), *_text(), *_step(kind)]
    return _write(folder, "unet", nodes, _constants(ordinary, kind), [found[n] for n in names], _out(kind))


def _parts(folder: Path, ordinary: bool, kind: str, with_extra: bool) -> dict[str, GraphSpec]:
    found, constants = _inputs(ordinary, kind, with_extra), _constants(ordinary, kind)
    text = [found["encoder_hidden_states"]]
    time = [found["timestep"], *([found["time_ids"]] if with_extra else [])]
    step = [found["sample"], found["time"], found["text.0"]]
    return {
        "unet_text": _write(folder, "unet_text", _text(), constants, text, found["text.0"]),
        "unet_time": _write(folder, "unet_time", _time(kind, with_extra), constants, time, found["time"]),
        "unet": _write(folder, "unet_step", _step(kind), constants, step, _out(kind)),
    }


def _write(
    folder: Path,
    name: str,
    nodes: list[NodeProto],
    constants: dict[str, np.ndarray],
    inputs: list[TensorSpec],
    output: TensorSpec,
) -> GraphSpec:
    used = {value for node in nodes for value in node.input}
    held = [numpy_helper.from_array(value, key) for key, value in constants.items() if key in used]
    values = [helper.make_tensor_value_info(t.name, _KINDS[t.dtype], list(t.shape)) for t in (*inputs, output)]
    graph = helper.make_graph(nodes, name, values[:-1], values[-1:], held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    (folder / f"{name}.onnx").write_bytes(model.SerializeToString(deterministic=True))
    precision = "fp16" if inputs[0].dtype == "float16" else "fp32"
    file = file_spec(folder, f"{name}.onnx")
    return GraphSpec(file=file, inputs=tuple(inputs), outputs=(output,), opset=18, precision=precision)
