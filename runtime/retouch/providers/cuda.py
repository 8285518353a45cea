"""NVIDIA GPUs, through ONNX Runtime's CUDA provider."""

import io
import os
from collections.abc import Mapping
from contextlib import redirect_stdout
from functools import cache
from typing import Any, Literal

from retouch.errors import UsageError
from retouch.providers import PROVIDERS, Wish
from retouch.providers._onnxruntime import OnnxRuntime

OPTIONS = "RETOUCH_CUDA_OPTIONS"
"""Provider options of ONNX Runtime that win over those here: `prefer_nhwc=0,cudnn_conv_use_max_workspace=0`."""


class Cuda(OnnxRuntime):
    """ONNX Runtime on CUDA."""

    ort_name = "CUDAExecutionProvider"
    install = "pip uninstall -y onnxruntime && pip install 'retouch[gpu]'"
    arena = "gpu"
    memory = "cuda"
    loop: Literal["host", "device"] = "device"
    records = True
    few_sizes = True  # cuDNN plans each convolution anew for every size (onnxruntime issue 23006)

    def options(self, device_id: int, wish: Wish) -> Mapping[str, str]:
        """Choose how it computes and what it takes.

        HEURISTIC picks convolution algorithms quickly and well (DEFAULT may pick one fifty times slower, so it is
        refused); the arena grows by what is asked for. Convolutions get all the workspace they like unless memory is
        limited. ONNX Runtime's own change of layout to channels last is for graphs that the export left in NCHW.
        """
        return {
            "device_id": str(device_id),
            "arena_extend_strategy": "kSameAsRequested",
            "cudnn_conv_algo_search": "HEURISTIC",
            "cudnn_conv_use_max_workspace": "1" if wish.memory_limit is None else "0",
            **({} if wish.memory_limit is None else {"gpu_mem_limit": str(wish.memory_limit)}),
            **({"prefer_nhwc": "1"} if wish.channels_last else {}),
            **({"enable_cuda_graph": "1"} if wish.record else {}),
            **told_options(),
        }

    def plugged(self, ort: Any) -> None:
        """Load the CUDA and cuDNN libraries of the installed wheels, so that no system-wide ones are needed."""
        if self.ort_name in ort.get_available_providers() and hasattr(ort, "preload_dlls"):
            _preload(ort)


def told_options() -> Mapping[str, str]:
    """Options that the user gave in the environment; UsageError for what cannot be read or is known to be harmful."""
    told = os.environ.get(OPTIONS, "")
    options = {}
    for part in filter(None, (piece.strip() for piece in told.split(","))):
        name, equals, value = part.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"{OPTIONS}: {part} is not NAME=VALUE; write it as prefer_nhwc=0,use_tf32=0")
        options[name.strip()] = value.strip()
    if options.get("cudnn_conv_algo_search", "").upper() == "DEFAULT":
        raise UsageError(f"{OPTIONS}: cudnn_conv_algo_search=DEFAULT is very slow; give HEURISTIC or EXHAUSTIVE")
    return options


@cache
def _preload(ort: Any) -> None:
    with redirect_stdout(io.StringIO()):  # it prints what it does not find; what is missing then, the probe tells
        ort.preload_dlls()


PROVIDERS.register(Cuda())
