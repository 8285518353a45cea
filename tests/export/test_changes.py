"""LoRAs, words, VAEs: the changed network is the one that the formula gives, whatever the names in the file."""

from collections.abc import Callable
from pathlib import Path

import onnxruntime as ort
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import CLIPTokenizer

from retouch.tokenizer import Tokenizer
from retouch_export.changes import change
from retouch_export.changes.lora import parse
from retouch_export.checkpoint import Checkpoint
from retouch_export.description import text_spec
from retouch_export.graph_export import GraphOptions, export_graph
from retouch_export.sources.diffusers_folder import load_folder
from retouch_models.errors import ExportError, UsageError

TO_Q = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
CONV = "down_blocks.0.resnets.0.conv1"
TEXT = "text_model.encoder.layers.1.self_attn.q_proj"
RANK, ALPHA, WEIGHT = 4, 2.0, 0.7


@pytest.fixture(scope="module")
def sd15(checkpoint_folder: Callable[[str], Path]) -> Checkpoint:
    return load_folder(checkpoint_folder("sd15-inpaint"))


def halves(shape: tuple[int, ...], seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    down = torch.randn((RANK, *shape[1:]), generator=generator)
    return down, torch.randn((shape[0], RANK, *(1 for _ in shape[2:])), generator=generator)


def lora_file(path: Path, names: dict[str, tuple[str, str]], shapes: dict[str, tuple[int, ...]], alpha: bool) -> Path:
    """A LoRA; `names` maps a layer to (what stands before `.`-ending, style)."""
    tensors = {}
    for seed, (layer, (name, style)) in enumerate(names.items()):
        down, up = halves(shapes[layer], seed)
        first, second = {
            "kohya": (".lora_down.weight", ".lora_up.weight"),
            "peft": (".lora_A.weight", ".lora_B.weight"),
            "diffusers": (".lora.down.weight", ".lora.up.weight"),
            "linear": (".lora_linear_layer.down.weight", ".lora_linear_layer.up.weight"),
        }[style]
        tensors |= {f"{name}{first}": down, f"{name}{second}": up}
        if alpha:
            tensors[f"{name}.alpha"] = torch.tensor(ALPHA)
    save_file(tensors, path)
    return path


STYLES = {
    "kohya": (
        {
            TO_Q: (f"lora_unet_{TO_Q.replace('.', '_')}", "kohya"),
            CONV: (f"lora_unet_{CONV.replace('.', '_')}", "kohya"),
            TEXT: (f"lora_te_{TEXT.replace('.', '_')}", "kohya"),
        },
        True,
    ),
    "original names": (
        {
            TO_Q: ("lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_q", "kohya"),
            CONV: ("lora_unet_input_blocks_1_0_in_layers_2", "kohya"),
            TEXT: (f"lora_te1_{TEXT.replace('.', '_')}", "kohya"),
        },
        True,
    ),
    "peft": (
        {TO_Q: (f"unet.{TO_Q}", "peft"), CONV: (f"unet.{CONV}", "peft"), TEXT: (f"text_encoder.{TEXT}", "peft")},
        False,
    ),
    "diffusers": (
        {
            TO_Q: (f"unet.{TO_Q}", "diffusers"),
            CONV: (f"unet.{CONV}", "diffusers"),
            TEXT: (f"text_encoder.{TEXT}", "linear"),
        },
        False,
    ),
}


@pytest.mark.parametrize("style", STYLES)
def test_a_lora_adds_its_product_to_the_named_layers_alone(sd15: Checkpoint, tmp_path: Path, style: str) -> None:
    names, alpha = STYLES[style]
    before = {
        **dict(sd15.unet.load().named_parameters()),
        **dict(sd15.text_encoders[0].load().named_parameters()),
    }
    shapes = {layer: tuple(before[f"{layer}.weight"].shape) for layer in names}
    file = lora_file(tmp_path / "style.safetensors", names, shapes, alpha)
    changed = change(sd15, loras=[f"{file}:{WEIGHT}"])
    after = {
        **dict(changed.unet.load().named_parameters()),
        **dict(changed.text_encoders[0].load().named_parameters()),
    }
    different = {name for name in before if not torch.equal(before[name], after[name])}
    assert different == {f"{layer}.weight" for layer in names}
    for seed, layer in enumerate(names):
        down, up = halves(shapes[layer], seed)
        delta = torch.einsum("or...,ri...->oi...", up.flatten(1), down.flatten(1)).reshape(shapes[layer])
        scale = WEIGHT * (ALPHA / RANK if alpha else 1.0)
        gained = after[f"{layer}.weight"] - before[f"{layer}.weight"]
        # The sum is rounded to fp32 once more than the product.
        torch.testing.assert_close(gained, scale * delta, rtol=1e-4, atol=1e-5)
    assert "style.safetensors:0.7" in changed.source


def test_two_loras_add_up_and_opposite_weights_cancel(sd15: Checkpoint, tmp_path: Path) -> None:
    before = sd15.unet.load().get_submodule(TO_Q).weight
    file = lora_file(tmp_path / "a.safetensors", {TO_Q: STYLES["kohya"][0][TO_Q]}, {TO_Q: tuple(before.shape)}, True)
    after = change(sd15, loras=[f"{file}:1.5", f"{file}:-1.5"]).unet.load().get_submodule(TO_Q).weight
    # Adding and taking away rounds twice.
    torch.testing.assert_close(after, before, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("lora_unet_double_blocks_0_img_attn_qkv", (64, 64), r"does not fit this model.*another family"),
        (f"lora_unet_{TO_Q.replace('.', '_')}", (999, 64), r"has the shape \(999, 64\).*another family"),
    ],
    ids=["unknown layers", "other widths"],
)
def test_a_lora_for_another_family_is_refused(
    sd15: Checkpoint, tmp_path: Path, name: str, shape: tuple[int, ...], message: str
) -> None:
    file = lora_file(tmp_path / "other.safetensors", {"x": (name, "kohya")}, {"x": shape}, True)
    with pytest.raises(ExportError, match=message):
        change(sd15, loras=[str(file)]).unet.load()


