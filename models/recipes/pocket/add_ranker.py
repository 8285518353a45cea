"""Put a ranker into a bundle: `python -m recipes.pocket.add_ranker WEIGHTS BUNDLE`.

The graph of trained weights is written in 8 bits and proved against PyTorch; that of another bundle is copied. The
manifest, which names it, is written last.
"""

import argparse
import io
import itertools
import math
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnx import numpy_helper
from safetensors.torch import load_file
from torch import Tensor

from recipes.pocket import classifier
from recipes.pocket.networks import TOKENS
from recipes.pocket.ranker import Ranker
from recipes.pocket.start import load_tokenizer
from recipes.pocket.text_ids import encoder_of
from retouch_export.graph_file import write_graph
from retouch_export.precision import codec_chooser
from retouch_export.tracing import OPSET, TracedGraph, Weight
from retouch_models.bundle import Bundle, file_spec, open_bundle
from retouch_models.families import FAMILIES
from retouch_models.manifest import MANIFEST, GraphSpec, TensorSpec

ROLE = "ranker"
AXES = {"image": {0: "batch"}, "input_ids": {0: "batch"}, "likeness": {0: "batch"}}
LARGEST_ERROR = 0.05
"""Of a likeness, 0..1, by the 8-bit weights."""


def main() -> None:
    """Write the graph and the manifest."""
    parser = argparse.ArgumentParser(description="Put a trained ranker into a bundle.")
    parser.add_argument("weights", type=Path, help="what train_ranker wrote, or a bundle to take the ranker from")
    parser.add_argument("bundle", type=Path, help="folder with manifest.json, changed in place")
    options = parser.parse_args()
    if options.weights.is_dir():
        copy_ranker(open_bundle(options.weights), options.bundle)
        return
    error = add_ranker(load_ranker(options.weights), options.bundle)
    print(f"{options.bundle / ROLE}.onnx: likeness at most {error:.3f} from PyTorch's")  # noqa: T201


def load_ranker(path: Path) -> Ranker:
    """Read a ranker that was trained."""
    weights = load_file(path)
    net = Ranker(len(weights["rivals"]))
    net.load_state_dict(weights)
    return net.eval()


def add_ranker(net: Ranker, folder: Path) -> float:
    """Add the graph to a bundle; returns its largest error. ValueError, and no change, if that is too large."""
    pictures, ids = _examples()
    part, name = folder / f"{ROLE}.onnx.part", f"{ROLE}.onnx"
    traced = _traced(net, (pictures, ids))
    write_graph(traced, part, codec_chooser("int8"))
    error = _error(net, part, pictures, ids)
    if not error <= LARGEST_ERROR:
        part.unlink()
        raise ValueError(f"likeness of the graph is {error:.3f} off, more than {LARGEST_ERROR}; train the ranker on")
    part.replace(folder / name)
    spec = GraphSpec(
        file=file_spec(folder, name),
        inputs=(
            TensorSpec(name="image", dtype="float32", shape=("batch", *pictures.shape[1:])),
            TensorSpec(name="input_ids", dtype="int64", shape=("batch", TOKENS)),
        ),
        outputs=(TensorSpec(name="likeness", dtype="float32", shape=("batch",)),),
        opset=OPSET,
        precision="int8",
        parameters=sum(math.prod(weight.tensor.shape) for weight in traced.weights.values()),
    )
    _name(folder, spec, {"precision": "int8", "largest": error})
    return error


def copy_ranker(source: Bundle, folder: Path) -> None:
    """Take the ranker of another bundle; BundleError if that has none."""
    spec = source.graph(ROLE)
    part = folder / f"{ROLE}.onnx.part"
    shutil.copyfile(source.graph_path(ROLE), part)
    part.replace(folder / f"{ROLE}.onnx")
    _name(folder, spec, source.manifest.parity.get("graphs", {}).get(ROLE, {}))


def _name(folder: Path, spec: GraphSpec, proof: Mapping[str, Any]) -> None:
    """Name the graph in the manifest, and draft as often as suits the model's family."""
    manifest = open_bundle(folder).manifest
    told = replace(
        manifest,
        graphs={**manifest.graphs, ROLE: spec},
        defaults=replace(manifest.defaults, best_of=FAMILIES[manifest.family]().defaults.best_of),
        parity={**manifest.parity, "graphs": {**manifest.parity.get("graphs", {}), ROLE: proof}},
    )
    draft = folder / f"{MANIFEST}.part"
    draft.write_text(told.to_json(), encoding="utf-8")
    draft.replace(folder / MANIFEST)


def _examples() -> tuple[Tensor, Tensor]:
    """Coloured discs and squares with their own names, and with each other's, so that all likenesses occur."""
    line = torch.linspace(-1, 1, classifier.SIDE_PX)
    outlines = {
        "circle": torch.hypot(line[None], line[:, None]) < 0.7,
        "square": torch.maximum(line.abs()[None], line.abs()[:, None]) < 0.65,
    }
    colours = {"red": (0.88, 0.17, 0.17), "green": (0.18, 0.66, 0.31), "blue": (0.18, 0.44, 0.88)}
    drawn = {
        f"a {colour} {outline}": torch.where(inside, torch.tensor(value)[:, None, None], torch.tensor(0.75))
        for (outline, inside), (colour, value) in itertools.product(outlines.items(), colours.items())
    }
    pairs = list(itertools.product(drawn.values(), drawn))
    return torch.stack([picture for picture, _ in pairs]), encoder_of(load_tokenizer())([text for _, text in pairs])


def _traced(net: Ranker, example: tuple[Tensor, Tensor]) -> TracedGraph:
    """The graph, with its weights beside it."""
    buffer = io.BytesIO()
    torch.onnx.export(
        net,
        example,
        buffer,
        dynamo=False,
        opset_version=OPSET,
        input_names=["image", "input_ids"],
        output_names=["likeness"],
        dynamic_axes=AXES,
    )
    proto = onnx.load_from_string(buffer.getvalue())
    multiplied = {node.input[1] for node in proto.graph.node if node.op_type == "MatMul"}
    weights = {tensor.name: _weight(tensor, last=tensor.name in multiplied) for tensor in proto.graph.initializer}
    del proto.graph.initializer[:]
    proto.graph.name, proto.doc_string, proto.producer_version = "graph", "", ""
    return TracedGraph(proto, weights)


def _weight(tensor: onnx.TensorProto, *, last: bool) -> Weight:
    """A weight; scales belong to its `last` axis, or to its first: OpenVINO takes none along what is summed."""
    value = torch.from_numpy(np.array(numpy_helper.to_array(tensor)))
    return Weight(value.t(), transposed=True) if last else Weight(value)


def _error(net: Ranker, graph: Path, pictures: Tensor, ids: Tensor) -> float:
    """Largest difference of a likeness."""
    session = ort.InferenceSession(graph.read_bytes(), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"image": pictures.numpy(), "input_ids": ids.numpy()})
    with torch.no_grad():
        return float(np.abs(found - net(pictures, ids).numpy()).max())


if __name__ == "__main__":
    main()
