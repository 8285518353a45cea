"""GPUs of every maker on Windows, through DirectML."""

from collections.abc import Mapping
from typing import Any, Literal

from retouch.providers import PROVIDERS, Wish
from retouch.providers._onnxruntime import OnnxRuntime, import_onnxruntime


class DirectMl(OnnxRuntime):
    """ONNX Runtime on DirectML."""

    ort_name = "DmlExecutionProvider"
    install = "pip uninstall -y onnxruntime && pip install 'retouch[directml]'"
    sizes: Literal["free", "usual", "each"] = "each"

    def options(self, device_id: int, wish: Wish) -> Mapping[str, str]:  # noqa: ARG002 - it has no such options
        """Choose the adapter; number 0 may be the integrated one."""
        return {"device_id": str(device_id)}

    def configure(self, session_options: Any) -> None:
        """DirectML refuses memory patterns and parallel execution (its documentation's two rules)."""
        session_options.enable_mem_pattern = False
        session_options.execution_mode = import_onnxruntime().ExecutionMode.ORT_SEQUENTIAL


PROVIDERS.register(DirectMl())
