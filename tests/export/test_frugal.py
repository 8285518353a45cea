"""A proof takes little memory beside the file, gives what a session for users gives, and leaves no traces."""

import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from onnx import TensorProto, helper

from retouch.providers import Device
from retouch.providers._onnxruntime import provider_of
from retouch_export.data_file import DataFile
from retouch_export.exporting import ExportOptions, export_bundle
from retouch_export.frugal import frugal_processor, frugal_session
from retouch_export.graph_export import GraphOptions, export_graph
from retouch_export.sources.diffusers_folder import load_folder

SIDE, LAYERS = 1024, 48


@pytest.fixture(scope="module", params=["unfolded by the graph", "computing in fp16"])
def deep(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48 matrices of 2 MiB in half precision, one after the other."""
    folder = tmp_path_factory.mktemp("deep")
    half = request.param == "computing in fp16"
    kind = TensorProto.FLOAT16 if half else TensorProto.FLOAT
    rng = np.random.default_rng(0)
    weights, casts, nodes = [], [], []
    with DataFile(folder / "deep.data") as data:
        for i in range(LAYERS):
            value = (rng.standard_normal((SIDE, SIDE)) / np.sqrt(SIDE)).astype(np.float16)
            weights.append(data.tensor(f"w{i}" if half else f"w{i}.f16", value))
            if not half:
                casts.append(helper.make_node("Cast", [f"w{i}.f16"], [f"w{i}"], to=kind))
            nodes.append(helper.make_node("MatMul", [f"x{i}", f"w{i}"], [f"x{i + 1}"]))
    values = [helper.make_tensor_value_info(name, kind, ["n", SIDE]) for name in ("x0", f"x{LAYERS}")]
    graph = helper.make_graph([*casts, *nodes], "deep", values[:1], values[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (folder / "deep.onnx").write_bytes(model.SerializeToString())
    return folder / "deep.onnx"


PEAK = """
import re, sys
import numpy as np
from pathlib import Path
from retouch.providers import open_device
from retouch.providers._onnxruntime import new_session
from retouch_export.frugal import frugal_processor, frugal_session
def peak(): return int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
path, device = Path(sys.argv[1]), open_device("cpu")
before = peak()
with frugal_processor():
    session = frugal_session(path) if sys.argv[2] == "proof" else new_session(path, device)
kind = np.float16 if "16" in session.get_inputs()[0].type else np.float32
session.run(None, {"x0": np.ones((1, 1024), kind)})
print(peak() - before)
"""


@pytest.mark.parametrize("of", ["proof", "runtime"])
def test_a_proof_takes_the_file_and_a_few_layers(deep: Path, of: str) -> None:
    if sys.platform != "linux":
        pytest.skip("resident memory is read from /proc")
    if of == "runtime" and "f16" not in deep.read_bytes().decode("latin-1"):
        pytest.skip("the runtime opens graphs that compute in fp32 on the processor")
    done = subprocess.run([sys.executable, "-c", PEAK, str(deep), of], capture_output=True, text=True, check=True)
    file = LAYERS * SIDE * SIDE * 2 / 2**20
    # Unfolded at once the weights alone would take three times the file: itself, mapped, and twice that in fp32.
    assert float(done.stdout) < 1.7 * file


def test_it_gives_what_a_session_for_users_gives(deep: Path) -> None:
    usual = ort.InferenceSession(str(deep), providers=["CPUExecutionProvider"])
    kind = np.float16 if "16" in usual.get_inputs()[0].type else np.float32
    x = np.random.default_rng(1).standard_normal((3, SIDE)).astype(kind)
    ours, theirs = (s.run(None, {"x0": x})[0].astype(np.float64) for s in (frugal_session(deep), usual))
    # Sums of 1,024 products in another order, 48 times; in fp16 each layer is rounded to eleven bits besides.
    limit = 2e-3 if kind is np.float16 else 1e-5
    assert np.linalg.norm(ours - theirs) / np.linalg.norm(theirs) < limit


@pytest.mark.parametrize("cache", [None, "/somewhere"])
def test_the_runtime_is_as_before_afterwards(monkeypatch: pytest.MonkeyPatch, cache: str | None) -> None:
    monkeypatch.delenv("RETOUCH_CACHE", raising=False)
    if cache is not None:
        monkeypatch.setenv("RETOUCH_CACHE", cache)
    before = provider_of(Device("cpu")).configure

    def fail() -> None:
        with frugal_processor():
            assert provider_of(Device("cpu")).configure != before
            assert os.environ["RETOUCH_CACHE"] == "off"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert provider_of(Device("cpu")).configure == before
    assert os.environ.get("RETOUCH_CACHE") == cache


def test_an_export_leaves_nothing_in_the_cache_of_graphs(
    checkpoint_folder: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETOUCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("retouch.session_cache.SMALLEST", 1)
    options = ExportOptions(name="m", precision="int8")
    export_bundle(load_folder(checkpoint_folder("pocket")), tmp_path / "out", options, lambda _line: None)
    assert not (tmp_path / "cache").exists()


def test_a_half_checkpoint_stored_as_half_is_proved_once(
    checkpoint_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    """Its exact weights are those of the bundle: no second file of them is written and run."""
    checkpoint = load_folder(checkpoint_folder("pocket"))
    written: list[str] = []

    def round_off(module: torch.nn.Module) -> None:
        for weight in module.parameters():
            weight.data = weight.data.half().float()

    options = GraphOptions(precision="fp16", opset=17)
    result = export_graph(checkpoint, "text_encoder", tmp_path, options, written.append)
    assert result.parity["stored"]["relative"] > 2 * result.parity["graph"]["relative"]
    (text,) = checkpoint.text_encoders
    rounded = dataclasses.replace(checkpoint, text_encoders=(text.then(round_off, text.files[0]),))
    result = export_graph(rounded, "text_encoder", tmp_path, options, written.append)
    assert result.parity["stored"] == result.parity["graph"]
    assert result.parity["graph"]["relative"] < 2e-5
    assert onnx.load(tmp_path / "text_encoder.onnx", load_external_data=False).graph.node[0].op_type == "Cast"
