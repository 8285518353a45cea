"""The product's pipeline on OpenVINO: the same steps around another runtime, on the very graphs of the bundle."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from retouch import pipeline, session
from retouch.pipeline import Inpainter
from retouch.providers import Device
from retouch_models.bundle import Bundle, open_bundle

EXACT = {"INFERENCE_PRECISION_HINT": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0"}
"""Numbers as the graph has them. By itself OpenVINO computes in bfloat16 where the processor can, and rounds the
inputs of matrix products to eight bits where their weights have eight."""


Sizes: TypeAlias = Mapping[str | int, int]
"""Lengths of the free axes by their names."""


class Graph:
    """One graph, compiled for one size of its inputs, which is quicker than free sizes."""

    def __init__(self, bundle: Bundle, role: str, core: Any, settings: Mapping[str, Any], sizes: Sizes) -> None:
        """Compile it, or take it from the cache."""
        self.spec = bundle.graph(role)
        model = core.read_model(bundle.graph_path(role))
        model.reshape({t.name: [sizes.get(axis, axis) for axis in t.shape] for t in self.spec.inputs})
        self._request = core.compile_model(model, "CPU", dict(settings)).create_infer_request()

    def __call__(self, inputs: Mapping[str, Any]) -> list[Any]:
        """Arrays in by name, arrays out in the order of the manifest."""
        found = self._request.infer({t.name: np.ascontiguousarray(inputs[t.name], t.dtype) for t in self.spec.inputs})
        return [np.array(found[t.name]) for t in self.spec.outputs]


class Graphs(session.Graphs):
    """The graphs of a bundle, all open at once."""

    def __init__(self, bundle: Bundle, settings: Mapping[str, Any], cache: Path, side: int) -> None:
        """Compiled graphs are kept in `cache`, as OpenVINO offers."""
        import openvino

        super().__init__(bundle, Device("cpu"))
        core = openvino.Core()
        core.set_property({"CACHE_DIR": str(cache)})
        cells, tokens = side // bundle.manifest.latent.factor, bundle.manifest.text.tokenizers[0].tokens
        picture = {"batch": 1, "image_height": side, "image_width": side, "height": cells, "width": cells}
        pair = {**picture, "batch": 2, "tokens": tokens, "text": tokens, "timesteps": 1}
        self._compiled = {
            role: Graph(bundle, role, core, settings, picture if role.startswith("vae") else pair)
            for role in bundle.manifest.graphs
            if "@" not in role
        }

    def __getitem__(self, role: str) -> Any:
        """Return the graph of a role."""
        return self._compiled[role]


def open_inpainter(model: Path, threads: int, cache: Path, side: int, *, exact: bool) -> Inpainter:
    """The product's engine with its graphs run by OpenVINO; onnxruntime is never imported."""
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads, **(EXACT if exact else {})}
    vars(pipeline).update(
        open_device=lambda name: Device("cpu"),
        Graphs=lambda bundle, *_, **__: Graphs(bundle, settings, cache, side),
    )
    return Inpainter(open_bundle(model), threads=threads, memory="high")
