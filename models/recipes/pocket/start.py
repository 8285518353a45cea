"""What a training starts from: a diffusers folder, a bundle, or weights that an earlier run packed."""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from recipes.pocket.networks import Networks, Shape, build, load_weights
from recipes.pocket.packed import unpack
from retouch.tokenizer import Tokenizer
from retouch_models.bundle import Bundle, open_bundle
from retouch_models.manifest import MANIFEST, TokenizerSpec, parse_manifest

Weights = dict[str, Tensor]
"""Tensors of one network by name."""

BUNDLED = Path(__file__).parents[2] / "retouch_models" / "bundled" / "pocket"
FILES = {
    "vae": "diffusion_pytorch_model.safetensors",
    "unet": "diffusion_pytorch_model.safetensors",
    "text_encoder": "model.safetensors",
}


def load_networks(folder: Path, *, device: str) -> Networks:
    """Read the networks of `pocket` from a diffusers folder or a bundle; ValueError for anything else."""
    if (folder / MANIFEST).exists():
        bundle = open_bundle(folder)
        scale, parts = bundle.manifest.latent.scale, _from_bundle(bundle)
    elif (folder / "model_index.json").exists():
        scale = float(json.loads((folder / "vae" / "config.json").read_text(encoding="utf-8"))["scaling_factor"])
        parts = {part: load_file(folder / part / file) for part, file in FILES.items()}
    else:
        raise ValueError(f"{folder} is neither a diffusers folder (model_index.json) nor a bundle ({MANIFEST})")
    networks = build(Shape(), seed=0, device=device, scale=scale)
    fill(networks, parts)
    return networks


def load_packed(networks: Networks, folder: Path) -> None:
    """Take the denoiser and the text encoder, in place, from what `packed.pack` wrote."""
    fill(networks, unpack(folder))


def fill(networks: Networks, parts: dict[str, Weights]) -> None:
    """Load weights, by the names of a diffusers folder, into the networks in place."""
    modules = {"vae": networks.vae, "unet": networks.unet, "text_encoder": networks.text}
    for part, weights in parts.items():
        load_weights(modules[part], weights, part)


def load_tokenizer(bundle: Path = BUNDLED) -> Tokenizer:
    """The vocabulary of the bundled model: a trained model keeps the one it learned."""
    manifest = parse_manifest((bundle / MANIFEST).read_text(encoding="utf-8"), str(bundle))
    spec: TokenizerSpec = manifest.text.tokenizers[0]
    return Tokenizer.load(bundle / spec.folder, spec)


def _from_bundle(bundle: Bundle) -> dict[str, Weights]:
    """Unfold the constants of the graphs; 8-bit weights are near the trained ones, not equal to them."""
    roles = {"unet": ("unet",), "text_encoder": ("text_encoder",), "vae": ("vae_encoder", "vae_decoder")}
    return {
        part: {name: value for role in of for name, value in _constants(bundle.graph_path(role)).items()}
        for part, of in roles.items()
    }


def _constants(path: Path) -> Weights:
    """Weights of one graph: `NAME.i8` times `NAME.scale`, `NAME^T` turned back, the wrapper's prefix taken off."""
    import onnx
    from onnx.numpy_helper import to_array

    stored = {tensor.name: torch.from_numpy(to_array(tensor).copy()) for tensor in onnx.load(path).graph.initializer}
    found: Weights = {}
    for name, value in stored.items():
        if name.endswith(".scale") or not name.startswith("model."):
            continue
        whole = name.removesuffix(".i8")
        wide = value.float() * stored[f"{whole}.scale"] if name.endswith(".i8") else value
        turned = wide.T.contiguous() if whole.endswith("^T") else wide
        found[whole.removesuffix("^T").removeprefix("model.")] = turned
    return found
