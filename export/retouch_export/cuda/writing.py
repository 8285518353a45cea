"""The files of the CUDA variant: the graphs of the bundle, and those that prove them and are removed afterwards."""

from collections.abc import Mapping
from pathlib import Path

from onnx import TensorProto

from retouch_export.cuda.variant import Part
from retouch_export.data_file import DataFile
from retouch_export.graph_file import write_graph
from retouch_export.precision import codec_chooser
from retouch_export.tracing import TracedGraph


def file_name(role: str) -> str:
    """Name of the graph of `role` for CUDA."""
    return f"{role}.cuda.onnx"


def exact_proofs(role: str, parts: Mapping[str, Part]) -> dict[str, TracedGraph]:
    """The fp32 graphs to be run on the CPU by file name, in the order in which they run."""
    return {f"{role}.exact.{name}.onnx": part.exact_proof() for name, part in parts.items()}


def write_parts(role: str, parts: Mapping[str, Part], folder: Path, data: DataFile) -> list[str]:
    """Write the graphs of the bundle and what proves them; returns the names of the latter in their order."""
    proofs = []
    for name, part in parts.items():
        choose = codec_chooser("fp16") if part.compute == TensorProto.FLOAT else _fp16
        write_graph(part.given, folder / file_name(name), choose, data=data, compute=part.compute)
        proofs.append(f"{role}.exact.{name}.given.onnx")
        write_graph(part.given_proof(), folder / proofs[-1], choose, data=data, compute=part.compute)
    return proofs


def _fp16(_name: str, _shape: tuple[int, ...]) -> str:
    return "fp16"
