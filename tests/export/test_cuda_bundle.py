"""A bundle's graphs for CUDA through the runtime's own loop: written out for the CPU, they repaint the same picture."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from retouch.pipeline import Inpainter
from retouch.request import InpaintRequest
from retouch_export.cuda.expansion import expand
from retouch_export.exporting import ExportOptions, export_bundle
from retouch_export.sources import open_source
from retouch_export.tracing import TracedGraph
from retouch_models.bundle import Bundle, file_spec, open_bundle
from retouch_models.manifest import MANIFEST

PARTS = ("unet", "unet_text", "unet_time")


@pytest.fixture(scope="module")
def bundle(checkpoint_folder: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """In fp16, of a UNet with further inputs, the plain graphs at an opset whose operators the fusions do not know."""
    output = tmp_path_factory.mktemp("bundles") / "sdxl"
    options = ExportOptions(name="sdxl", precision="fp16", opset=20, picture=False)
    with open_source(str(checkpoint_folder("sdxl-inpaint"))) as checkpoint:
        return export_bundle(checkpoint, output, options, lambda _line: None)


def on_the_cpu(bundle: Bundle) -> Bundle:
    """The same bundle, its CUDA graphs written out in standard operators and given to the CPU provider."""
    graphs = dict(bundle.manifest.graphs)
    for role in PARTS:
        spec = graphs[f"{role}@cuda"]
        proto = onnx.load(bundle.folder / spec.file.file, load_external_data=False)
        compute = TensorProto.FLOAT if role == "unet_time" else TensorProto.FLOAT16
        written = expand(TracedGraph(proto, {}), compute).proto
        file = f"{role}.written.onnx"
        (bundle.folder / file).write_bytes(written.SerializeToString())
        graphs[f"{role}@cpu"] = dataclasses.replace(spec, file=file_spec(bundle.folder, file), providers=("cpu",))
    manifest = dataclasses.replace(bundle.manifest, graphs=graphs)
    (bundle.folder / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
    return open_bundle(bundle.folder)


def test_the_runtime_repaints_the_same_picture_by_the_cut_graphs(bundle: Bundle) -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    mask = np.zeros((64, 64), np.float32)
    mask[20:44, 20:44] = 1
    request = InpaintRequest(prompt="a red heart", steps=3, seed=3, guidance=2.0)
    pictures = []
    for given in (bundle, on_the_cpu(bundle)):
        inpainter = Inpainter(given, provider="cpu")
        pictures.append(inpainter.run(image, mask, request).image.astype(np.float64))
        inpainter.close()
    assert np.abs(pictures[0] - image).max() > 0
    assert (pictures[0] != pictures[1]).any()
    # fp32 arithmetic against fp16 on the same weights; random networks amplify the rounding.
    assert 10 * np.log10(255**2 / np.mean((pictures[0] - pictures[1])[mask > 0] ** 2)) > 30


def test_the_variant_shares_the_weights_and_says_what_it_takes(bundle: Bundle) -> None:
    graphs = bundle.manifest.graphs
    specs = {role: graphs[f"{role}@cuda"] for role in PARTS}
    assert {spec.data for spec in specs.values()} == {graphs["unet"].data}
    assert all(spec.providers == ("cuda",) for spec in specs.values())
    kinds = {role: {t.name: t.dtype for t in (*spec.inputs, *spec.outputs)} for role, spec in specs.items()}
    time = kinds["unet_time"]
    assert {kind for name, kind in time.items() if name != "time"} == {"float32"}
    # What one graph gives is of the type and the shape that the next takes, so that it is copied as it is.
    given = {t.name: t for role in PARTS[1:] for t in specs[role].outputs}
    taken = {t.name: t for t in specs["unet"].inputs if t.name != "sample"}
    assert given == taken
    assert time["time"] == kinds["unet"]["sample"] == kinds["unet"]["out_sample"] == "float16"
    assert sum(spec.parameters for spec in specs.values()) == graphs["unet"].parameters


def test_no_file_of_the_proof_is_left(bundle: Bundle) -> None:
    known = {f.file for f in bundle.manifest.all_files()} | {MANIFEST}
    left = {str(p.relative_to(bundle.folder)) for p in bundle.folder.rglob("*") if p.is_file()}
    assert {name for name in left - known if not name.endswith(".written.onnx")} == set()
