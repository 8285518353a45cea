"""What a user changes about a checkpoint before it is exported: its VAE, LoRAs, words, what it predicts, a ranker."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from retouch_export.changes.embedding import add_embedding
from retouch_export.changes.lora import merge_loras
from retouch_export.changes.preview_decoder import add_preview_decoder
from retouch_export.changes.ranker import add_ranker
from retouch_export.changes.vae import replace_vae
from retouch_export.checkpoint import Checkpoint

PREDICTIONS = {"epsilon": "epsilon", "v": "v_prediction", "sample": "sample"}


def change(
    checkpoint: Checkpoint,
    *,
    vae: Path | None = None,
    loras: Sequence[str] = (),
    embeddings: Sequence[Path] = (),
    prediction: str | None = None,
    preview_decoder: Path | None = None,
    ranker: Path | None = None,
) -> Checkpoint:
    """Return the changed checkpoint; the files are checked at once, weights are changed when they are loaded."""
    if prediction is not None:
        checkpoint = replace(checkpoint, scheduler={**checkpoint.scheduler, "prediction_type": PREDICTIONS[prediction]})
    if vae is not None:
        checkpoint = replace_vae(checkpoint, vae)
    if preview_decoder is not None:
        checkpoint = add_preview_decoder(checkpoint, preview_decoder)
    if ranker is not None:
        checkpoint = add_ranker(checkpoint, ranker)
    checkpoint = merge_loras(checkpoint, loras)
    for file in embeddings:
        checkpoint = add_embedding(checkpoint, file)
    return checkpoint