KINDS = {
    "DoRA": {".lora_down.weight": (4, 64), ".lora_up.weight": (64, 4), ".alpha": (), ".dora_scale": (64, 1)},
    "DoRA of peft": {".lora_A.weight": (4, 64), ".lora_B.weight": (64, 4), ".lora_magnitude_vector": (64,)},
    "LoHa": {f".hada_w{n}_{ab}": (64, 4) for n in (1, 2) for ab in "ab"} | {".alpha": ()},
    "LoKr": {".lokr_w1": (8, 8), ".lokr_w2_a": (8, 4), ".lokr_w2_b": (4, 8), ".alpha": ()},
    "IA3": {".weight": (64, 1), ".on_input": (1,)},
    "IA3 of peft": {".ia3_l": (64, 1)},
    "OFT": {".oft_blocks": (4, 16, 16), ".alpha": ()},
    "BOFT": {".boft_R": (2, 4, 4, 4)},
    "GLoRA": {f".{part}.weight": (4, 64) for part in ("a1", "a2", "b1", "b2")},
}
"""Tensors of one layer, by the ends of their names."""


@pytest.mark.parametrize("kind", KINDS)
def test_another_kind_of_change_is_refused_by_its_name(sd15: Checkpoint, tmp_path: Path, kind: str) -> None:
    """Before anything is loaded, whether the layer exists or not."""
    layer = f"lora_unet_{TO_Q.replace('.', '_')}"
    file = tmp_path / "change.safetensors"
    save_file({f"{layer}{end}": torch.ones(shape) for end, shape in KINDS[kind].items()}, file)
    with pytest.raises(ExportError) as caught:
        change(sd15, loras=[str(file)])
    name = kind.partition(" ")[0]
    assert str(caught.value) == f"change.safetensors is a {name}, which cannot be merged; plain LoRA and LoCon can"


