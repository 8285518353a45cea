"""What the UNet takes that does not depend on the latents, computed by graphs of their own, once.

A bundle may split its UNet for a provider: `unet_text` turns hidden states into the keys and values of every
attention (`text.0`, `text.1`, …), `unet_time` turns a timestep and the further inputs into the embeddings that every
block adds (`time`). The first is the same for all steps of a prompt, the second for all pictures with the same steps.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

import numpy as np

from retouch.session import Graphs, Tensor

T = TypeVar("T")

TEXT, TIME = "text.", "time"
"""How those inputs of the UNet are named."""
_PROMPTS, _TIMES = 2, 256
"""Results remembered: both prompts and the positive one alone; any usual schedule."""

Run = Callable[[str, Mapping[str, Tensor]], Mapping[str, T]]
"""(role, inputs) -> outputs by name."""


def is_split(graphs: Graphs) -> bool:
    """Whether the UNet takes embeddings in place of a timestep."""
    return any(t.name == TIME for t in graphs["unet"].spec.inputs)


class Hoisted(Generic[T]):
    """Runs the two graphs and remembers what they gave; T is where results live."""

    def __init__(self, run: Run[T]) -> None:
        """Run nothing yet."""
        self._run = run
        self._texts: OrderedDict[tuple[int, int, int], tuple[Tensor, Mapping[str, T]]] = OrderedDict()
        self._times: OrderedDict[tuple[object, ...], T] = OrderedDict()

    def text(self, context: Tensor, first: int, last: int) -> Mapping[str, T]:
        """Return `text.*` for the prompts first..last of hidden states, (B, T, D)."""
        key = id(context), first, last
        if key not in self._texts:
            found = self._run("unet_text", {"encoder_hidden_states": context[first:last]})
            self._texts[key] = context, found  # holding the array keeps its id its own
            while len(self._texts) > _PROMPTS:
                self._texts.popitem(last=False)
        self._texts.move_to_end(key)
        return self._texts[key][1]

    def time(self, timestep: float, extra: Mapping[str, Tensor]) -> T:
        """Return `time` for a timestep: one row for all pictures of a batch, or one for each row of further inputs."""
        key = timestep, *((name, values.shape, values.tobytes()) for name, values in sorted(extra.items()))
        if key not in self._times:
            steps = np.full((1,), timestep, np.float32)
            self._times[key] = self._run("unet_time", {"timestep": steps, **extra})[TIME]
            while len(self._times) > _TIMES:
                self._times.popitem(last=False)
        self._times.move_to_end(key)
        return self._times[key]

    def forget(self) -> None:
        """Forget all results."""
        self._texts.clear()
        self._times.clear()


def on_host(graphs: Graphs) -> Hoisted[Tensor]:
    """Results as arrays."""

    def run(role: str, inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        session = graphs[role]
        return dict(zip((t.name for t in session.spec.outputs), session(inputs), strict=True))

    return Hoisted(run)
