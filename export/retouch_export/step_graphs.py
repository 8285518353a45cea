"""The small graphs of a denoising step that stays on the device; the runtime ships what this writes.

    python -m retouch_export.step_graphs [FOLDER]

`combine` and `combine_masked` are the samplers' arithmetic, `prepare` makes the UNet's input from latents, `finish`
makes clean latents from its output, `copy` fills an input that stays where it is. Operators are those that every
provider has a kernel for, at an opset that even DirectML takes; latents are float32 throughout, and casts happen at
the UNet's door alone. The order of the operations is that of the loop on the host, so that one evaluation rounds alike
in both.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

TERMS = (2, 4, 8)
"""Lengths of sums: a shorter one is filled up with weights of 0, so that few sessions are open on a device."""
OPSET, IR_VERSION = 17, 8
KINDS = {"float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16}
COPIED = (2, 3, 4)
"""Axes of what is copied: embeddings of timesteps (rows, N), keys and values of the text (batch, text, C)."""
CALLS = ("one", "two", "calls")
"""Positive prompt alone; [negative, positive] in one batch; negative and positive each in a call of its own."""

_PLANES = ["one", "channels", "height", "width"]


def graphs() -> Iterator[tuple[str, onnx.ModelProto]]:
    """Yield the name and the model of each graph."""
    for terms in TERMS:
        yield f"combine_{terms}", combine(terms, masked=False)
        yield f"combine_masked_{terms}", combine(terms, masked=True)
    for kind in KINDS:
        for axes in COPIED:
            yield f"copy_{axes}_{kind}", copy(axes, kind)
        for batch in (1, 2):
            yield f"prepare_{batch}_{kind}", prepare(batch, kind, masked=False)
            yield f"prepare_masked_{batch}_{kind}", prepare(batch, kind, masked=True)
        for calls in CALLS:
            yield f"finish_{calls}_{kind}", finish(calls, kind, rescaled=False)
        for calls in CALLS[1:]:
            yield f"finish_rescaled_{calls}_{kind}", finish(calls, kind, rescaled=True)


def combine(terms: int, *, masked: bool) -> onnx.ModelProto:
    """Sum of weight · term, or of mask · (weight · term), from left to right; `weights` is (terms,)."""
    inputs = [_value(f"term_{i}", shape=[f"{axis}_{i}" for axis in _PLANES]) for i in range(terms)]
    if masked:
        inputs += [_value(f"mask_{i}", shape=[f"mask_{axis}_{i}" for axis in _PLANES]) for i in range(terms)]
    weights = [f"weight_{i}" for i in range(terms)]
    nodes = [_split("weights", weights)]
    total = ""
    for i in range(terms):
        nodes.append(helper.make_node("Mul", [f"term_{i}", weights[i]], [f"weighted_{i}"]))
        part = f"weighted_{i}"
        if masked:
            nodes.append(helper.make_node("Mul", [part, f"mask_{i}"], [f"part_{i}"]))
            part = f"part_{i}"
        if total:
            nodes.append(helper.make_node("Add", [total, part], [f"sum_{i}"]))
            part = f"sum_{i}"
        total = part
    nodes.append(helper.make_node("Identity", [total], ["sum"]))
    return _model(nodes, [*inputs, _value("weights", shape=[terms])], _value("sum"))


def copy(axes: int, kind: str) -> onnx.ModelProto:
    """The same values."""
    source, copied = (_value(name, kind, [f"axis_{i}" for i in range(axes)]) for name in ("source", "copied"))
    return _model([helper.make_node("Identity", ["source"], ["copied"])], [source], copied)


def prepare(batch: int, kind: str, *, masked: bool) -> onnx.ModelProto:
    """x / scale, with mask and masked picture where the model sees them, once or twice, in the UNet's type."""
    inputs = [_value("x"), _value("scale", shape=[1])]
    nodes = [helper.make_node("Div", ["x", "scale"], ["scaled"])]
    last = "scaled"
    if masked:
        inputs.append(_value("masked", shape=["one", "mask_channels", "height", "width"]))
        nodes.append(helper.make_node("Concat", ["scaled", "masked"], ["planes"], axis=1))
        last = "planes"
    nodes.append(helper.make_node("Cast", [last], ["cast"], to=KINDS[kind]))
    nodes.append(helper.make_node("Concat", ["cast"] * batch, ["sample"], axis=0))
    return _model(nodes, inputs, _value("sample", kind, ["batch", "all_channels", "height", "width"]))


