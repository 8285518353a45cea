"""The processor, through ONNX Runtime's own kernels."""

from collections.abc import Mapping
from typing import Any

from retouch.providers import PROVIDERS


class Cpu:
    """ONNX Runtime on the CPU."""

    ort_name = "CPUExecutionProvider"
    extra = "cpu"

    def options(self, device_id: int) -> Mapping[str, str]:  # noqa: ARG002 - there is one CPU
        """No options."""
        return {}

    def configure(self, session_options: Any) -> None:
        """Nothing is demanded."""

    def preload(self) -> None:
        """Nothing to load."""


PROVIDERS.register(Cpu())
