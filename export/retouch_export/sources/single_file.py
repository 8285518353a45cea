"""Reads a single-file .safetensors checkpoint with the names of the original code, without the network.

Such a file holds weights and nothing else. The configuration is read off the shapes of its tensors; what shapes do
not say (training noise, heads of attention) is the same in all models of a family.
"""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from retouch_export.checkpoint import Checkpoint, Part
from retouch_export.clip_vocabulary import write_vocabulary
from retouch_export.loading import Rename, fill, stored_tensors
from retouch_export.networks import build, describe
from retouch_export.safetensors_file import check_safetensors
from retouch_export.sources.ldm_configs import scheduler_config, text_configs, unet_config, vae_config
from retouch_export.sources.ldm_weights import text_renames, unet_rename, vae_rename
from retouch_models.errors import ExportError

UNET, VAE = "model.diffusion_model.", "first_stage_model."

Shapes = Mapping[str, tuple[int, ...]]


@contextmanager
def single_file(path: Path) -> Iterator[Checkpoint]:
    """Describe the checkpoint in `path`; raises ExportError if it is damaged, incomplete or of no known family."""
    tensors = check_safetensors(path)
    shapes = {name: info.shape for name, info in tensors.items()}
    if f"{UNET}input_blocks.0.0.weight" not in shapes or not any(name.startswith(VAE) for name in shapes):
        raise ExportError(
            f"{path} holds no whole Stable Diffusion checkpoint (UNet, VAE and text encoder with the original names); "
            "give a full checkpoint, a LoRA belongs to --lora and a VAE to --vae"
        )
    texts = text_configs(shapes)
    with tempfile.TemporaryDirectory(prefix="retouch-vocabulary-") as folder:
        yield Checkpoint(
            name=path.stem,
            source=path.name,
            unet=_part(path, "UNet2DConditionModel", unet_config(shapes), UNET, unet_rename(shapes)),
            vae=_part(path, "AutoencoderKL", vae_config(shapes), VAE, vae_rename(shapes)),
            text_encoders=tuple(
                _part(path, text.class_name, text.config, text.prefix, rename)
                for text, rename in zip(texts, text_renames(texts), strict=True)
            ),
            tokenizers=tuple(
                write_vocabulary(Path(folder) / str(i), text.config["vocab_size"], text.padding)
                for i, text in enumerate(texts)
            ),
            scheduler=scheduler_config(shapes),
            zero_empty_negative=len(texts) == 2,
        )


def _part(path: Path, class_name: str, config: dict[str, Any], prefix: str, rename: Rename) -> Part:
    outline = describe(class_name, config, path.name)
    return Part(
        config=outline.config,
        parameters=outline.parameters,
        layers=outline.layers,
        files=(path,),
        load=lambda: fill(lambda: build(class_name, config), stored_tensors((path,), prefix), path.name, rename),
    )
