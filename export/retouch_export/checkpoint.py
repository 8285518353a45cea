"""A checkpoint: what its files say about a Stable Diffusion pipeline, and its torch modules one at a time.

Parts are loaded when they are needed and freed after, so the largest of them sets the memory that an export takes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import nn

from retouch_export.modules import PreviewDecoder, TextEncoder, UNet, VaeDecoder, VaeEncoder
from retouch_models.errors import ExportError
from retouch_models.families import Facts, Family, recognise
from retouch_models.manifest import Prediction, Spacing

_PREDICTIONS: Mapping[str, Prediction] = {"epsilon": "epsilon", "v_prediction": "v", "sample": "sample"}
_SPACINGS: Mapping[str, Spacing] = {"leading": "leading", "trailing": "trailing", "linspace": "linspace"}


@dataclass(frozen=True, eq=False)
class Part:
    """One network of the pipeline."""

    config: Any
    """Its configuration with all defaults filled in."""
    parameters: int
    layers: tuple[str, ...]
    """Names of its layers that have weights."""
    files: tuple[Path, ...]
    """Where its weights come from, those of changes included."""
    load: Callable[[], nn.Module]
    """Loads it on the CPU, ready to be evaluated in fp32; every call loads afresh."""

    def held_bytes(self) -> int:
        """About the bytes that the loaded weights take: as the files have them, at most all in fp32."""
        return min(sum(file.stat().st_size for file in self.files), 4 * self.parameters)

    def then(self, change: Callable[[nn.Module], None], file: Path) -> "Part":
        """Return the same part with its weights changed, as `file` says, after loading."""

        def load() -> nn.Module:
            module = self.load()
            change(module)
            return module

        return replace(self, load=load, files=(*self.files, file))


@dataclass(frozen=True, eq=False, kw_only=True)
class Checkpoint:
    """A model as it came."""

    name: str
    source: str
    """Where it came from, for the manifest: a name, never a path of this machine."""
    unet: Part
    vae: Part
    text_encoders: tuple[Part, ...]
    tokenizers: tuple[Path, ...]
    """Folders with `vocab.json` and `merges.txt`."""
    scheduler: Mapping[str, Any]
    """The scheduler's configuration, as diffusers writes it."""
    preview: Part | None = None
    """A tiny decoder for previews."""
    ranker: Part | None = None
    """Loads the module that says how like a text a picture is; its configuration is CLIP's."""
    licence: str = "unknown"
    zero_empty_negative: bool = False
    """Whether empty undesired content is zeros instead of an encoding of no words."""
    words: Mapping[str, tuple[tuple[int, ...], ...]] = field(default_factory=dict)
    """Words added to the vocabulary, with their ids in each text encoder's."""

    def parts(self) -> tuple[Part, ...]:
        """All networks."""
        added = (part for part in (self.preview, self.ranker) if part is not None)
        return (*self.text_encoders, self.unet, self.vae, *added)

    def digest(self) -> list[tuple[str, int, int]]:
        """Names, sizes and times of all files of weights: tells two checkpoints of one name apart."""
        files = [file for part in self.parts() for file in part.files]
        return [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]

    def roles(self) -> tuple[str, ...]:
        """Names of the graphs of the bundle, in the order in which they run."""
        added = {"preview_decoder": self.preview, "ranker": self.ranker}
        own = (*self.text_roles(), "vae_encoder", "unet", "vae_decoder")
        return (*own, *(role for role, part in added.items() if part is not None))

    def module(self, role: str) -> nn.Module:
        """Load the module whose graph has that role."""
        if role in self.text_roles():
            model = self.text_encoders[self.text_roles().index(role)].load()
            skip = 1 if self.facts().pooled_text else 0
            return TextEncoder(model, skip=skip, pooled=hasattr(model, "text_projection"))
        if role == "preview_decoder" and self.preview is not None:
            return PreviewDecoder(self.preview.load())
        if role == "ranker" and self.ranker is not None:
            return self.ranker.load()
        wraps = {
            "unet": (UNet, self.unet),
            "vae_encoder": (VaeEncoder, self.vae),
            "vae_decoder": (VaeDecoder, self.vae),
        }
        wrap, part = wraps[role]
        return wrap(part.load())

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
