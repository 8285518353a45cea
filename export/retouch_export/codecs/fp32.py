"""Every bit of the checkpoint."""

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper

from retouch_export.codecs import CODECS, Stored


@CODECS.register
def fp32(name: str, value: NDArray[np.float32], _axis: int, compute: int) -> Stored:
    """Store as it is."""
    if compute == TensorProto.FLOAT:
        return Stored({name: value})
    return Stored({f"{name}.f32": value}, [helper.make_node("Cast", [f"{name}.f32"], [name], to=compute)])
