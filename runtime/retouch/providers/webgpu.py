"""GPUs of every maker through Vulkan, Direct3D 12 or Metal, by the WebGPU plug-in."""

from retouch.providers import PROVIDERS
from retouch.providers._plugin import Plugin

PROVIDERS.register(Plugin("onnxruntime_ep_webgpu", "onnxruntime-ep-webgpu", "WebGpuExecutionProvider"))
