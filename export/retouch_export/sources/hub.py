"""Fetches a pipeline from the Hugging Face Hub: safetensors and configurations only, never code or pickles."""

from collections.abc import Callable, Sequence
from pathlib import Path

from retouch_models.errors import ExportError

_SMALL = (
    "model_index.json",
    "README.md",
    "unet/config.json",
    "vae/config.json",
    "text_encoder*/config.json",
    "scheduler/*.json",
    "tokenizer*/*.json",
    "tokenizer*/merges.txt",
)
_PARTS = ("unet", "vae", "text_encoder", "text_encoder_2")

ListFiles = Callable[[str, str | None], Sequence[str]]
"""(id, revision) to the names of the files there."""

Download = Callable[[str, str | None, Sequence[str], bool], str]
"""(id, revision, patterns, offline) to the folder where the files are."""


def list_files(hub_id: str, revision: str | None) -> Sequence[str]:
    """Ask the Hub for the files of a model."""
    from huggingface_hub import HfApi

    return HfApi().list_repo_files(hub_id, revision=revision)


def download(hub_id: str, revision: str | None, patterns: Sequence[str], offline: bool) -> str:
    """Fetch into the Hub's own cache, resuming what was cut off."""
    from huggingface_hub import snapshot_download

    return str(snapshot_download(hub_id, revision=revision, allow_patterns=list(patterns), local_files_only=offline))


def fetch(
    hub_id: str,
    revision: str | None,
    offline: bool,
    listing: ListFiles = list_files,
    downloading: Download = download,
) -> Path:
    """Return the folder of the pipeline; ExportError if it cannot be had or holds no safetensors.

    Offline (the option, or HF_HUB_OFFLINE in the environment) only what was fetched before is used.
    """
    from huggingface_hub import constants

    offline = offline or bool(constants.HF_HUB_OFFLINE)
    try:
        patterns = (*_SMALL, "*/*.safetensors") if offline else (*_SMALL, *_weights(hub_id, listing(hub_id, revision)))
        return Path(downloading(hub_id, revision, patterns, offline))
    except (OSError, ValueError) as error:
        text = str(error).strip()
        line = text.splitlines()[0][:200] if text else type(error).__name__
        cure = "run once without --offline" if offline else "check the name, the network and `hf auth login`"
        raise ExportError(f"{hub_id} cannot be fetched from the Hub ({line}); {cure}") from error


def _weights(hub_id: str, files: Sequence[str]) -> list[str]:
    """One set of weights per part: full precision where there is a choice, without training copies."""
    chosen = []
    for part in _PARTS:
        own = [f for f in files if f.startswith(f"{part}/") and f.endswith(".safetensors") and "ema" not in f]
        full = [f for f in own if ".fp16." not in f]
        if not own and any(f.startswith(f"{part}/") and f.endswith((".bin", ".ckpt")) for f in files):
            raise ExportError(
                f"{hub_id} has its {part} as a pickle only, which is never read; look for a safetensors one"
            )
        chosen += full if full else own
    return chosen
