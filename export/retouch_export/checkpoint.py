"""A checkpoint in memory: the torch modules of a Stable Diffusion pipeline and what its files say about them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from retouch_export.modules import TextEncoder, UNet, VaeDecoder, VaeEncoder
from retouch_models.errors import ExportError
from retouch_models.families import Facts, Family, recognise
from retouch_models.manifest import Prediction, Spacing

_PREDICTIONS: Mapping[str, Prediction] = {"epsilon": "epsilon", "v_prediction": "v", "sample": "sample"}
_SPACINGS: Mapping[str, Spacing] = {"leading": "leading", "trailing": "trailing", "linspace": "linspace"}


@dataclass(frozen=True, eq=False, kw_only=True)
class Checkpoint:
    """A model as it came, in fp32."""

    name: str
    source: str
    """Where it came from, for the manifest: a name, never a path of this machine."""
    unet: Any
    vae: Any
    text_encoders: tuple[Any, ...]
    tokenizers: tuple[Path, ...]
    """Folders with `vocab.json` and `merges.txt`."""
    scheduler: Mapping[str, Any]
    """The scheduler's configuration, as diffusers writes it."""
    licence: str = "unknown"

    def modules(self) -> dict[str, nn.Module]:
        """The modules to be exported, by their role in the bundle."""
        skip = 1 if self.facts().pooled_text else 0
        texts: dict[str, nn.Module] = {
            role: TextEncoder(model, skip=skip, pooled=hasattr(model, "text_projection"))
            for role, model in zip(self.text_roles(), self.text_encoders, strict=True)
        }
        return texts | {
            "unet": UNet(self.unet),
            "vae_encoder": VaeEncoder(self.vae),
            "vae_decoder": VaeDecoder(self.vae),
        }

    def text_roles(self) -> tuple[str, ...]:
        """Names of the text encoders' graphs."""
        return ("text_encoder", "text_encoder_2")[: len(self.text_encoders)]

    def facts(self) -> Facts:
        """What the configuration says; raises ExportError for what no bundle can hold."""
        unet, scheduler = self.unet.config, self.scheduler
        added = unet.addition_embed_type
        prediction, spacing = scheduler.get("prediction_type", "epsilon"), scheduler.get("timestep_spacing", "leading")
        odd = [
            what
            for what, found in (
                (f"extra conditioning {added!r}", added not in (None, "text_time")),
                ("class embeddings", unet.class_embed_type is not None or unet.num_class_embeds is not None),
                (f"prediction type {prediction!r}", prediction not in _PREDICTIONS),
                (f"timestep spacing {spacing!r}", spacing not in _SPACINGS),
            )
            if found
        ]
        if odd:
            raise ExportError(f"{self.name} has {' and '.join(odd)}, which no bundle can hold; choose another model")
        return Facts(
            channels=unet.in_channels,
            levels=len(unet.down_block_types),
            linear_projection=bool(unet.use_linear_projection),
            text_encoders=len(self.text_encoders),
            pooled_text=added == "text_time",
            guidance_embedding=unet.time_cond_proj_dim is not None,
            prediction=_PREDICTIONS[prediction],
            spacing=_SPACINGS[spacing],
            native=int(unet.sample_size) * self.factor(),
        )

    def factor(self) -> int:
        """Pixels per latent cell and side."""
        return int(2 ** (len(self.vae.config.block_out_channels) - 1))

    def family(self) -> tuple[str, Family]:
        """Recognise the model; raises ExportError with what is supported."""
        found = recognise(self.facts())
        if found is None:
            raise ExportError(
                f"{self.name} is of no known family ({self.unet.config.in_channels} input channels, "
                f"{len(self.unet.config.down_block_types)} levels); supported are inpainting (9 channels) and "
                "ordinary (4 channels) models of Stable Diffusion 1, 2 and XL, their LCM and Turbo kinds, and pocket"
            )
        return found
