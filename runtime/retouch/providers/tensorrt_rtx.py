"""RTX cards of NVIDIA, through the TensorRT-RTX plug-in; it takes standard operators only."""

from retouch.providers import PROVIDERS
from retouch.providers._plugin import Plugin

PROVIDERS.register(
    Plugin("onnxruntime_ep_nv_tensorrt_rtx", "onnxruntime-ep-nv-tensorrt-rtx-cu13", "NvTensorRTRTXExecutionProvider")
)
