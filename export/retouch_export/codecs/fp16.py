"""Half precision: 2 bytes per weight, error about 5e-4 of each."""

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper

from retouch_export.codecs import CODECS, Stored
from retouch_models.errors import ExportError


@CODECS.register
def fp16(name: str, value: NDArray[np.float32], _axis: int, compute: int) -> Stored:
    """Store rounded to half precision; refuses weights outside its range."""
    with np.errstate(over="ignore"):
        half = value.astype(np.float16, copy=False)
    if not np.isfinite(half).all():
        raise ExportError(f"{name} has values that fp16 cannot hold; export with --precision fp32")
    if compute == TensorProto.FLOAT16:
        return Stored({name: half})
    return Stored({f"{name}.f16": half}, [helper.make_node("Cast", [f"{name}.f16"], [name], to=compute)])
