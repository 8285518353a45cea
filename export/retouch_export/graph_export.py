"""One graph of a bundle: traced, written, and proved against PyTorch with the network freed in between."""

import gc
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto

from retouch_export.checkpoint import Checkpoint
from retouch_export.data_file import DataFile
from retouch_export.examples import Example, examples, native_example
from retouch_export.graph_file import write_graph
from retouch_export.half import to_half
from retouch_export.parity import Arrays, Parity, compare, torch_results
from retouch_export.precision import codec_chooser, exact_chooser
from retouch_export.range_check import Peak, watch
from retouch_export.static_shape import Sizes, fix_axes
from retouch_export.tracing import TracedGraph, trace
from retouch_export.work import gflop
from retouch_models.bundle import file_spec
from retouch_models.errors import ExportError
from retouch_models.manifest import GraphSpec, TensorSpec

Say = Callable[[str], None]

DATA_FROM = 64 * 2**20
"""Graphs with more bytes of weights keep them in a file of their own."""

HALF_PROVIDERS = ("cuda", "directml")
"""Providers that compute in fp16; each gets the role `NAME@PROVIDER`, all from one file."""


@dataclass(frozen=True, kw_only=True)
class GraphOptions:
    """How a graph is made."""

    precision: str
    opset: int
    sizes: Sizes = ()
    """The only sizes; the axes are fixed if there is one."""


@dataclass(frozen=True, kw_only=True)
class GraphResult:
    """The graph with its variants by role, and what was measured."""

    specs: dict[str, GraphSpec]
    parity: dict[str, Any]


def export_graph(checkpoint: Checkpoint, role: str, folder: Path, options: GraphOptions, say: Say) -> GraphResult:
    """Write the graph of a role into `folder` and prove it; ExportError if it differs from PyTorch too much."""
    made = _write(checkpoint, role, folder, options, say)
    gc.collect()
    by_file = {file: compare(folder / file, role, made.cases, made.expected) for file in set(made.files.values())}
    proofs = {what: by_file[file] for what, file in made.files.items()}
    for path in folder.glob(f"{role}.exact.*"):
        path.unlink()
    _, family = checkpoint.family()
    for what, proof in proofs.items():
        limit = family.tolerance.of({"graph": "fp32", "half": "fp16"}.get(what, options.precision))
        say(_line(role, what, proof, limit))
        if not proof.relative <= limit:
            raise ExportError(
                f"{role} ({what}) differs from PyTorch by {proof.relative:.1e} ({proof.worst}), more than {limit:.0e}; "
                "try --precision fp32, or --keep-failed to study it"
            )
    parity = {"precision": options.precision} | {what: asdict(proof) for what, proof in proofs.items()}
    parity["peak"] = {"value": made.peak.value, "layer": made.peak.layer}
    return GraphResult(specs=_specs(folder, role, made, options), parity=parity)


@dataclass(frozen=True, kw_only=True)
class _Made:
    """What is known once the network may be freed."""

    files: dict[str, str]
    """graph: the exact one; stored: the one of the bundle, maybe the same; half: its variant. File names."""
    data: str | None
    cases: Sequence[Example]
    expected: Sequence[Arrays]
    peak: Peak
    parameters: int
    gflop: float


def _write(checkpoint: Checkpoint, role: str, folder: Path, options: GraphOptions, say: Say) -> _Made:
    module, cases = checkpoint.module(role), examples(checkpoint, role, options.sizes)
    traced = trace(module, cases[0].inputs, options.opset)
    if len(options.sizes) == 1:
        traced = fix_axes(traced, cases[0].inputs)
    with watch(module) as peak:
        expected = torch_results(module, cases)
    stored = f"{role}.onnx"
    exact = _write_exact(traced, folder, role, options.precision)
    parameters = sum(weight.tensor.numel() for weight in traced.weights.values())
    files = {"graph": stored if exact is None else exact, "stored": stored}
    size = parameters * {"fp32": 4, "fp16": 2, "int8": 1}[options.precision]
    if size <= DATA_FROM and options.precision != "fp16":
        write_graph(traced, folder / stored, codec_chooser(options.precision))
        data_name = None
    else:
        data_name = f"{role}.data"
        with DataFile(folder / data_name) as data:
            write_graph(traced, folder / stored, codec_chooser(options.precision), data=data)
            if options.precision == "fp16":
                files |= _write_half(traced, folder, role, data, peak, say)
    return _Made(
        files=files,
        data=data_name,
        cases=cases,
        expected=expected,
        peak=peak,
        parameters=parameters,
        gflop=gflop(module, native_example(checkpoint, role).inputs),
    )


