"""REPORT.md: what the export measured, for people."""

from collections.abc import Iterator, Mapping
from typing import Any

from retouch_models.manifest import Manifest

REPORT = "REPORT.md"

_WHAT = {
    "graph": "exact weights",
    "stored": "as stored",
    "half": "computing in fp16",
    "cuda_graph": "fused for CUDA, in fp32",
    "cuda": "fused for CUDA, as stored",
}


def report(manifest: Manifest) -> str:
    """Return the report of a bundle as Markdown."""
    return "\n".join(_lines(manifest)) + "\n"


def _lines(manifest: Manifest) -> Iterator[str]:
    yield f"# {manifest.name}"
    yield ""
    yield f"{manifest.title}, family `{manifest.family}`, from {manifest.source}; licence {manifest.licence}."
    yield f"Made by {manifest.made_with}."
    yield ""
    yield "## Against PyTorch, in fp32, on the CPU"
    yield ""
    yield "| graph | weights | what | relative error | largest difference | worst of the cases |"
    yield "|---|---|---|---|---|---|"
    for role, entry in manifest.parity["graphs"].items():
        for what in _WHAT:
            if what in entry:
                yield _row(role, entry["precision"], what, entry[what])
    yield ""
    yield "Relative error: L2 norm of the difference over the L2 norm of PyTorch's result. Largest values inside the"
    yield (
        "networks (fp16 ends at 65504): "
        + ", ".join(f"{role} {entry['peak']['value']:.4g}" for role, entry in manifest.parity["graphs"].items())
        + "."
    )
    yield ""
    yield "## A whole picture against diffusers"
    yield ""
    yield _picture(manifest.parity.get("picture"))
    yield ""
    yield "## Files"
    yield ""
    yield "| graph | file | bytes | data | bytes | parameters | GFLOP |"
    yield "|---|---|---|---|---|---|---|"
    for role, spec in manifest.graphs.items():
        data = ("", "") if spec.data is None else (spec.data.file, f"{spec.data.bytes:,}")
        yield (
            f"| {role} | {spec.file.file} | {spec.file.bytes:,} | {data[0]} | {data[1]} "
            f"| {spec.parameters:,} | {spec.gflop} |"
        )


def _row(role: str, precision: str, what: str, proof: Mapping[str, Any]) -> str:
    return (
        f"| {role} | {precision} | {_WHAT[what]} | {proof['relative']:.2e} | {proof['largest']:.2e} "
        f"| {proof['worst']} ({proof['cases']} cases) |"
    )


def _picture(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return "Not compared."
    text = f"{found['label']}: {found['psnr_db']:.1f} dB."
    itself = found.get("itself_db")
    if itself is not None:
        text += f" Diffusers comes as near to itself as {itself:.1f} dB when its noise is rounded otherwise."
    return text
