"""A small UNet of the width that CUDA's operators are made for, and random inputs of small UNets."""

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor

from export_support.small_models import SMALL, WIDTH


def wide_unet(*, linear: bool) -> UNet2DConditionModel:
    """Two levels of 320 channels, with two blocks in a transformer, as one level of SDXL has."""
    return UNet2DConditionModel(
        sample_size=16,
        in_channels=4,
        out_channels=4,
        block_out_channels=(320, 320),
        layers_per_block=1,
        down_block_types=["CrossAttnDownBlock2D", "DownBlock2D"],
        up_block_types=["UpBlock2D", "CrossAttnUpBlock2D"],
        cross_attention_dim=WIDTH,
        attention_head_dim=8,
        use_linear_projection=linear,
        transformer_layers_per_block=(2, 1),
    )


def unet_inputs(
    kind: str, batch: int, cells: tuple[int, int], tokens: int, timesteps: list[float]
) -> dict[str, Tensor]:
    """Random inputs of the small UNet of a kind."""
    small = SMALL[kind]
    inputs = {
        "sample": torch.randn(batch, small.channels, *cells),
        "timestep": torch.tensor(timesteps),
        "encoder_hidden_states": torch.randn(batch, tokens, WIDTH * (2 if small.two_texts else 1)),
    }
    if small.two_texts:
        inputs["text_embeds"] = torch.randn(batch, WIDTH)
        inputs["time_ids"] = torch.tensor([[1024.0, 768, 0, 0, 1024, 768]]).expand(batch, -1).contiguous()
    if small.guidance_width is not None:
        inputs["timestep_cond"] = torch.randn(batch, small.guidance_width)
    return inputs
