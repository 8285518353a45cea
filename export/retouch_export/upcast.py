"""Networks that compute in fp32 while their large weights stay as the checkpoint stores them.

A checkpoint in half precision would double when it is converted. Here the matrices stay in half precision, mapped
from the file, and each is widened for the time of its layer's call. Every half is exactly one single, so the results
are those of the converted network, bit for bit.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

LARGE = 2**18
"""Weights with fewer elements are converted at once: together they are a hundredth of a network. The first layers are
among them, and libraries take the type of the first weight for that in which a network computes."""

_LAYERS = (nn.Linear, nn.Conv2d)
_HALVES = (torch.float16, torch.bfloat16)
_KEPT = "_kept_weight"


def compute_in_fp32(network: nn.Module, large: int = LARGE) -> None:
    """Let the network compute in fp32; matrices of `large` elements and more keep their type between calls."""
    for layer in network.modules():
        for name, weight in list(layer.named_parameters(recurse=False)):
            if not weight.is_floating_point() or weight.dtype == torch.float32:
                continue
            if isinstance(layer, _LAYERS) and name == "weight" and weight.dtype in _HALVES and weight.numel() >= large:
                layer.register_forward_pre_hook(_widen)
                layer.register_forward_hook(_narrow, always_call=True)
            else:
                setattr(layer, name, nn.Parameter(weight.detach().to(torch.float32), requires_grad=False))


def _widen(layer: nn.Module, _inputs: Any) -> None:
    weight = layer._parameters["weight"]
    if weight is not None and weight.dtype in _HALVES:
        layer.__dict__[_KEPT] = weight
        layer._parameters["weight"] = weight.to(torch.float32)


def _narrow(layer: nn.Module, _inputs: Any, _output: Any) -> None:
    weight = layer.__dict__.pop(_KEPT, None)
    if weight is not None:
        layer._parameters["weight"] = weight


@contextmanager
def blank_weights(network: nn.Module, large: int = LARGE) -> Iterator[None]:
    """Put zeros in place of large weights, all in one piece of memory: a trace follows shapes and not values."""
    kept = [
        (layer, name, weight)
        for layer in network.modules()
        for name, weight in layer.named_parameters(recurse=False)
        if weight.numel() >= large
    ]
    zeros = torch.zeros(max((weight.numel() for _, _, weight in kept), default=0))
    try:
        for layer, name, weight in kept:
            blank = zeros[: weight.numel()].view(weight.shape)
            layer._parameters[name] = nn.Parameter(blank, requires_grad=False)
        yield
    finally:
        for layer, name, weight in kept:
            layer._parameters[name] = weight
