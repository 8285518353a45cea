"""Names of the original Latent Diffusion code, as single-file checkpoints and some LoRAs have them, to diffusers'.

Both number the same layers: the original as one list of input blocks, a middle and a list of output blocks,
diffusers by level. `stage` is the count of layers of a level on the way down, plus its downsampler.
"""

import re
from collections.abc import Iterable

_RESNET = {
    "in_layers.0": "norm1",
    "in_layers.2": "conv1",
    "emb_layers.1": "time_emb_proj",
    "out_layers.0": "norm2",
    "out_layers.3": "conv2",
    "skip_connection": "conv_shortcut",
}
_TOP = {
    "time_embed.0": "time_embedding.linear_1",
    "time_embed.2": "time_embedding.linear_2",
    "label_emb.0.0": "add_embedding.linear_1",
    "label_emb.0.2": "add_embedding.linear_2",
    "time_embed.cond_proj": "time_embedding.cond_proj",
    "input_blocks.0.0": "conv_in",
    "out.0": "conv_norm_out",
    "out.2": "conv_out",
}
_MIDDLE = {"0": "mid_block.resnets.0", "1": "mid_block.attentions.0", "2": "mid_block.resnets.1"}


def unet_name(name: str, stage: int, attends: frozenset[str] = frozenset()) -> str | None:
    """Name in diffusers of a UNet parameter or layer, None if it is of no known place.

    `attends` holds the output blocks ("3.1") that are attention; another second entry of a block is its upsampler.
    """
    for old, new in _TOP.items():
        if name == old or name.startswith(f"{old}."):
            return new + name[len(old) :]
    match = re.fullmatch(r"(input_blocks|output_blocks)\.(\d+)\.(\d+)\.(.+)", name)
    if match is not None:
        way, block, place, rest = match[1], int(match[2]), match[3], match[4]
        if way == "output_blocks":
            return _up(block, place, rest, stage, f"{block}.{place}" in attends)
        return _down(block, place, rest, stage)
    match = re.fullmatch(r"middle_block\.(\d)\.(.+)", name)
    if match is not None and match[1] in _MIDDLE:
        return f"{_MIDDLE[match[1]]}.{_inside(match[2])}"
    return None


def _down(block: int, place: str, rest: str, stage: int) -> str:
    level, layer = divmod(block - 1, stage)
    if layer == stage - 1:
        return f"down_blocks.{level}.downsamplers.0.conv.{rest.removeprefix('op.')}"
    return f"down_blocks.{level}.{'resnets' if place == '0' else 'attentions'}.{layer}.{_inside(rest)}"


def _up(block: int, place: str, rest: str, stage: int, attention: bool) -> str:
    level, layer = divmod(block, stage)
    if place == "0":
        return f"up_blocks.{level}.resnets.{layer}.{_inside(rest)}"
    if attention:
        return f"up_blocks.{level}.attentions.{layer}.{rest}"
    return f"up_blocks.{level}.upsamplers.0.{rest}"


def _inside(rest: str) -> str:
    """Name within a residual block; attention blocks have the same names in both."""
    for old, new in _RESNET.items():
        if rest == old or rest.startswith(f"{old}."):
            return new + rest[len(old) :]
    return rest


def attention_blocks(names: Iterable[str]) -> frozenset[str]:
    """Output blocks that are attention, from the names of all parameters."""
    pattern = re.compile(r"output_blocks\.(\d+\.\d+)\.transformer_blocks\.")
    return frozenset(m[1] for name in names if (m := pattern.match(name)) is not None)


def stage_of(names: Iterable[str]) -> int:
    """Layers per level on the way down, plus one: the number of the first downsampler."""
    pattern = re.compile(r"input_blocks\.(\d+)\.0\.op\.")
    numbers = [int(m[1]) for name in names if (m := pattern.match(name)) is not None]
    return min(numbers, default=3)


def vae_name(name: str, levels: int) -> str | None:
    """Name in diffusers of a VAE parameter of a network with that many levels; None for what it has no place for."""
    if name.startswith(("quant_conv.", "post_quant_conv.")):
        return name
    side, _, rest = name.partition(".")
    if side not in ("encoder", "decoder"):
        return None
    match = re.fullmatch(r"(down|up)\.(\d+)\.(block|downsample|upsample)\.(.+)", rest)
    if match is not None:
        way, level, kind, inner = match[1], int(match[2]), match[3], match[4]
        level = levels - 1 - level if way == "up" else level
        place = {"block": "resnets", "downsample": "downsamplers.0", "upsample": "upsamplers.0"}[kind]
        return f"{side}.{way}_blocks.{level}.{place}.{inner.replace('nin_shortcut', 'conv_shortcut')}"
    match = re.fullmatch(r"mid\.(block|attn)_(\d)\.(.+)", rest)
    if match is not None:
        if match[1] == "block":
            return f"{side}.mid_block.resnets.{int(match[2]) - 1}.{match[3]}"
        return f"{side}.mid_block.attentions.0.{_VAE_ATTENTION.sub(_attention_name, match[3])}"
    return f"{side}.{rest.replace('norm_out.', 'conv_norm_out.')}"


_VAE_ATTENTION = re.compile(r"^(norm|q|k|v|proj_out)\.")


def _attention_name(match: re.Match[str]) -> str:
    names = {"norm": "group_norm", "q": "to_q", "k": "to_k", "v": "to_v", "proj_out": "to_out.0"}
    return f"{names[match[1]]}."


_OPEN_CLIP = (
    ("token_embedding.", "embeddings.token_embedding."),
    ("positional_embedding", "embeddings.position_embedding.weight"),
    ("ln_final.", "final_layer_norm."),
    ("transformer.resblocks.", "encoder.layers."),
    (".ln_1.", ".layer_norm1."),
    (".ln_2.", ".layer_norm2."),
    (".mlp.c_fc.", ".mlp.fc1."),
    (".mlp.c_proj.", ".mlp.fc2."),
    (".attn.out_proj.", ".self_attn.out_proj."),
)


def open_clip_name(name: str) -> str:
    """Name in transformers of a text parameter of OpenCLIP; its joined projections keep `in_proj_…` at the end."""
    for old, new in _OPEN_CLIP:
        name = name.replace(old, new)
    return f"text_model.{name.replace('.attn.in_proj_', '.self_attn.in_proj_')}"
