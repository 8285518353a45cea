"""NVIDIA GPUs, through ONNX Runtime's CUDA provider."""

from collections.abc import Mapping
from typing import Any

from retouch.providers import PROVIDERS


class Cuda:
    """ONNX Runtime on CUDA."""

    ort_name = "CUDAExecutionProvider"
    install = "pip uninstall -y onnxruntime && pip install 'retouch[gpu]'"
    arena = "gpu"
    static_shapes = False

    def options(self, device_id: int) -> Mapping[str, str]:
        """HEURISTIC picks convolution algorithms quickly and well; the arena grows by what is asked for."""
        return {
            "device_id": str(device_id),
            "arena_extend_strategy": "kSameAsRequested",
            "cudnn_conv_algo_search": "HEURISTIC",
        }

    def configure(self, session_options: Any) -> None:
        """Nothing is demanded."""

    def devices(self, ort: Any) -> None:
        """Load the CUDA and cuDNN libraries of the installed wheels, so that no system-wide ones are needed."""
        if self.ort_name in ort.get_available_providers() and hasattr(ort, "preload_dlls"):
            ort.preload_dlls()


PROVIDERS.register(Cuda())
