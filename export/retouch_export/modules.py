"""The torch modules whose graphs a bundle holds, each with the bundle's own inputs and outputs."""

from typing import Any

import torch
from torch import Tensor, nn


class TextEncoder(nn.Module):
    """`input_ids` (B, tokens) int64 to `hidden_states` (B, tokens, D) and, where asked for, `pooled` (B, P)."""

    def __init__(self, model: nn.Module, *, skip: int = 0, pooled: bool = False) -> None:
        """`skip` layers are left out at the end (SDXL reads the last but one, without the final norm)."""
        super().__init__()
        self.model = model
        self.config: Any = model.config
        self.skip = skip
        self.pooled = pooled

    def forward(self, input_ids: Tensor) -> tuple[Tensor, ...]:
        """Encode; see the class."""
        out = self.model(input_ids, output_hidden_states=self.skip > 0)
        hidden = out.hidden_states[-1 - self.skip] if self.skip else out.last_hidden_state
        return (hidden, out[0]) if self.pooled else (hidden,)


class UNet(nn.Module):
    """One evaluation of the denoiser: `sample` (B, C, h, w) to `out_sample` (B, 4, h, w)."""

    def __init__(self, model: nn.Module) -> None:
        """Wrap diffusers' UNet2DConditionModel."""
        super().__init__()
        self.model = model
        self.config: Any = model.config

    def forward(
        self,
        sample: Tensor,
        timestep: Tensor,
        encoder_hidden_states: Tensor,
        text_embeds: Tensor | None = None,
        time_ids: Tensor | None = None,
        timestep_cond: Tensor | None = None,
    ) -> tuple[Tensor]:
        """`timestep` (1,) or (B,) float, so that sigmas between the training steps work; the rest as in diffusers."""
        added = None if text_embeds is None else {"text_embeds": text_embeds, "time_ids": time_ids}
        out = self.model(
            sample,
            timestep,
            encoder_hidden_states,
            timestep_cond=timestep_cond,
            added_cond_kwargs=added,
            return_dict=False,
        )
        return (out[0],)


class VaeEncoder(nn.Module):
    """`image` (B, 3, H, W) in -1..1 to the mode of the posterior, `latents` (B, 4, h, w), not scaled."""

    def __init__(self, model: nn.Module) -> None:
        """Wrap diffusers' AutoencoderKL."""
        super().__init__()
        self.model = model
        self.config: Any = model.config

    def forward(self, image: Tensor) -> tuple[Tensor]:
        """Encode; the mode and not a sample, so that the same picture gives the same latents."""
        hidden = self.model.encoder(image)
        if self.model.quant_conv is not None:
            hidden = self.model.quant_conv(hidden)
        return (torch.chunk(hidden, 2, dim=1)[0],)


class VaeDecoder(nn.Module):
    """`latents` (B, 4, h, w), not scaled, to `image` (B, 3, H, W) around -1..1, not clipped."""

    def __init__(self, model: nn.Module) -> None:
        """Wrap diffusers' AutoencoderKL."""
        super().__init__()
        self.model = model
        self.config: Any = model.config

    def forward(self, latents: Tensor) -> tuple[Tensor]:
        """Decode; see the class."""
        if self.model.post_quant_conv is not None:
            latents = self.model.post_quant_conv(latents)
        return (self.model.decoder(latents),)


class PreviewDecoder(nn.Module):
    """`latents` (B, 4, h, w), scaled as the UNet sees them, to a rough `image` (B, 3, H, W) around -1..1."""

    def __init__(self, model: nn.Module) -> None:
        """Wrap diffusers' AutoencoderTiny."""
        super().__init__()
        self.model = model
        self.config: Any = model.config

    def forward(self, latents: Tensor) -> tuple[Tensor]:
        """Decode; see the class."""
        return (self.model.decoder(latents),)
