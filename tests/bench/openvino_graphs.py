"""The product's pipeline on OpenVINO: the same steps around another runtime, on the very graphs of the bundle."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from retouch.memory_plan import EVERYTHING_OPEN, MemoryPlan
from retouch.pipeline import Inpainter
from retouch_models.bundle import Bundle, open_bundle

EXACT = {"INFERENCE_PRECISION_HINT": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0"}
"""Numbers as the graph has them. By itself OpenVINO computes in bfloat16 where the processor can, and rounds the
inputs of matrix products to eight bits where their weights have eight."""


class Graph:
    """One graph, compiled for the sizes of its inputs at the first call with them: fixed sizes are quicker."""

    def __init__(self, bundle: Bundle, role: str, core: Any, settings: Mapping[str, Any]) -> None:
        """Compile nothing yet."""
        self.spec = bundle.graph(role)
        self._path = bundle.graph_path(role)
        self._core, self._settings = core, settings
        self._compiled: dict[tuple[tuple[int, ...], ...], Any] = {}

    def __call__(self, inputs: Mapping[str, Any]) -> list[Any]:
        """Arrays in by name, arrays out in the order of the manifest."""
        feed = {t.name: np.ascontiguousarray(inputs[t.name], t.dtype) for t in self.spec.inputs}
        sizes = tuple(array.shape for array in feed.values())
        if sizes not in self._compiled:
            model = self._core.read_model(self._path)
            model.reshape({name: list(array.shape) for name, array in feed.items()})
            self._compiled[sizes] = self._core.compile_model(model, "CPU", dict(self._settings)).create_infer_request()
        found = self._compiled[sizes].infer(feed)
        return [np.array(found[t.name]) for t in self.spec.outputs]


class Graphs:
    """Stands where `retouch.session.Graphs` stands."""

    def __init__(self, bundle: Bundle, settings: Mapping[str, Any], cache: Path) -> None:
        """Compiled graphs are kept in `cache`, as OpenVINO offers."""
        import openvino

        self.bundle, self.memory = bundle, EVERYTHING_OPEN
        self.notes: tuple[str, ...] = ()
        core = openvino.Core()
        core.set_property({"CACHE_DIR": str(cache)})
        self._graphs = {role: Graph(bundle, role, core, settings) for role in bundle.manifest.graphs if "@" not in role}

    def __getitem__(self, role: str) -> Graph:
        """Return the graph of a role."""
        return self._graphs[role]

    def use(self, plan: MemoryPlan) -> None:
        """All graphs stay open."""

    def release(self, role: str) -> None:
        """All graphs stay open."""

    def close(self) -> None:
        """The process ends soon."""


def open_inpainter(model: Path, threads: int, cache: Path, *, exact: bool) -> Inpainter:
    """The product's engine with its graphs run by OpenVINO; onnxruntime is never imported."""
    from retouch import pipeline
    from retouch.providers import Device

    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads, **(EXACT if exact else {})}
    vars(pipeline).update(
        open_device=lambda name: Device("cpu"),
        Graphs=lambda bundle, device, threads: Graphs(bundle, settings, cache),
    )
    return Inpainter(open_bundle(model), threads=threads, memory="high")
