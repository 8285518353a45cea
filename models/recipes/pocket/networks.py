"""The three networks of the model, as they are built and as they are read."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel

TOKENS = 32


@dataclass(frozen=True, eq=False, kw_only=True)
class Networks:
    """The autoencoder, the denoiser and the text encoder, on one device."""

    vae: Any
    unet: Any
    text: Any
    scale: float
    """Latents times this have a standard deviation of 1."""

    def learning(self) -> list[Tensor]:
        """The parameters that the denoising stages change: all of the denoiser and the text encoder."""
        return [*self.unet.parameters(), *self.text.parameters()]

    def encode(self, pictures: Tensor) -> Tensor:
        """Most likely latents of (B, 3, S, S) pictures, scaled, (B, 4, S/8, S/8) float32."""
        moments = self.vae.quant_conv(self.vae.encoder(pictures.contiguous(memory_format=torch.channels_last)))
        latents: Tensor = moments.float().chunk(2, dim=1)[0] * self.scale
        return latents

    def decode(self, latents: Tensor) -> Tensor:
        """Pictures -1..1 of scaled latents."""
        pictures: Tensor = self.vae.decode(latents / self.scale).sample.float()
        return pictures

    def context(self, ids: Tensor) -> Tensor:
        """Hidden states of (B, 32) token ids, (B, 32, 256)."""
        states: Tensor = self.text(input_ids=ids).last_hidden_state
        return states


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Sizes of the networks; the defaults are those of `pocket`."""

    vae_widths: tuple[int, ...] = (32, 64, 128, 192)
    unet_widths: tuple[int, ...] = (128, 192, 256)
    heads: tuple[int, ...] = (4, 6, 8)
    layers: int = 2
    text_width: int = 256
    text_layers: int = 4
    vocabulary: int = 3629
    bos: int = 3627
    eos: int = 3628


def build(shape: Shape, *, seed: int, device: str, scale: float = 1.0) -> Networks:
    """Fresh networks; the same seed gives the same weights."""
    torch.manual_seed(seed)
    vae = AutoencoderKL(
        down_block_types=["DownEncoderBlock2D"] * len(shape.vae_widths),
        up_block_types=["UpDecoderBlock2D"] * len(shape.vae_widths),
        block_out_channels=list(shape.vae_widths),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=8,
        sample_size=256,
        mid_block_add_attention=False,
        scaling_factor=scale,
    )
    crossed = len(shape.unet_widths) - 1
    unet = UNet2DConditionModel(
        sample_size=32,
        in_channels=9,
        out_channels=4,
        down_block_types=["DownBlock2D", *["CrossAttnDownBlock2D"] * crossed],
        up_block_types=[*["CrossAttnUpBlock2D"] * crossed, "UpBlock2D"],
        block_out_channels=list(shape.unet_widths),
        layers_per_block=shape.layers,
        attention_head_dim=list(shape.heads),
        cross_attention_dim=shape.text_width,
        norm_num_groups=32,
    )
    if device == "cpu":  # the fused attention's gradient is slow there: 2.2 s a step of 32 in place of 2.6
        unet.set_attn_processor(AttnProcessor())
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=shape.vocabulary,
            hidden_size=shape.text_width,
            intermediate_size=4 * shape.text_width,
            projection_dim=shape.text_width,
            num_hidden_layers=shape.text_layers,
            num_attention_heads=4,
            max_position_embeddings=TOKENS,
            bos_token_id=shape.bos,
            eos_token_id=shape.eos,
            pad_token_id=shape.eos,
            hidden_act="quick_gelu",
        )
    )
    return Networks(
        vae=vae.to(device, memory_format=torch.channels_last),
        unet=unet.to(device, memory_format=torch.channels_last),
        text=text.to(device),
        scale=scale,
    )


TEXT_PREFIX = "text_model."


def load_weights(network: Any, weights: dict[str, Tensor], name: str) -> None:
    """Fill a network in place; ValueError names what is missing or too much.

    Releases of transformers differ in whether names begin with `text_model.` and whether position ids are stored.
    """
    bare = {key.removeprefix(TEXT_PREFIX): value for key, value in weights.items()}
    own = [key for key in network.state_dict() if "position_ids" not in key]
    wanted, found = {key.removeprefix(TEXT_PREFIX) for key in own}, _without_ids(bare)
    if wanted != found:
        odd = ", ".join(sorted(wanted ^ found)[:3])
        raise ValueError(f"the weights of {name} do not fit this network: {odd}")
    network.load_state_dict({key: bare[key.removeprefix(TEXT_PREFIX)].float() for key in own}, strict=False)


def _without_ids(names: Iterable[str]) -> set[str]:
    return {name for name in names if "position_ids" not in name}
