"""Weights stay as a checkpoint stores them, and everything computes as if they had been converted to fp32."""

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from retouch_export import tracing, upcast
from retouch_export.changes import change
from retouch_export.checkpoint import Checkpoint
from retouch_export.examples import examples
from retouch_export.loading import fill, stored_tensors
from retouch_export.parity import torch_results
from retouch_export.range_check import watch
from retouch_export.sources.diffusers_folder import load_folder
from retouch_export.upcast import blank_weights, compute_in_fp32

LAYERS = (nn.Linear, nn.Conv2d)


def halved(module: nn.Module, dtype: torch.dtype) -> nn.Module:
    for weight in module.parameters():
        weight.data = weight.data.to(dtype)
    return module


@pytest.fixture(params=["sd15-inpaint", "sd2-inpaint", "sdxl-inpaint", "lcm"])
def checkpoint(request: pytest.FixtureRequest, checkpoint_folder: Callable[[str], Path]) -> Checkpoint:
    return load_folder(checkpoint_folder(request.param))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_a_widened_layer_gives_every_bit_of_a_converted_one(checkpoint: Checkpoint, dtype: torch.dtype) -> None:
    for role in checkpoint.roles():
        cases = examples(checkpoint, role)
        converted = halved(checkpoint.module(role), dtype).to(torch.float32)
        held = halved(checkpoint.module(role), dtype)
        compute_in_fp32(held, large=1)
        for theirs, ours in zip(torch_results(converted, cases), torch_results(held, cases), strict=True):
            assert all((a == b).all() and a.dtype == b.dtype for a, b in zip(theirs, ours, strict=True)), role
        kinds = {type(layer) for layer in held.modules() if getattr(layer, "weight", torch.zeros(1)).dtype == dtype}
        assert kinds
        assert kinds <= set(LAYERS)


def test_a_layer_that_fails_is_narrow_again() -> None:
    layer = nn.Linear(4, 4).half().requires_grad_(False)
    compute_in_fp32(layer, large=1)
    with pytest.raises(RuntimeError):
        layer(torch.ones(3))
    assert layer.weight.dtype == torch.float16
    assert layer(torch.ones(4)).dtype == torch.float32


def test_small_weights_are_converted_so_that_libraries_read_the_type_that_is_computed_in(
    checkpoint: Checkpoint,
) -> None:
    for part in (checkpoint.unet, checkpoint.vae, *checkpoint.text_encoders):
        network = halved(part.load(), torch.float16)
        compute_in_fp32(network, large=40_000)
        assert network.dtype == torch.float32
        assert all(weight.dtype == torch.float32 for weight in network.parameters() if weight.numel() < 40_000)


def test_a_trace_without_values_is_the_same_graph(
    checkpoint_folder: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = load_folder(checkpoint_folder("sdxl-inpaint"))

    def traced(role: str) -> bytes:
        module, cases = checkpoint.module(role), examples(checkpoint, role)
        return tracing.trace(module, cases[0].inputs).proto.SerializeToString(deterministic=True)

    monkeypatch.setattr(tracing, "blank_weights", partial(blank_weights, large=1))
    blank = {role: traced(role) for role in ("unet", "text_encoder_2")}
    monkeypatch.setattr(tracing, "blank_weights", lambda _module: nullcontext())
    monkeypatch.setattr(tracing, "_shapes_alone", nullcontext)
    assert blank == {role: traced(role) for role in blank}


def test_blank_weights_come_back(checkpoint_folder: Callable[[str], Path]) -> None:
    module = load_folder(checkpoint_folder("pocket")).module("vae_decoder")
    before = dict(module.named_parameters())

    def fail() -> None:
        with blank_weights(module, large=1):
            assert not any(weight.any() for weight in module.parameters())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert all(weight is before[name] for name, weight in module.named_parameters())


def half_file(folder: Path) -> Path:
    """Rewrite a part's weights in half precision; returns the file."""
    (file,) = folder.glob("*.safetensors")
    tensors = {name: t.half() for name, t in load_file(file).items()}
    save_file(tensors, file, metadata={"format": "pt"})
    return file


@pytest.fixture
def half_folder(checkpoint_folder: Callable[[str], Path], tmp_path: Path) -> Path:
    """A checkpoint in half precision."""
    import shutil

    folder = tmp_path / "half"
    shutil.copytree(checkpoint_folder("sd15-inpaint"), folder)
    for part in ("unet", "vae", "text_encoder"):
        half_file(folder / part)
    return folder


def test_loaded_weights_are_a_map_of_the_file_that_no_change_reaches(
    half_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upcast.compute_in_fp32, "__defaults__", (1000,))
    (file,) = (half_folder / "unet").glob("*.safetensors")
    before = file.read_bytes()
    unet = load_folder(half_folder).unet.load()
    stored = {name: t for name, t in unet.named_parameters() if t.dtype == torch.float16}
    assert sum(t.numel() for t in stored.values()) > 0.9 * sum(t.numel() for t in unet.parameters())
    with torch.no_grad():
        for weight in stored.values():
            weight.fill_(7)
    assert file.read_bytes() == before
    wanted = load_file(file)
    again = load_folder(half_folder).unet.load()
    assert all(torch.equal(t, wanted[name].to(t.dtype)) for name, t in again.named_parameters())


def test_a_lora_on_half_weights_is_added_in_full_precision(half_folder: Path, tmp_path: Path) -> None:
    layer = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
    checkpoint = load_folder(half_folder)
    weight = checkpoint.unet.load().get_submodule(layer).weight.float()
    down, up = torch.full((1, weight.shape[1]), 1e-5), torch.ones(weight.shape[0], 1)
    tensors = {f"unet.{layer}.lora_A.weight": down, f"unet.{layer}.lora_B.weight": up}
    save_file(tensors, tmp_path / "fine.safetensors")
    merged = change(checkpoint, loras=[str(tmp_path / "fine.safetensors")]).unet.load().get_submodule(layer).weight
    # Half precision would lose most of such a change; fp32 keeps it to its own rounding of the sum.
    torch.testing.assert_close(merged - weight, up @ down, rtol=0, atol=2e-8)


def test_the_names_of_attention_in_old_vaes_are_understood(half_folder: Path) -> None:
    wanted = dict(load_folder(half_folder).vae.load().named_parameters())
    (file,) = (half_folder / "vae").glob("*.safetensors")
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    tensors = {}
    for name, tensor in load_file(file).items():
        for new, before in old.items():
            name = name.replace(f".{new}.", f".{before}.")
        tensors[name] = tensor
    assert any(".proj_attn." in name for name in tensors)
    save_file(tensors, file, metadata={"format": "pt"})
    found = dict(load_folder(half_folder).vae.load().named_parameters())
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)


def test_every_layer_is_watched_in_the_type_that_it_computes_in() -> None:
    network = nn.Sequential(nn.Linear(8, 8, bias=False)).half().requires_grad_(False)
    network[0].weight.fill_(60000.0)
    compute_in_fp32(network, large=1)
    with watch(network) as peak:
        network(torch.ones(1, 8))
    assert peak.value == 480000.0  # infinity, had it computed in half precision
    assert not peak.fits


def test_tensors_that_a_network_does_not_know_are_left_out(tmp_path: Path) -> None:
    save_file({"weight": torch.ones(2, 2), "bias": torch.zeros(2), "extra": torch.ones(1)}, tmp_path / "w.safetensors")
    layer = fill(lambda: nn.Linear(2, 2), stored_tensors((tmp_path / "w.safetensors",)), "w")
    assert set(dict(layer.named_parameters())) == {"weight", "bias"}
