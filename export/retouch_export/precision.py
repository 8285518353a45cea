"""How the weights of a graph are stored: a precision is a choice of codec per weight."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from retouch_export.graph_file import ChooseCodec
from retouch_export.tracing import Weight
from retouch_models.errors import UnknownName

PRECISIONS = ("fp32", "fp16", "int8")

STORED_BYTES = {"fp32": 4, "fp16": 2, "int8": 1}
"""Bytes per weight of each."""

_LARGE = 4096
"""Weights with fewer elements stay in fp32: they are a thousandth of the file, the most
sensitive part, and each conversion costs time at load."""


def codec_chooser(precision: str) -> ChooseCodec:
    """Return the rule of a precision; raises UnknownName."""
    if precision not in PRECISIONS:
        raise UnknownName("precision", precision, PRECISIONS)
    return _int8_where_large if precision == "int8" else _fp16_where_large if precision == "fp16" else _as_is


def exact_chooser(weights: Mapping[str, Weight]) -> ChooseCodec:
    """Return the rule that keeps every bit of these weights: in half precision where that loses nothing."""
    return lambda name, shape: "fp16" if math.prod(shape) >= _LARGE and _is_half(weights[name].tensor) else "fp32"


def _is_half(tensor: Tensor) -> bool:
    if tensor.dtype == torch.float16:
        return True
    return tensor.dtype == torch.float32 and torch.equal(tensor.to(torch.float16).to(torch.float32), tensor)


def _as_is(_name: str, _shape: tuple[int, ...]) -> str:
    return "fp32"


def _fp16_where_large(_name: str, shape: tuple[int, ...]) -> str:
    return "fp16" if math.prod(shape) >= _LARGE else "fp32"


def _int8_where_large(_name: str, shape: tuple[int, ...]) -> str:
    """Matrices and convolutions in int8; biases, norms and small weights in fp32."""
    return "int8" if len(shape) >= 2 and math.prod(shape) >= _LARGE else "fp32"
