"""Reads and checks the header of safetensors files without trusting it; refuses pickles."""

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retouch_models.errors import ExportError

PICKLES = (".ckpt", ".bin", ".pt", ".pth", ".pkl")
_LARGEST_HEADER = 100 * 1024 * 1024
_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
_BYTES |= {"F8_E4M3": 1, "F8_E5M2": 1, "U16": 2, "U32": 4, "U64": 8}

_CONVERT = (
    'import torch, safetensors.torch as s; m = torch.load("IN.ckpt", weights_only=True); m = m.get("state_dict", m); '
    's.save_file({k: v.contiguous() for k, v in m.items() if hasattr(v, "shape")}, "OUT.safetensors")'
)


@dataclass(frozen=True)
class TensorInfo:
    """Type and shape of one tensor of the file."""

    dtype: str
    shape: tuple[int, ...]


def check_safetensors(path: Path) -> dict[str, TensorInfo]:
    """Check the file against its own header; ExportError if it is cut short or contradicts itself."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(8)
            length = struct.unpack("<Q", start)[0] if len(start) == 8 else -1
            if not 0 < length <= min(_LARGEST_HEADER, size - 8):
                raise ExportError(f"{path} is not a safetensors file, or is cut short; fetch it again")
            header = json.loads(file.read(length))
    except OSError as error:
        raise ExportError(f"{path} cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError):
        raise ExportError(f"{path} has a damaged header; fetch it again") from None
    if not isinstance(header, dict):
        raise ExportError(f"{path} has a damaged header; fetch it again")
    header.pop("__metadata__", None)
    try:
        return _tensors(header, size - 8 - length)
    except (KeyError, TypeError, ValueError) as error:
        raise ExportError(f"{path} is cut short or damaged ({error}); fetch it again") from None


def _tensors(header: Mapping[str, Any], room: int) -> dict[str, TensorInfo]:
    found, end = {}, 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        first, last = entry["data_offsets"]
        shape = tuple(int(side) for side in entry["shape"])
        if min(shape, default=0) < 0 or first != end or last - first != math.prod(shape) * _BYTES[entry["dtype"]]:
            raise ValueError(f"the place of {name} is wrong")
        found[name], end = TensorInfo(entry["dtype"], shape), last
    if end != room:
        raise ValueError(f"its tensors need {end:,} bytes, it has {room:,}")
    return found


def refuse_pickles(path: Path) -> None:
    """Raise ExportError if a file, or all that a folder offers, are pickles, which can run any program."""
    files = [path] if path.suffix else sorted(path.iterdir()) if path.is_dir() else []
    pickles = [f for f in files if f.suffix.lower() in PICKLES]
    if pickles:
        raise ExportError(
            f"{pickles[0]} is a pickle, which can run any program when it is loaded, and is never read; convert it "
            f"where you trust it: python -c '{_CONVERT}'"
        )
