"""What the manifest says about a checkpoint, apart from its files."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from retouch_export.checkpoint import Checkpoint
from retouch_export.static_shape import Sizes
from retouch_models.bundle import file_spec
from retouch_models.errors import ExportError
from retouch_models.manifest import (
    ConditioningSpec,
    FileSpec,
    LatentSpec,
    NoiseSpec,
    SizeSpec,
    TextSpec,
    TokenizerSpec,
)


@dataclass(frozen=True, kw_only=True)
class Card:
    """What only a person knows about a model."""

    title: str | None = None
    description: str = ""
    licence: str | None = None
    attribution: tuple[str, ...] = ()


def read_card(path: Path) -> Card:
    """Read a card from a JSON file; raises ExportError naming what is wrong."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return Card(**{**data, "attribution": tuple(data.get("attribution", ()))})
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, TypeError, AttributeError) as error:
        raise ExportError(
            f"{path}: not a model card ({error}); it is JSON with title, description, licence, attribution"
        ) from None


def size_spec(checkpoint: Checkpoint, sizes: Sizes = ()) -> SizeSpec:
    """Working sizes on the grid of the UNet's deepest level, or `sizes` alone; ExportError if one does not suit."""
    facts, (_, family) = checkpoint.facts(), checkpoint.family()
    multiple = checkpoint.factor() * 2 ** (facts.levels - 1)
    least, most = (
        max(multiple, round(facts.native * share / multiple) * multiple) for share in (family.smallest, family.largest)
    )
    every = SizeSpec(native=facts.native, multiple=multiple, minimum=least, maximum=most)
    for width, height in sizes:
        if not every.allows(width, height):
            near = "x".join(str(min(max(round(s / multiple) * multiple, least), most)) for s in (width, height))
            raise ExportError(f"--static {width}x{height}: this model takes {every.words()}; try {near}")
    sides = [side for size in sizes for side in size]
    return replace(every, minimum=min(sides), maximum=max(sides), fixed=sizes) if sizes else every


def latent_spec(checkpoint: Checkpoint, preview: tuple[tuple[float, ...], ...] | None) -> LatentSpec:
    """Latents of the VAE."""
    config = checkpoint.vae.config
    return LatentSpec(
        channels=config.latent_channels,
        factor=checkpoint.factor(),
        scale=config.scaling_factor,
        shift=0.0 if config.shift_factor is None else config.shift_factor,
        preview=preview,
    )


def noise_spec(checkpoint: Checkpoint) -> NoiseSpec:
    """The training noise."""
    facts, scheduler = checkpoint.facts(), checkpoint.scheduler
    schedules = {"scaled_linear": "scaled_linear", "linear": "linear", "squaredcos_cap_v2": "cosine"}
    named, given = scheduler.get("beta_schedule", "linear"), scheduler.get("trained_betas")
    if given is None and named not in schedules:
        raise ExportError(f"{checkpoint.name} has the beta schedule {named!r}; supported are {', '.join(schedules)}")
    return NoiseSpec(
        prediction=facts.prediction,
        timesteps=scheduler.get("num_train_timesteps", 1000),
        beta_schedule="given" if given is not None else schedules[named],  # type: ignore[arg-type]
        beta_start=scheduler.get("beta_start", 0.0001),
        beta_end=scheduler.get("beta_end", 0.02),
        betas=None if given is None else tuple(float(b) for b in given),
        spacing=facts.spacing,
        steps_offset=scheduler.get("steps_offset", 0),
        zero_terminal_snr=bool(scheduler.get("rescale_betas_zero_snr", False)),
        final_sigma_zero=_ends_at_zero(scheduler),
    )


def _ends_at_zero(scheduler: Mapping[str, Any]) -> bool:
    """DDIM and PNDM say it by `set_alpha_to_one`, the solvers by `final_sigmas_type`."""
    if "final_sigmas_type" in scheduler:
        return scheduler["final_sigmas_type"] == "zero"
    return bool(scheduler.get("set_alpha_to_one", True))


def text_spec(checkpoint: Checkpoint) -> TextSpec:
    """Tokenizers (in folders of the bundle) and encoders."""
    folders = [f"tokenizer{'' if i == 0 else f'_{i + 1}'}" for i in range(len(checkpoint.tokenizers))]
    return TextSpec(
        tokenizers=tuple(
            replace(
                _tokenizer_spec(source, folder, encoder.config.max_position_embeddings),
                words={word: ids[i] for word, ids in checkpoint.words.items()},
            )
            for i, (source, folder, encoder) in enumerate(
                zip(checkpoint.tokenizers, folders, checkpoint.text_encoders, strict=True)
            )
        ),
        encoders=checkpoint.text_roles(),
        width=int(checkpoint.unet.config.cross_attention_dim),
        zero_empty_negative=checkpoint.zero_empty_negative,
    )


def _tokenizer_spec(source: Path, folder: str, tokens: int) -> TokenizerSpec:
    try:
        vocabulary = json.loads((source / "vocab.json").read_text(encoding="utf-8"))
        special = _special_tokens(source)
        ids = {role: vocabulary[special[role]] for role in ("bos_token", "eos_token", "pad_token")}
    except (OSError, ValueError, KeyError) as error:
        raise ExportError(f"the tokenizer of the model is incomplete ({error}); fetch the model again") from None
    return TokenizerSpec(folder=folder, tokens=tokens, bos=ids["bos_token"], eos=ids["eos_token"], pad=ids["pad_token"])


def _special_tokens(source: Path) -> dict[str, str]:
    """Text of the special tokens; CLIP's own where the files are silent."""
    found = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>"}
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        path = source / name
        said = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        for role in found:
            token = said.get(role)
            text = token.get("content") if isinstance(token, dict) else token
            if isinstance(text, str):
                found[role] = text
    return found


def copy_tokenizers(checkpoint: Checkpoint, folder: Path) -> tuple[FileSpec, ...]:
    """Copy the vocabularies into the bundle."""
    files = []
    for spec, source in zip(text_spec(checkpoint).tokenizers, checkpoint.tokenizers, strict=True):
        (folder / spec.folder).mkdir(exist_ok=True)
        for name in ("vocab.json", "merges.txt"):
            (folder / spec.folder / name).write_bytes((source / name).read_bytes())
            files.append(file_spec(folder, f"{spec.folder}/{name}"))
    return tuple(files)


def conditioning_spec(checkpoint: Checkpoint) -> ConditioningSpec:
    """What the UNet takes beyond latents, timestep and text."""
    facts, unet = checkpoint.facts(), checkpoint.unet.config
    pooled = checkpoint.text_encoders[-1].config.projection_dim if facts.pooled_text else None
    return ConditioningSpec(
        masked_picture=facts.channels == 9,
        pooled_text=pooled,
        time_ids=_time_ids(unet, pooled) if pooled is not None else None,
        guidance_embedding=unet.time_cond_proj_dim,
    )


def _time_ids(unet: Any, pooled: int) -> int:
    """Count of sizes: what the embedding layer has room for beside the pooled text."""
    return int((unet.projection_class_embeddings_input_dim - pooled) // unet.addition_time_embed_dim)
