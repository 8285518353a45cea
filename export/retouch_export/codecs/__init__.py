"""Ways to store a weight, one module each; plain operators bring it back, and ONNX Runtime folds them at load.

The session that runs therefore holds ordinary fp32 (or, for graphs that compute in fp16, fp16) weights: a small
file costs nothing per step.
"""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import onnx
from numpy.typing import NDArray

from retouch_models.registry import Registry


@dataclass(frozen=True, eq=False)
class Stored:
    """A weight as it lies in the file, and the nodes that turn it into the tensor of its name."""

    tensors: dict[str, NDArray[np.generic]]
    nodes: list[onnx.NodeProto] = field(default_factory=list)


class Codec(Protocol):
    """Stores one weight."""

    def __call__(self, name: str, value: NDArray[np.float32], axis: int, compute: int, /) -> Stored:
        """Store `value`; `axis` is its output channel, `compute` the ONNX element type that `name` must get."""


CODECS: Registry[Codec] = Registry("retouch_export.codecs", "weight format")
