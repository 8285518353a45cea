"""Which layer a tensor of a LoRA belongs to, in the names of kohya's trainers, of peft and of older diffusers."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from retouch_export.ldm_names import unet_name

Known = Mapping[str, Mapping[str, str]]
"""By network ("unet", "text_encoder"): the ways to write a layer's name, to its real name."""


@dataclass(frozen=True)
class Place:
    """A tensor's place."""

    network: str
    layer: str
    what: str
    """down, up, mid or alpha."""


_OTHER_KINDS = (
    ("dora_scale", "DoRA"),
    ("lora_magnitude_vector", "DoRA"),
    ("hada_w", "LoHa"),
    ("lokr_w", "LoKr"),
    ("ia3_l", "IA3"),
    (".on_input", "IA3"),
    (".boft_", "BOFT"),
    (".oft_", "OFT"),
    ("vera_lambda", "VeRA"),
    (".a1.weight", "GLoRA"),
)
"""A part of a tensor's name that no plain LoRA has, and the kind it tells; the first that fits counts."""

_ENDS = (
    (".lora_down.weight", "down"),
    (".lora_up.weight", "up"),
    (".lora_mid.weight", "mid"),
    (".lora_A.weight", "down"),
    (".lora_B.weight", "up"),
    (".lora_A.default.weight", "down"),
    (".lora_B.default.weight", "up"),
    (".lora.down.weight", "down"),
    (".lora.up.weight", "up"),
    (".lora_linear_layer.down.weight", "down"),
    (".lora_linear_layer.up.weight", "up"),
    ("_lora.down.weight", "down"),
    ("_lora.up.weight", "up"),
    (".alpha", "alpha"),
)

_STARTS = (
    ("lora_unet_", "unet"),
    ("lora_te1_", "text_encoder"),
    ("lora_te2_", "text_encoder_2"),
    ("lora_te_", "text_encoder"),
    ("base_model.model.", "unet"),
    ("unet.", "unet"),
    ("text_encoder_2.", "text_encoder_2"),
    ("text_encoder.", "text_encoder"),
)


def read_key(name: str, known: Known) -> Place | None:
    """Return the place of a tensor, None if it has none in this model."""
    what = next(((name.removesuffix(end), kind) for end, kind in _ENDS if name.endswith(end)), None)
    network = next(((start, own) for start, own in _STARTS if name.startswith(start)), None)
    if what is None or network is None or network[1] not in known:
        return None
    spelt = what[0].removeprefix(network[0])
    layer = known[network[1]].get(_plain(spelt))
    return None if layer is None else Place(network[1], layer, what[1])


def other_kind(names: Iterable[str]) -> str | None:
    """The kind of a file whose tensors are not those of a plain LoRA, such as "LoHa"; None if nothing tells."""
    names = list(names)
    return next((kind for part, kind in _OTHER_KINDS if any(part in name for name in names)), None)


def layer_names(network: str, config: Any, layers: Iterable[str]) -> dict[str, str]:
    """All spellings of the layers of a network."""
    layers = list(layers)
    spellings = {_plain(layer): layer for layer in layers}
    if network == "unet":
        spellings |= _original_spellings(config, set(layers))
    return spellings


def _plain(name: str) -> str:
    """One spelling for all: underscores for dots, without the words that older files put in between."""
    name = name.replace(".", "_")
    name = re.sub(r"_processor_(to_[qkv]|to_out)$", r"_\1", name)
    return re.sub(r"_to_out$", "_to_out_0", name)


def _original_spellings(config: Any, layers: set[str]) -> dict[str, str]:
    """Spellings with the original names of blocks, as trainers of SDXL write them."""
    stage = config.layers_per_block + 1
    levels = len(config.down_block_types)
    attends = frozenset(
        f"{block}.1" for block in range(levels * stage) if "CrossAttn" in config.up_block_types[block // stage]
    )
    places = [f"input_blocks.{block}" for block in range(1, levels * stage)]
    places += [f"output_blocks.{block}" for block in range(levels * stage)]
    found = {}
    for place in [f"{p}.{i}" for p in places for i in range(3)] + [f"middle_block.{i}" for i in range(3)]:
        for inner in (
            "in_layers.2",
            "emb_layers.1",
            "out_layers.3",
            "skip_connection",
            "op",
            "conv",
            "proj_in",
            "proj_out",
        ):
            new = unet_name(f"{place}.{inner}", stage, attends)
            new = None if new is None else new.rstrip(".")
            if new in layers:
                found[_plain(f"{place}.{inner}")] = str(new)
        root = unet_name(f"{place}.transformer_blocks.0", stage, attends)
        if root is not None:
            start = root.removesuffix(".0")
            own = (layer for layer in layers if layer.startswith(f"{start}."))
            found |= {_plain(f"{place}.transformer_blocks.{layer.removeprefix(start)[1:]}"): layer for layer in own}
    return found