def test_a_convolution_in_three_factors_is_their_composition(sd15: Checkpoint, tmp_path: Path) -> None:
    before = sd15.unet.load().get_submodule(CONV).weight
    generator = torch.Generator().manual_seed(1)
    width = before.shape[1]
    down = torch.randn((RANK, width, 1, 1), generator=generator)
    mid = torch.randn((RANK, RANK, 3, 3), generator=generator)
    up = torch.randn((before.shape[0], RANK, 1, 1), generator=generator)
    layer = f"lora_unet_{CONV.replace('.', '_')}"
    tensors = {"lora_down.weight": down, "lora_mid.weight": mid, "lora_up.weight": up, "alpha": torch.tensor(ALPHA)}
    save_file({f"{layer}.{end}": tensor for end, tensor in tensors.items()}, tmp_path / "locon.safetensors")
    changed = change(sd15, loras=[f"{tmp_path / 'locon.safetensors'}:{WEIGHT}"])
    gained = changed.unet.load().get_submodule(CONV).weight - before
    picture = torch.randn((1, width, 7, 9), generator=generator)
    conv = torch.nn.functional.conv2d
    wanted = conv(conv(conv(picture, down), mid, padding=1), up) * (WEIGHT * ALPHA / RANK)
    # Two orders of summing some hundred products in fp32.
    torch.testing.assert_close(conv(picture, gained, padding=1), wanted, rtol=1e-3, atol=2e-3)


def test_half_a_layer_is_refused(sd15: Checkpoint, tmp_path: Path) -> None:
    file = tmp_path / "half.safetensors"
    save_file({f"lora_unet_{TO_Q.replace('.', '_')}.lora_down.weight": torch.ones(4, 64)}, file)
    with pytest.raises(ExportError, match="lacks the 'up' half of a layer"):
        change(sd15, loras=[str(file)]).unet.load()


@pytest.mark.parametrize("text", ["", ":0.5", "a.safetensors:1.2.3", "a.safetensors:99"])
def test_a_weight_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--lora"):
        parse(text)


def test_a_windows_path_keeps_its_colon() -> None:
    assert parse(r"C:\models\a.safetensors:0.5").file == Path(r"C:\models\a.safetensors")
    assert parse(r"C:\models\a.safetensors").weight == 1.0


def test_a_word_stands_for_its_vectors(sd15: Checkpoint, tmp_path: Path) -> None:
    rows = torch.randn(3, 64, generator=torch.Generator().manual_seed(5))
    save_file({"emb_params": rows}, tmp_path / "my-style.safetensors")
    changed = change(sd15, embeddings=[tmp_path / "my-style.safetensors"])
    spec = text_spec(changed).tokenizers[0]
    assert spec.words == {"my-style": (700, 701, 702)}
    table = changed.text_encoders[0].load().text_model.embeddings.token_embedding.weight
    assert torch.equal(table[700:], rows)
    tokenizer = Tokenizer.load(sd15.tokenizers[0], spec)
    plain = CLIPTokenizer.from_pretrained(sd15.tokenizers[0])
    around = [
        plain("a cat in", add_special_tokens=False).input_ids,
        plain("colours", add_special_tokens=False).input_ids,
    ]
    assert tokenizer.tokens("a cat in my-style colours") == [*around[0], 700, 701, 702, *around[1]]


