"""One graph of a bundle: traced, written, and proved against PyTorch with the network freed in between."""

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto
from torch import nn

from retouch_export.checkpoint import Checkpoint
from retouch_export.cuda.channels_last import Layout
from retouch_export.cuda.variant import Part, cuda_parts
from retouch_export.cuda.writing import exact_proofs, file_name, write_parts
from retouch_export.data_file import DataFile
from retouch_export.examples import Example, examples, native_example
from retouch_export.graph_file import write_graph
from retouch_export.half import to_half
from retouch_export.parity import Arrays, Parity, compare, torch_results
from retouch_export.precision import STORED_BYTES, codec_chooser, exact_chooser
from retouch_export.range_check import Peak, watch
from retouch_export.static_shape import Sizes, fix_axes
from retouch_export.tracing import OPSET, TracedGraph, trace
from retouch_export.work import gflop, outline
from retouch_models.bundle import file_spec
from retouch_models.errors import ExportError
from retouch_models.manifest import GraphSpec, TensorSpec

Say = Callable[[str], None]

DATA_FROM = 64 * 2**20
"""Graphs with more bytes of weights keep them in a file of their own."""

PLAIN = frozenset({"ranker"})
"""Roles that need no variants in half precision: they run once for many steps."""
SHARES = frozenset({"ranker"})
"""Roles that give shares of 1: as stored they are held to the largest difference of a share. A relative one would be
that of sharp logits, which no draft is chosen by where the share is nearly 0."""

_LIMITS = {"graph": "fp32", "half": "fp16", "cuda_graph": "fp32", "cuda": "fp16"}
"""Which of the family's tolerances a proof is held to; the others to that of the bundle's precision."""


