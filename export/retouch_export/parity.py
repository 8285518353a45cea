"""Proof that a graph computes what PyTorch computes, on varied inputs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from retouch_export.examples import Example
from retouch_export.frugal import frugal_session
from retouch_models.errors import ExportError

Arrays = tuple[NDArray[np.float32], ...]


@dataclass(frozen=True, kw_only=True)
class Parity:
    """The worst case of a graph over all examples."""

    relative: float
    """L2 norm of the difference over L2 norm of PyTorch's result."""
    largest: float
    """Largest absolute difference."""
    worst: str
    """The example that gave `relative`."""
    cases: int


def torch_results(module: nn.Module, examples: Sequence[Example]) -> list[Arrays]:
    """Run the module in fp32."""
    with torch.inference_mode():
        return [tuple(t.numpy() for t in module(**example.inputs)) for example in examples]


def compare(
    graph: Path, role: str, examples: Sequence[Example], expected: Sequence[Arrays], *, before: Sequence[Path] = ()
) -> Parity:
    """Run a graph on the CPU and compare; raises ExportError if it does not load or gives NaN.

    Graphs in `before` run first, in their order, and what they give is there for those after them to take.
    """
    try:
        sessions = [frugal_session(path) for path in (*before, graph)]
    except Exception as error:
        raise ExportError(f"{role}: ONNX Runtime does not load the graph ({str(error).splitlines()[0]})") from error
    worst = Parity(relative=-1.0, largest=0.0, worst="", cases=len(examples))
    for example, reference in zip(examples, expected, strict=True):
        found = _run(sessions, example.inputs)
        relative, largest = _difference(role, example.label, found, reference)
        label = example.label if relative > worst.relative else worst.worst
        worst = Parity(
            relative=max(relative, worst.relative),
            largest=max(largest, worst.largest),
            worst=label,
            cases=len(examples),
        )
    return worst


def _run(sessions: Sequence[ort.InferenceSession], inputs: Mapping[str, Tensor]) -> list[NDArray[np.generic]]:
    """Outputs of the last graph; each takes the types that it names."""
    kinds = {"tensor(float16)": np.float16, "tensor(float)": np.float32, "tensor(int64)": np.int64}
    known: dict[str, NDArray[np.generic]] = {name: tensor.numpy() for name, tensor in inputs.items()}
    found: list[NDArray[np.generic]] = []
    for session in sessions:
        found = session.run(
            None, {spec.name: known[spec.name].astype(kinds[spec.type]) for spec in session.get_inputs()}
        )
        known |= {spec.name: array for spec, array in zip(session.get_outputs(), found, strict=True)}
    return found


def _difference(role: str, label: str, found: Sequence[NDArray[np.generic]], expected: Arrays) -> tuple[float, float]:
    """Relative L2 and largest absolute difference, the worst of all outputs."""
    relative = largest = 0.0
    for ours, theirs in zip(found, expected, strict=True):
        if ours.shape != theirs.shape:
            raise ExportError(f"{role}: gives the shape {ours.shape} where PyTorch gives {theirs.shape} ({label})")
        if not np.isfinite(ours).all():
            raise ExportError(f"{role}: gives NaN or infinity ({label}); export it with --precision fp32")
        gap = ours.astype(np.float64) - theirs
        relative = max(relative, float(np.linalg.norm(gap)) / max(float(np.linalg.norm(theirs)), 1e-12))
        largest = max(largest, float(np.abs(gap).max()))
    return relative, largest
