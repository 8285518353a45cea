"""How much work one evaluation is, counted without computing anything."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode


def gflop(module: nn.Module, inputs: Mapping[str, Tensor]) -> float:
    """Billions of floating point operations (a multiply-add is two) of one evaluation on the inputs."""
    counter = FlopCounterMode(display=False)
    with counter:
        outline(module, inputs)
    return round(counter.get_total_flops() / 1e9, 2)


def outline(module: nn.Module, inputs: Mapping[str, Tensor]) -> Sequence[Tensor]:
    """What the module would put out: shapes and types without values."""
    tensors = {name: _empty(t) for name, t in (*module.named_parameters(), *module.named_buffers())}
    with torch.inference_mode():
        return functional_call(module, tensors, kwargs={name: _empty(t) for name, t in inputs.items()})


def _empty(tensor: Tensor) -> Tensor:
    """The same shape without memory, in the type that the networks compute in."""
    return torch.empty_like(tensor, device="meta", dtype=torch.float32 if tensor.is_floating_point() else tensor.dtype)
