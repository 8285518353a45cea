"""How much work one evaluation is, counted without computing anything."""

import torch
from torch import nn
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode

from retouch_export.examples import Example


def gflop(module: nn.Module, example: Example) -> float:
    """Billions of floating point operations (a multiply-add is two) of one evaluation on the example."""
    tensors = {name: t.to("meta") for name, t in (*module.named_parameters(), *module.named_buffers())}
    inputs = {name: t.to("meta") for name, t in example.inputs.items()}
    counter = FlopCounterMode(display=False)
    with torch.inference_mode(), counter:
        functional_call(module, tensors, kwargs=inputs)
    return round(counter.get_total_flops() / 1e9, 2)
