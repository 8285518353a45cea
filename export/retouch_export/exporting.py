"""From a checkpoint to a bundle: trace, write, prove, describe; all in a folder that is renamed at the end."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import onnx
import onnxruntime as ort
import torch

from retouch_export.checkpoint import Checkpoint
from retouch_export.description import (
    Card,
    conditioning_spec,
    latent_spec,
    noise_spec,
    size_spec,
    text_spec,
)
from retouch_export.examples import examples, native_example
from retouch_export.graph_file import write_graph
from retouch_export.parity import Parity, compare, torch_results
from retouch_export.precision import codec_chooser
from retouch_export.preview import preview_matrix
from retouch_export.tracing import OPSET, trace
from retouch_export.work import gflop
from retouch_models.bundle import Bundle, file_spec, open_bundle
from retouch_models.errors import ExportError
from retouch_models.manifest import MANIFEST, FileSpec, GraphSpec, Manifest, TensorSpec

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """How a bundle is made."""

    name: str
    precision: str = "fp16"
    vae_precision: str | None = None
    opset: int = OPSET
    card: Card = field(default_factory=Card)


def export_bundle(checkpoint: Checkpoint, output: Path, options: ExportOptions, say: Say) -> Bundle:
    """Write the bundle to `output`, which must not exist; raises ExportError and leaves nothing behind."""
    if output.exists():
        raise ExportError(f"{output} exists already; choose another folder or remove it")
    checkpoint.family()
    partial = output.with_name(f".{output.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        _fill(checkpoint, partial, options, say)
        partial.rename(output)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return open_bundle(output)


def _fill(checkpoint: Checkpoint, folder: Path, options: ExportOptions, say: Say) -> None:
    graphs, parity = {}, {}
    for role in checkpoint.modules():
        graphs[role], parity[role] = _export_graph(checkpoint, role, folder, options, say)
    files = _copy_tokenizers(checkpoint, folder)
    manifest = _manifest(checkpoint, options, graphs, files, {"graphs": parity})
    (folder / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")


def _export_graph(
    checkpoint: Checkpoint, role: str, folder: Path, options: ExportOptions, say: Say
) -> tuple[GraphSpec, Any]:
    """Write one graph in fp32 to prove the tracing, then as asked to prove the storage."""
    module, cases = checkpoint.modules()[role], examples(checkpoint, role)
    _, family = checkpoint.family()
    precision = options.precision
    if role.startswith("vae") and options.vae_precision is not None:
        precision = options.vae_precision
    traced = trace(module, cases[0].inputs, options.opset)
    expected = torch_results(module, cases)
    exact = folder / f"{role}.exact.onnx"
    write_graph(traced, exact, codec_chooser("fp32"), data=exact.with_suffix(".data"))
    proofs = {"graph": compare(exact, role, cases, expected)}
    exact.unlink()
    exact.with_suffix(".data").unlink()
    graph = folder / f"{role}.onnx"
    written = write_graph(traced, graph, codec_chooser(precision))
    proofs["stored"] = compare(graph, role, cases, expected)
    limits = {"graph": family.tolerance.fp32, "stored": getattr(family.tolerance, precision)}
    for what, proof in proofs.items():
        say(_line(role, what, proof, limits[what]))
        if proof.relative > limits[what]:
            raise ExportError(
                f"{role} differs from PyTorch by {proof.relative:.1e} ({proof.worst}), more than {limits[what]:.0e}; "
                "try --precision fp32, or --keep-failed to study it"
            )
    spec = GraphSpec(
        file=file_spec(folder, graph.name),
        inputs=_tensors(traced.proto.graph.input),
        outputs=_tensors(traced.proto.graph.output),
        opset=options.opset,
        precision=precision,
        parameters=written.parameters,
        gflop=gflop(module, native_example(checkpoint, role)),
    )
    return spec, {"precision": precision} | {what: asdict(proof) for what, proof in proofs.items()}


def _line(role: str, what: str, proof: Parity, limit: float) -> str:
    return (
        f"{role:13} {what:6} against PyTorch fp32: relative error {proof.relative:.2e} (at most {limit:.0e}), "
        f"largest difference {proof.largest:.2e}, {proof.cases} cases, worst: {proof.worst}"
    )


def _tensors(values: Any) -> tuple[TensorSpec, ...]:
    kinds = {onnx.TensorProto.FLOAT: "float32", onnx.TensorProto.FLOAT16: "float16", onnx.TensorProto.INT64: "int64"}
    return tuple(
        TensorSpec(
            name=value.name,
            dtype=kinds[value.type.tensor_type.elem_type],
            shape=tuple(d.dim_param if d.dim_param else d.dim_value for d in value.type.tensor_type.shape.dim),
        )
        for value in values
    )


def _copy_tokenizers(checkpoint: Checkpoint, folder: Path) -> tuple[FileSpec, ...]:
    files = []
    for spec, source in zip(text_spec(checkpoint).tokenizers, checkpoint.tokenizers, strict=True):
        (folder / spec.folder).mkdir()
        for name in ("vocab.json", "merges.txt"):
            (folder / spec.folder / name).write_bytes((source / name).read_bytes())
            files.append(file_spec(folder, f"{spec.folder}/{name}"))
    return tuple(files)


def _manifest(
    checkpoint: Checkpoint,
    options: ExportOptions,
    graphs: Mapping[str, GraphSpec],
    files: tuple[FileSpec, ...],
    parity: Mapping[str, Any],
) -> Manifest:
    name, family = checkpoint.family()
    card = options.card
    return Manifest(
        name=options.name,
        title=family.title if card.title is None else card.title,
        family=name,
        description=card.description,
        licence=checkpoint.licence if card.licence is None else card.licence,
        attribution=card.attribution,
        made_with=f"retouch export, torch {torch.__version__}, onnx {onnx.__version__}, onnxruntime {ort.__version__}",
        source=checkpoint.source,
        size=size_spec(checkpoint),
        latent=latent_spec(checkpoint, preview_matrix(checkpoint)),
        noise=noise_spec(checkpoint),
        text=text_spec(checkpoint),
        conditioning=conditioning_spec(checkpoint),
        defaults=family.defaults,
        graphs=graphs,
        files=files,
        parity=parity,
    )