def finish(calls: str, kind: str, *, rescaled: bool) -> onnx.ModelProto:
    """Guidance, then skip · x + out · guided.

    `weights` is (2,) [skip, out]; (3,) with the guidance scale; (5,) with rescale and 1 - rescale (Lin et al. 2024,
    arXiv:2305.08891, eq. 15-16, over all of a picture's values).
    """
    weights = ["skip", "out", "scale", "back", "stay"][: 5 if rescaled else 2 if calls == "one" else 3]
    nodes = [_split("weights", weights)]
    outputs = ["negative", "positive"] if calls == "calls" else ["output"]
    nodes += [helper.make_node("Cast", [name], [f"{name}_32"], to=TensorProto.FLOAT) for name in outputs]
    guided = "output_32"
    if calls != "one":
        if calls == "two":
            nodes.append(_split("output_32", ["negative_32", "positive_32"]))
        nodes += [
            helper.make_node("Sub", ["positive_32", "negative_32"], ["direction"]),
            helper.make_node("Mul", ["scale", "direction"], ["pull"]),
            helper.make_node("Add", ["negative_32", "pull"], ["guided"]),
        ]
        guided = "guided"
    if rescaled:
        nodes += [*_spread("guided", "spread"), *_spread("positive_32", "wanted")]
        nodes += [
            helper.make_node("Greater", ["spread", "zero"], ["spreads"]),
            helper.make_node("Where", ["spreads", "spread", "unit"], ["divisor"]),
            helper.make_node("Div", ["wanted", "divisor"], ["ratio"]),
            helper.make_node("Where", ["spreads", "ratio", "unit"], ["factor"]),
            helper.make_node("Mul", ["back", "factor"], ["towards"]),
            helper.make_node("Add", ["towards", "stay"], ["contrast"]),
            helper.make_node("Mul", ["guided", "contrast"], ["rescaled"]),
        ]
        guided = "rescaled"
    nodes += [
        helper.make_node("Mul", ["skip", "x"], ["kept"]),
        helper.make_node("Mul", ["out", guided], ["moved"]),
        helper.make_node("Add", ["kept", "moved"], ["denoised"]),
    ]
    axes = ["batch", *_PLANES[1:]]
    inputs = [_value("x"), *(_value(name, kind, axes) for name in outputs), _value("weights", shape=[len(weights)])]
    constants = {"zero": np.zeros(1, np.float32), "unit": np.ones(1, np.float32)} if rescaled else {}
    return _model(nodes, inputs, _value("denoised"), constants)


def _spread(name: str, result: str) -> list[NodeProto]:
    """Nodes for the standard deviation over channels, height and width."""
    axes = [1, 2, 3]
    return [
        helper.make_node("ReduceMean", [name], [f"{result}_mean"], axes=axes, keepdims=1),
        helper.make_node("Sub", [name, f"{result}_mean"], [f"{result}_off"]),
        helper.make_node("Mul", [f"{result}_off", f"{result}_off"], [f"{result}_square"]),
        helper.make_node("ReduceMean", [f"{result}_square"], [f"{result}_variance"], axes=axes, keepdims=1),
        helper.make_node("Sqrt", [f"{result}_variance"], [result]),
    ]


def _split(name: str, parts: list[str]) -> NodeProto:
    return helper.make_node("Split" if len(parts) > 1 else "Identity", [name], parts)


def _value(name: str, kind: str = "float32", shape: list[str] | list[int] | None = None) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, KINDS[kind], _PLANES if shape is None else shape)


def _model(
    nodes: list[NodeProto],
    inputs: list[ValueInfoProto],
    output: ValueInfoProto,
    constants: dict[str, np.ndarray] | None = None,
) -> onnx.ModelProto:
    held = [numpy_helper.from_array(value, name) for name, value in (constants or {}).items()]
    graph = helper.make_graph(nodes, "step", inputs, [output], held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model, full_check=True)
    return model


def write(folder: Path) -> None:
    """Write all graphs into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, model in graphs():
        (folder / f"{name}.onnx").write_bytes(model.SerializeToString(deterministic=True))


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("runtime/retouch/device/graphs"))
