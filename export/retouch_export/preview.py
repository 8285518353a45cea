"""A cheap preview of latents: the linear map from latents to colours that fits the VAE best."""

import numpy as np
import torch
from numpy.typing import NDArray

from retouch_export.checkpoint import Checkpoint

_PICTURES = 24
_SIDE = 128


def preview_matrix(checkpoint: Checkpoint) -> tuple[tuple[float, ...], ...]:
    """Fit the (channels + 1, 3) matrix from scaled latents and a bias to RGB in 0..1, on drawn colour fields."""
    pictures = _colour_fields(np.random.default_rng(0))
    factor, config = checkpoint.factor(), checkpoint.vae.config
    with torch.inference_mode():
        latents = checkpoint.module("vae_encoder")(torch.from_numpy(pictures * 2 - 1))[0].numpy()
    latents = (latents - (config.shift_factor or 0.0)) * config.scaling_factor
    cells = _SIDE // factor
    colours = pictures.reshape(_PICTURES, 3, cells, factor, cells, factor).mean((3, 5))
    rows = latents.transpose(0, 2, 3, 1).reshape(-1, latents.shape[1]).astype(np.float64)
    fit = np.linalg.lstsq(
        np.c_[rows, np.ones(len(rows))], colours.transpose(0, 2, 3, 1).reshape(-1, 3).astype(np.float64), rcond=None
    )[0]
    return tuple(tuple(round(float(v), 4) for v in row) for row in fit)


def _colour_fields(rng: np.random.Generator) -> NDArray[np.float32]:
    """Random patches of colour at several scales, (n, 3, side, side) in 0..1: what pictures are made of, coarsely."""
    out = np.zeros((_PICTURES, 3, _SIDE, _SIDE), np.float32)
    for i in range(_PICTURES):
        cells = 2 ** (1 + i % 4)
        field = rng.random((3, cells, cells), dtype=np.float32)
        out[i] = np.kron(field, np.ones((_SIDE // cells, _SIDE // cells), np.float32))
    return out
