"""Eight bits per weight and one scale per output channel."""

import numpy as np
from numpy.typing import NDArray
from onnx import helper

from retouch_export.codecs import CODECS, Stored

_CLIPS = np.linspace(0.7, 1.0, 13)
"""Scales tried, relative to the one that just holds the largest weight: clipping a few rounds the rest finer."""


@CODECS.register
def int8(name: str, value: NDArray[np.float32], axis: int, compute: int) -> Stored:
    """Store signed integers and fp16 scales, the scale of each channel chosen for the least squared error."""
    quantised, scale = quantise(value, axis)
    q, s, wide = f"{name}.i8", f"{name}.scale", f"{name}.wide"
    nodes = [
        helper.make_node("Cast", [q], [wide], to=compute),
        helper.make_node("Mul", [wide, s], [name]),
    ]
    return Stored({q: quantised, s: scale.astype(helper.tensor_dtype_to_np_dtype(compute))}, nodes)


def quantise(value: NDArray[np.float32], axis: int) -> tuple[NDArray[np.int8], NDArray[np.float16]]:
    """Return integers in -127..127 and fp16 scales that broadcast over `value`."""
    others = tuple(i for i in range(value.ndim) if i != axis)
    largest = np.abs(value).max(axis=others, keepdims=True)
    full = np.where(largest > 0, largest / 127, 1).astype(np.float32)
    best = np.full(full.shape, np.inf)
    scale = full.astype(np.float16)
    for clip in _CLIPS:
        trial = np.maximum(full * np.float32(clip), np.float32(2.0**-24)).astype(np.float16)
        error = np.square(_round(value, trial) * trial.astype(np.float32) - value).sum(axis=others, keepdims=True)
        scale = np.where(error < best, trial, scale)
        best = np.minimum(error, best)
    return _round(value, scale).astype(np.int8), scale


def _round(value: NDArray[np.float32], scale: NDArray[np.float16]) -> NDArray[np.float32]:
    return np.clip(np.rint(value / scale.astype(np.float32)), -127, 127)
