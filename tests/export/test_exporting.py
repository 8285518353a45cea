"""An export leaves a whole bundle or nothing, goes on after a crash, and fails when the graphs are wrong."""

import dataclasses
import errno
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
import torch

from retouch.pipeline import Inpainter
from retouch.request import InpaintRequest
from retouch_export import exporting, workplace
from retouch_export.checkpoint import Checkpoint
from retouch_export.cli import main
from retouch_export.examples import examples
from retouch_export.exporting import ExportOptions, export_bundle
from retouch_export.graph_export import GraphOptions, GraphResult, export_graph
from retouch_export.sources.diffusers_folder import load_folder
from retouch_export.tracing import TracedGraph, trace
from retouch_models.bundle import open_bundle
from retouch_models.errors import ExportError, OutputError

QUICK = ExportOptions(name="m", precision="fp32", picture=False)


def quiet(_line: str) -> None:
    """Say nothing."""


@pytest.fixture(scope="module")
def pocket(checkpoint_folder: Callable[[str], Path]) -> Checkpoint:
    return load_folder(checkpoint_folder("pocket"))


def test_the_same_checkpoint_gives_the_same_bytes(pocket: Checkpoint, tmp_path: Path) -> None:
    for name in ("a", "b"):
        export_bundle(pocket, tmp_path / name, dataclasses.replace(QUICK, precision="int8"), quiet)
    files = [f.relative_to(tmp_path / "a") for f in (tmp_path / "a").rglob("*") if f.is_file()]
    assert len(files) == 8
    assert all((tmp_path / "a" / f).read_bytes() == (tmp_path / "b" / f).read_bytes() for f in files)


def test_an_existing_output_is_never_touched(pocket: Checkpoint, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(ExportError, match="exists already"):
        export_bundle(pocket, tmp_path / "out", QUICK, quiet)
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]


@pytest.mark.parametrize(
    ("failure", "raised"),
    [
        (KeyboardInterrupt(), KeyboardInterrupt),
        (OSError(errno.ENOSPC, "No space left on device"), OutputError),
        (ExportError("differs"), ExportError),
    ],
    ids=["Ctrl-C", "full disk", "failed proof"],
)
def test_whatever_goes_wrong_nothing_is_left_behind(
    pocket: Checkpoint,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failure: BaseException,
    raised: type[BaseException],
) -> None:
    def fail(_checkpoint: Checkpoint, role: str, folder: Path, *_rest: object) -> GraphResult:
        (folder / f"{role}.onnx").write_bytes(b"half")
        raise failure

    monkeypatch.setattr(exporting, "export_graph", fail)
    with pytest.raises(raised):
        export_bundle(pocket, tmp_path / "out", QUICK, quiet)
    assert list(tmp_path.iterdir()) == []