def test_the_pooled_text_is_still_read_at_the_end(checkpoint_folder: Callable[[str], Path], tmp_path: Path) -> None:
    """Old configurations take the largest id for the end of the text; a new word is larger."""
    sdxl = load_folder(checkpoint_folder("sdxl"))
    save_file({"clip_l": torch.zeros(1, 64), "clip_g": torch.zeros(1, 64)}, tmp_path / "w.safetensors")
    changed = change(sdxl, embeddings=[tmp_path / "w.safetensors"])
    ids = torch.tensor([[698, 5, 6, 699, *[0] * 12], [698, 700, 6, 699, *[0] * 12]])
    with torch.inference_mode():
        plain = sdxl.module("text_encoder_2")(ids[:1])[1]
        pooled = changed.module("text_encoder_2")(ids)[1]
        at_word = changed.module("text_encoder_2")(torch.tensor([[698, 700, 699, *[0] * 13]]))[1]
    torch.testing.assert_close(pooled[:1], plain, rtol=0, atol=1e-6)
    assert (pooled[1] - at_word[0]).abs().max() > 1e-3


def test_an_embedding_of_another_width_is_refused(sd15: Checkpoint, tmp_path: Path) -> None:
    save_file({"emb_params": torch.zeros(2, 768)}, tmp_path / "w.safetensors")
    with pytest.raises(ExportError, match=r"another family.*vectors of 64 numbers.*\(2, 768\)"):
        change(sd15, embeddings=[tmp_path / "w.safetensors"])


def test_another_vae_takes_the_place_of_the_first(
    sd15: Checkpoint, checkpoint_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    from export_support.original_names import original_vae

    other = checkpoint_folder("sd15") / "vae/diffusion_pytorch_model.safetensors"
    weights = load_file(other)
    save_file({n: t.contiguous() for n, t in original_vae(weights, 4).items()}, tmp_path / "original.safetensors")
    for file in (other, tmp_path / "original.safetensors"):
        found = dict(change(sd15, vae=file).vae.load().named_parameters())
        assert all(torch.equal(found[name], weights[name]) for name in weights)
    with pytest.raises(ExportError, match="holds no VAE"):
        change(sd15, vae=checkpoint_folder("sd15") / "text_encoder/model.safetensors")


@pytest.mark.parametrize("style", ["diffusers", "authors"])
def test_a_tiny_decoder_becomes_a_graph_of_its_own(sd15: Checkpoint, tmp_path: Path, style: str) -> None:
    from diffusers import AutoencoderTiny

    torch.manual_seed(0)
    tiny = AutoencoderTiny(encoder_block_out_channels=(8,) * 4, decoder_block_out_channels=(16,) * 4)
    own = dict(tiny.decoder.state_dict())
    if style == "diffusers":
        named = {f"decoder.{name}": tensor for name, tensor in own.items()}
    else:
        named = {f"{int(n.split('.')[1]) + 1}.{n.split('.', 2)[2]}": tensor for n, tensor in own.items()}
    save_file({name: tensor.contiguous() for name, tensor in named.items()}, tmp_path / "taesd.safetensors")
    changed = change(sd15, preview_decoder=tmp_path / "taesd.safetensors")
    lines: list[str] = []
    options = GraphOptions(precision="fp16", opset=17)
    result = export_graph(changed, "preview_decoder", tmp_path, options, lines.append)
    assert result.specs["preview_decoder"].outputs[0].shape == ("batch", 3, "image_height", "image_width")
    latents = torch.randn(1, 4, 8, 12)
    session = ort.InferenceSession(str(tmp_path / "preview_decoder.onnx"), providers=["CPUExecutionProvider"])
    with torch.inference_mode():
        wanted = tiny.decode(latents).sample
    found = session.run(None, {"latents": latents.numpy()})[0]
    # Weights are stored in fp16.
    torch.testing.assert_close(torch.from_numpy(found), wanted, rtol=0, atol=5e-3)


def test_a_vae_is_no_tiny_decoder(sd15: Checkpoint, checkpoint_folder: Callable[[str], Path]) -> None:
    with pytest.raises(ExportError, match="no tiny decoder"):
        change(sd15, preview_decoder=checkpoint_folder("sd15") / "vae/diffusion_pytorch_model.safetensors")
