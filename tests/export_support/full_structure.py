"""The graphs for CUDA of the full-size networks, traced without weights, and the census of their nodes.

    python -m export_support.full_structure [KIND …]     (from the folder `tests`)

Prints the table of docs/export.md. Weights are zeros that take no memory; a trace follows shapes alone.
"""

import sys
import time
from typing import Any

import torch
from torch import Tensor, nn

from export_support.full_size import FULL
from retouch_export.cuda.census import table
from retouch_export.cuda.variant import cuda_parts
from retouch_export.modules import UNet, VaeDecoder, VaeEncoder
from retouch_export.networks import build
from retouch_export.tracing import trace

ROLES = {"unet": UNet, "vae_encoder": VaeEncoder, "vae_decoder": VaeDecoder}
OPERATORS = (
    ("MultiHeadAttention",),
    ("GroupNorm",),
    ("SkipGroupNorm",),
    ("BiasSplitGelu",),
    ("SkipLayerNormalization",),
    ("LayerNormalization",),
    ("BiasAdd",),
    ("NhwcConv",),
    ("MatMul", "Gemm"),
    ("Add",),
    ("Concat",),
    ("Split",),
    ("Slice",),
    ("Transpose",),
)


def hollow(name: str, config: dict[str, Any]) -> nn.Module:
    """Build a network whose weights are zeros of no size."""
    with torch.device("meta"):
        network = build(name, config)
    for layer in network.modules():
        for label, weight in list(layer.named_parameters(recurse=False)):
            layer._parameters[label] = nn.Parameter(torch.zeros(()).expand(weight.shape), requires_grad=False)
        for label, buffer in list(layer.named_buffers(recurse=False)):
            layer._buffers[label] = torch.zeros(buffer.shape, dtype=buffer.dtype)
    return network.eval()


def unet_inputs(config: dict[str, Any]) -> dict[str, Tensor]:
    """Inputs of the smallest size that every level can halve."""
    inputs = {
        "sample": torch.zeros(2, config["in_channels"], 16, 16),
        "timestep": torch.zeros(1),
        "encoder_hidden_states": torch.zeros(2, 77, config["cross_attention_dim"]),
    }
    if "addition_time_embed_dim" in config:
        inputs |= {"text_embeds": torch.zeros(2, 1280), "time_ids": torch.zeros(2, 6)}
    return inputs


def census(kind: str, role: str) -> dict[str, int]:
    """Count of nodes of one graph, and how many there are without constants and shapes."""
    part = "unet" if role == "unet" else "vae"
    config = FULL[kind][part]
    module = ROLES[role](hollow("UNet2DConditionModel" if part == "unet" else "AutoencoderKL", config))
    inputs = unet_inputs(config) if part == "unet" else {}
    if part == "vae":
        name, channels = ("image", 3) if role == "vae_encoder" else ("latents", 4)
        inputs = {name: torch.zeros(1, channels, 64, 64)}
    parts = cuda_parts(role, trace(module, inputs), module)
    count = table(parts[role].exact)
    found = {" or ".join(names): sum(count[name] for name in names) for names in OPERATORS}
    found["results of text"] = len(parts["unet_text"].exact.proto.graph.output) if role == "unet" else 0
    return found | {"all": sum(count.values())}


def main() -> None:
    """Print one column for each graph."""
    kinds = sys.argv[1:] if len(sys.argv) > 1 else list(FULL)
    columns = {}
    for kind in kinds:
        for role in ROLES if kind == "sd15-inpaint" else ("unet",):
            begun = time.monotonic()
            columns[f"{kind} {role}"] = census(kind, role)
            sys.stderr.write(f"{kind} {role}: {time.monotonic() - begun:.0f} s\n")
    print_row = sys.stdout.write
    print_row(f"| | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}\n")
    for name in next(iter(columns.values())):
        print_row(f"| {name} | {' | '.join(str(column[name]) for column in columns.values())} |\n")


if __name__ == "__main__":
    main()