def _write_exact(traced: TracedGraph, folder: Path, role: str, precision: str) -> str | None:
    """Write the graph with every bit of its weights, to be proved and removed; None if the bundle's has them too."""
    exact, stored = exact_chooser(traced.weights), codec_chooser(precision)
    shapes = {name: tuple(weight.tensor.shape) for name, weight in traced.weights.items()}
    if all(stored(name, shape) in ("fp32", exact(name, shape)) for name, shape in shapes.items()):
        return None
    with DataFile(folder / f"{role}.exact.data") as data:
        write_graph(traced, folder / f"{role}.exact.onnx", exact, data=data)
    return f"{role}.exact.onnx"


def _write_half(traced: TracedGraph, folder: Path, role: str, data: DataFile, peak: Peak, say: Say) -> dict[str, str]:
    """Write the variant that computes in fp16, on the same weights, unless its values would overflow."""
    if not peak.fits:
        say(f"{role:13} computes in fp32 everywhere: {peak.layer} reaches {peak.value:.0f}, too much for fp16")
        return {}
    name = f"{role}.half.onnx"
    write_graph(to_half(traced), folder / name, lambda _name, _shape: "fp16", data=data, compute=TensorProto.FLOAT16)
    return {"half": name}


def _specs(folder: Path, role: str, made: _Made, options: GraphOptions) -> dict[str, GraphSpec]:
    specs = {role: _spec(folder, made.files["stored"], made, options, ())}
    if "half" in made.files:
        specs |= {
            f"{role}@{provider}": _spec(folder, made.files["half"], made, options, HALF_PROVIDERS)
            for provider in HALF_PROVIDERS
        }
    return specs


def _spec(folder: Path, file: str, made: _Made, options: GraphOptions, providers: tuple[str, ...]) -> GraphSpec:
    graph = onnx.load(folder / file, load_external_data=False).graph
    return GraphSpec(
        file=file_spec(folder, file),
        data=None if made.data is None else file_spec(folder, made.data),
        inputs=_tensors(graph.input, [made.cases[0].inputs[value.name].shape for value in graph.input]),
        outputs=_tensors(graph.output, [array.shape for array in made.expected[0]]),
        opset=options.opset,
        precision=options.precision,
        providers=providers,
        parameters=made.parameters,
        gflop=made.gflop,
    )


def _line(role: str, what: str, proof: Parity, limit: float) -> str:
    return (
        f"{role:14} {what:6} against PyTorch fp32: relative error {proof.relative:.2e} (at most {limit:.0e}), "
        f"largest difference {proof.largest:.2e}, {proof.cases} cases, worst: {proof.worst}"
    )


_FREE = frozenset({"batch", "tokens", "text", "timesteps", "height", "width", "image_height", "image_width"})


def _tensors(values: Sequence[onnx.ValueInfoProto], shapes: Sequence[Sequence[int]]) -> tuple[TensorSpec, ...]:
    """Describe inputs or outputs; axes that the trace could not tell are fixed and have the size of the example."""
    kinds = {TensorProto.FLOAT: "float32", TensorProto.FLOAT16: "float16", TensorProto.INT64: "int64"}
    return tuple(
        TensorSpec(
            name=value.name,
            dtype=kinds[value.type.tensor_type.elem_type],
            shape=tuple(
                dim.dim_param if dim.dim_param in _FREE else side
                for dim, side in zip(value.type.tensor_type.shape.dim, shape, strict=True)
            ),
        )
        for value, shape in zip(values, shapes, strict=True)
    )