def test_a_second_run_goes_on_after_a_crash(
    pocket: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def counted(checkpoint: Checkpoint, role: str, *rest: object) -> GraphResult:
        if role == "unet" and len(made) == 2:
            raise RuntimeError("power cut")
        made.append(role)
        return export_graph(checkpoint, role, *rest)

    monkeypatch.setattr(exporting, "export_graph", counted)
    with pytest.raises(RuntimeError, match="power cut"):
        export_bundle(pocket, tmp_path / "out", QUICK, quiet)
    assert made == ["text_encoder", "vae_encoder"]
    made.append("crash")
    # One finished graph is damaged meanwhile: it is made again, the other is used.
    (tmp_path / ".out.partial/text_encoder.onnx").write_bytes(b"damaged")
    export_bundle(pocket, tmp_path / "out", QUICK, quiet)
    assert made[3:] == ["text_encoder", "unet", "vae_decoder"]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    assert not (tmp_path / "out/progress.json").exists()


def test_graphs_of_other_options_are_not_used_again(
    pocket: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = workplace.Workplace.open(tmp_path / "out", "one fingerprint")
    place.remember("unet", GraphResult(specs={}, parity={}))
    assert place.finished("unet") is not None
    assert workplace.Workplace.open(tmp_path / "out", "another").finished("unet") is None


def broken(module: torch.nn.Module, *args: object) -> TracedGraph:
    """A tracer that loses one addition of the UNet."""
    traced = trace(module, *args)
    if any(value.name == "timestep" for value in traced.proto.graph.input):
        last = [n for n in traced.proto.graph.node if n.op_type == "Sigmoid"][-1]
        last.op_type = "Tanh"
    return traced


def test_a_graph_that_computes_something_else_fails_and_is_named(
    pocket: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retouch_export.graph_export.trace", broken)
    with pytest.raises(ExportError, match=r"^unet \(graph\) differs from PyTorch by .*more than 1e-04"):
        export_bundle(pocket, tmp_path / "out", QUICK, quiet)
    assert list(tmp_path.iterdir()) == []
    keep = dataclasses.replace(QUICK, keep_failed=True)
    with pytest.raises(ExportError, match=r"what was made is in .*out\.failed"):
        export_bundle(pocket, tmp_path / "out", keep, quiet)
    assert (tmp_path / "out.failed/text_encoder.onnx").is_file()


def test_nan_in_the_weights_is_never_shipped(pocket: Checkpoint, tmp_path: Path) -> None:
    def spoil(module: torch.nn.Module) -> None:
        with torch.no_grad():
            module.decoder.conv_out.weight[0, 0, 0, 0] = float("nan")

    bad = dataclasses.replace(pocket, vae=pocket.vae.then(spoil, pocket.vae.files[0]))
    with pytest.raises(ExportError, match=r"vae_decoder: gives NaN or infinity"):
        export_bundle(bad, tmp_path / "out", QUICK, quiet)


def test_a_vae_that_overflows_in_fp16_computes_in_fp32(pocket: Checkpoint, tmp_path: Path) -> None:
    """What SDXL's does: values beyond 65504 in the decoder, brought back by the norm that follows."""

    def swell(module: torch.nn.Module) -> None:
        with torch.no_grad():
            module.decoder.conv_in.weight *= 1e5

    big = dataclasses.replace(pocket, vae=pocket.vae.then(swell, pocket.vae.files[0]))
    lines: list[str] = []
    bundle = export_bundle(big, tmp_path / "out", dataclasses.replace(QUICK, precision="fp16"), lines.append)
    assert "unet@cuda" in bundle.manifest.graphs
    assert "vae_decoder@directml" not in bundle.manifest.graphs
    fused = bundle.manifest.graphs["vae_decoder@cuda"]
    assert {tensor.dtype for tensor in (*fused.inputs, *fused.outputs)} == {"float32"}
    assert any("vae_decoder" in line and "too much for fp16" in line for line in lines)


def test_disk_and_memory_are_checked_first(pocket: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workplace, "_available_memory", lambda: 1000)
    with pytest.raises(ExportError, match=r"needs .* of memory"):
        export_bundle(pocket, tmp_path / "out", QUICK, quiet)
    monkeypatch.setattr(workplace, "_available_memory", lambda: None)
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(workplace.shutil, "disk_usage", lambda _place: usage)
    with pytest.raises(ExportError, match=r"needs .* on disk"):
        export_bundle(pocket, tmp_path / "out", QUICK, quiet)
    assert list(tmp_path.iterdir()) == []


def test_a_static_bundle_has_one_size_and_runs(pocket: Checkpoint, tmp_path: Path) -> None:
    import numpy as np

    options = dataclasses.replace(QUICK, sizes=((64, 96),), picture=True)
    bundle = export_bundle(pocket, tmp_path / "out", options, quiet)
    assert bundle.manifest.size.fixed == ((64, 96),)
    shapes = {t.name: t.shape for t in bundle.graph("unet").inputs}
    assert shapes["sample"] == ("batch", 9, 12, 8)
    free = {axis for g in bundle.manifest.graphs.values() for t in (*g.inputs, *g.outputs) for axis in t.shape}
    assert {axis for axis in free if isinstance(axis, str)} == {"batch"}
    assert shapes["encoder_hidden_states"] == ("batch", 16, 64)
    image = np.random.default_rng(0).integers(0, 256, (150, 90, 3), dtype=np.uint8)
    mask = np.zeros((150, 90), np.float32)
    mask[60:90, 30:50] = 1
    inpainter = Inpainter(bundle, provider="cpu")
    result = inpainter.run(image, mask, InpaintRequest(prompt="a heart", steps=2))
    assert result.regions[0].placement.work == (64, 96)
    assert result.image.shape == image.shape


def test_several_sizes_share_the_graphs_and_are_all_proved(pocket: Checkpoint, tmp_path: Path) -> None:
    sizes = ((96, 64), (64, 64), (64, 128))
    lines: list[str] = []
    bundle = export_bundle(pocket, tmp_path / "out", dataclasses.replace(QUICK, sizes=sizes), lines.append)
    assert bundle.manifest.size.fixed == sizes
    assert {f.name for f in bundle.folder.glob("*.onnx")} == {f"{role}.onnx" for role in pocket.roles()}
    assert {t.name: t.shape for t in bundle.graph("unet").inputs}["sample"] == ("batch", 9, "height", "width")
    labels = " ".join(case.label for role in ("unet", "vae_decoder") for case in examples(pocket, role, sizes))
    assert all(f"{w // 8}x{h // 8} cells" in labels for w, h in sizes)
    counts = {role: entry["graph"]["cases"] for role, entry in bundle.manifest.parity["graphs"].items()}
    assert counts == {"text_encoder": 2, "unet": 4, "vae_encoder": 3, "vae_decoder": 3}


@pytest.mark.parametrize(
    ("size", "near"),
    [((100, 96), "try 96x96"), ((64, 32), "try 64x64"), ((1024, 64), "try 192x64"), ((0, 0), "try 64x64")],
    ids=["off the grid", "too small", "too large", "nothing"],
)
def test_a_size_that_the_family_cannot_do_is_refused_with_the_nearest(
    pocket: Checkpoint, tmp_path: Path, size: tuple[int, int], near: str
) -> None:
    with pytest.raises(
        ExportError, match=rf"--static {size[0]}x{size[1]}: .*sides of 64 to 192.*multiple of 32; {near}"
    ):
        export_bundle(pocket, tmp_path / "odd", dataclasses.replace(QUICK, sizes=(size,)), quiet)
    assert list(tmp_path.iterdir()) == []


def test_large_weights_lie_in_one_mapped_file(pocket: Checkpoint, tmp_path: Path) -> None:
    options = GraphOptions(precision="fp16", opset=17)
    result = export_graph(pocket, "unet", tmp_path, options, quiet)
    graph = onnx.load(tmp_path / "unet.onnx", load_external_data=False).graph
    outside = [t for t in graph.initializer if t.external_data]
    places = [{e.key: e.value for e in t.external_data} for t in outside]
    assert {p["location"] for p in places} == {"unet.data"}
    assert all(int(p["offset"]) % 4096 == 0 for p in places)
    cut = [f"{role}.cuda.onnx" for role in ("unet", "unet_text", "unet_time")]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["unet.data", "unet.half.onnx", "unet.onnx", *cut])
    assert result.specs["unet@directml"].file.file == "unet.half.onnx"


@pytest.mark.parametrize("kind", ["sd15-inpaint", "sdxl-inpaint", "pocket"])
def test_every_attention_of_the_unet_is_one_operator(
    checkpoint_folder: Callable[[str], Path], tmp_path: Path, kind: str
) -> None:
    checkpoint = load_folder(checkpoint_folder(kind))
    export_graph(checkpoint, "unet", tmp_path, GraphOptions(precision="int8", opset=17), quiet)
    census = [n.op_type for n in onnx.load(tmp_path / "unet.onnx", load_external_data=False).graph.node]
    blocks = checkpoint.unet.load().named_modules()
    attentions = sum(name.endswith((".attn1", ".attn2")) for name, _ in blocks)
    assert census.count("MultiHeadAttention") == attentions > 0
    assert "Softmax" not in census


def test_the_command_prints_the_folder_alone_on_stdout(
    checkpoint_folder: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "bundle"
    assert main([str(checkpoint_folder("pocket")), "--output", str(output), "--precision", "fp32"]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"{output}\n"
    assert "against diffusers" in captured.err
    assert open_bundle(output).manifest.name == "bundle"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--opset", "9"], 2, "--opset 9"),
        (["--static", "64"], 2, "--static 64"),
        (["--static", "64x"], 2, "such as 512x768"),
        ([f"--static={side}x64" for side in range(64, 73)], 2, "at most 8"),
        (["--static", "100x64"], 8, "try 96x64"),
        (["--card", "/nowhere.json"], 8, "not a model card"),
        (["--lora", "/nowhere.safetensors"], 8, "cannot be read"),
        (["--vae", "/nowhere.pt"], 8, "pickle"),
    ],
)
def test_bad_options_are_one_line_and_a_code(
    checkpoint_folder: Callable[[str], Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    assert main([str(checkpoint_folder("pocket")), "--output", str(tmp_path / "out"), *arguments]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_help_needs_no_torch() -> None:
    code = (
        "import sys\nfrom retouch_export.cli import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "sys.exit(any(name in sys.modules for name in ('torch', 'diffusers', 'onnx', 'numpy')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr
    assert "--precision" in done.stdout
