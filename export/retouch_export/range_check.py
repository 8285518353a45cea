"""Looks for overflow in half precision on purpose: how large the values inside a network become."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

LIMIT = 65504.0
"""Largest number of half precision."""

MARGIN = 0.5
"""Values above this share of the limit count as overflow: real pictures go beyond the examples."""


class Peak:
    """The largest absolute value seen, and in which layer."""

    def __init__(self) -> None:
        """Start at nothing."""
        self.value = 0.0
        self.layer = ""

    @property
    def fits(self) -> bool:
        """Whether half precision holds it with a margin."""
        return self.value <= MARGIN * LIMIT


@contextmanager
def watch(module: nn.Module) -> Iterator[Peak]:
    """Record the largest value that any layer of `module` puts out while inside."""
    peak = Peak()

    def hook(name: str) -> Any:
        def see(_module: nn.Module, _inputs: Any, output: Any) -> None:
            for tensor in output if isinstance(output, (tuple, list)) else (output,):
                if isinstance(tensor, Tensor) and tensor.is_floating_point():
                    largest = float(tensor.abs().max())
                    if not largest <= peak.value:
                        peak.value, peak.layer = largest, name

        return see

    handles = [m.register_forward_hook(hook(name)) for name, m in module.named_modules() if name]
    try:
        yield peak
    finally:
        for handle in handles:
            handle.remove()