@dataclass(frozen=True, kw_only=True)
class GraphOptions:
    """How a graph is made."""

    precision: str
    opset: int
    sizes: Sizes = ()
    """The only sizes; the axes are fixed if there is one."""
    cuda_layout: Layout = "graph"


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
    for what, chain in made.chains.items():
        *before, last = (folder / file for file in chain)
        proofs[what] = compare(last, role, made.cases, made.expected, before=before)
    for path in folder.glob(f"{role}.exact.*"):
        path.unlink()
    _, family = checkpoint.family()
    for what, proof in proofs.items():
        limit = family.tolerance.of(_LIMITS.get(what, options.precision))
        say(_line(role, what, proof, limit))
        error = proof.largest if _by_largest(role, what) else proof.relative
        if not error <= limit:
            raise ExportError(
                f"{role} ({what}) differs from PyTorch by {error:.1e} ({proof.worst}), more than {limit:.0e}; "
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
    chains: dict[str, tuple[str, ...]]
    """cuda_graph: the exact variant for CUDA; cuda: the one of the bundle; each written out for the CPU. File names."""
    parts: dict[str, int]
    """Roles that the variant for CUDA consists of, and their numbers of weights."""
    data: str | None
    cases: Sequence[Example]
    expected: Sequence[Arrays]
    results: dict[str, tuple[int, ...]]
    """Outputs and the shapes that the first case gives."""
    peak: Peak
    parameters: int
    gflop: float


def _write(checkpoint: Checkpoint, role: str, folder: Path, options: GraphOptions, say: Say) -> _Made:
    module, cases = checkpoint.module(role), examples(checkpoint, role, options.sizes)
    traced = _traced(module, cases, options, options.opset)
    with watch(module) as peak:
        expected = torch_results(module, cases)
    parts: Mapping[str, Part] = {}
    if options.precision == "fp16" and role not in PLAIN:
        if not peak.fits:
            say(f"{role:13} computes in fp32 everywhere: {peak.layer} reaches {peak.value:.0f}, too much for fp16")
        plain = traced if options.opset == OPSET else _traced(module, cases, options, OPSET)
        parts = cuda_parts(role, plain, module, half=peak.fits, layout=options.cuda_layout)
    files, chains, data_name = _write_files(
        traced, parts, role, folder, options.precision, half=peak.fits and role not in PLAIN
    )
    return _Made(
        files=files,
        chains=chains,
        parts={name: _count(part.given) for name, part in parts.items()},
        data=data_name,
        cases=cases,
        expected=expected,
        results={v.name: array.shape for v, array in zip(traced.proto.graph.output, expected[0], strict=True)},
        peak=peak,
        parameters=_count(traced),
        gflop=gflop(module, native_example(checkpoint, role).inputs),
    )


def _traced(module: nn.Module, cases: Sequence[Example], options: GraphOptions, opset: int) -> TracedGraph:
    traced = trace(module, cases[0].inputs, opset)
    if len(options.sizes) != 1:
        return traced
    return fix_axes(traced, cases[0].inputs, outline(module, cases[0].inputs))


_Files = tuple[dict[str, str], dict[str, tuple[str, ...]], str | None]
"""Graphs and chains to be proved, and the file of the weights; see `_Made`."""


def _write_files(
    traced: TracedGraph, parts: Mapping[str, Part], role: str, folder: Path, precision: str, *, half: bool
) -> _Files:
    """Write every graph of a role: the bundle's, its variants, and those of the proof alone."""
    stored, exact = f"{role}.onnx", f"{role}.exact.onnx"
    proofs = exact_proofs(role, parts)
    apart = _write_exact(traced, {exact: traced} | proofs, folder, role, precision)
    files = {"graph": exact if apart else stored, "stored": stored}
    if precision != "fp16" and _count(traced) * STORED_BYTES[precision] <= DATA_FROM:
        write_graph(traced, folder / stored, codec_chooser(precision))
        return files, {}, None
    chains: dict[str, tuple[str, ...]] = {}
    with DataFile(folder / f"{role}.data") as data:
        write_graph(traced, folder / stored, codec_chooser(precision), data=data)
        if half and precision == "fp16":
            files["half"] = f"{role}.half.onnx"
            fp16 = TensorProto.FLOAT16
            write_graph(to_half(traced), folder / files["half"], lambda _n, _s: "fp16", data=data, compute=fp16)
        if parts:
            for name, graph in () if apart else proofs.items():
                write_graph(graph, folder / name, codec_chooser(precision), data=data)
            chains = {"cuda_graph": tuple(proofs), "cuda": tuple(write_parts(role, parts, folder, data))}
    return files, chains, f"{role}.data"


def _write_exact(
    traced: TracedGraph, graphs: Mapping[str, TracedGraph], folder: Path, role: str, precision: str
) -> bool:
    """Write graphs with every bit of their weights, to be proved and removed, unless the bundle's file has them all."""
    exact, stored = exact_chooser(traced.weights), codec_chooser(precision)
    shapes = {name: tuple(weight.tensor.shape) for name, weight in traced.weights.items()}
    if all(stored(name, shape) in ("fp32", exact(name, shape)) for name, shape in shapes.items()):
        return False
    with DataFile(folder / f"{role}.exact.data") as data:
        for name, graph in graphs.items():
            write_graph(graph, folder / name, exact, data=data)
    return True


def _count(traced: TracedGraph) -> int:
    """Number of weights."""
    return sum(weight.tensor.numel() for weight in traced.weights.values())


def _specs(folder: Path, role: str, made: _Made, options: GraphOptions) -> dict[str, GraphSpec]:
    specs = {role: _spec(folder, made.files["stored"], made, options, ())}
    if "half" in made.files:
        specs[f"{role}@directml"] = _spec(folder, made.files["half"], made, options, ("directml",))
    for name, parameters in made.parts.items():
        spec = _spec(folder, file_name(name), made, options, ("cuda",))
        specs[f"{name}@cuda"] = replace(spec, parameters=parameters, gflop=spec.gflop if name == role else None)
    return specs


def _spec(folder: Path, file: str, made: _Made, options: GraphOptions, providers: tuple[str, ...]) -> GraphSpec:
    model = onnx.load(folder / file, load_external_data=False)
    shapes = {name: tensor.shape for name, tensor in made.cases[0].inputs.items()} | made.results
    return GraphSpec(
        file=file_spec(folder, file),
        data=None if made.data is None else file_spec(folder, made.data),
        inputs=_tensors(model.graph.input, shapes),
        outputs=_tensors(model.graph.output, shapes),
        opset=next(entry.version for entry in model.opset_import if entry.domain == ""),
        precision=options.precision,
        providers=providers,
        parameters=made.parameters,
        gflop=made.gflop,
    )


def _by_largest(role: str, what: str) -> bool:
    """Whether the largest difference is held to the limit, and not the relative error, the stricter of the two."""
    return role in SHARES and what != "graph"


def _line(role: str, what: str, proof: Parity, limit: float) -> str:
    most = f" (at most {limit:.0e})"
    relative, largest = ("", most) if _by_largest(role, what) else (most, "")
    return (
        f"{role:14} {what:6} against PyTorch fp32: relative error {proof.relative:.2e}{relative}, "
        f"largest difference {proof.largest:.2e}{largest}, {proof.cases} cases, worst: {proof.worst}"
    )


_FREE = frozenset({"batch", "tokens", "text", "timesteps", "rows", "height", "width", "image_height", "image_width"})


def _tensors(values: Sequence[onnx.ValueInfoProto], shapes: Mapping[str, Sequence[int]]) -> tuple[TensorSpec, ...]:
    """Describe inputs or outputs; axes that the trace could not tell are fixed and have the size of the example."""
    kinds = {TensorProto.FLOAT: "float32", TensorProto.FLOAT16: "float16", TensorProto.INT64: "int64"}
    return tuple(
        TensorSpec(
            name=value.name,
            dtype=kinds[value.type.tensor_type.elem_type],
            shape=tuple(
                dim.dim_param if dim.dim_param in _FREE else side
                for dim, side in zip(dims, shapes.get(value.name, [dim.dim_value for dim in dims]), strict=True)
            ),
        )
        for value, dims in ((value, value.type.tensor_type.shape.dim) for value in values)
    )
