"""Processors, GPUs and NPUs of Intel, through the OpenVINO plug-in; device numbers count what it lists."""

from retouch.providers import PROVIDERS
from retouch.providers._plugin import Plugin

PROVIDERS.register(Plugin("onnxruntime_ep_openvino", "onnxruntime-ep-openvino", "OpenVINOExecutionProvider"))
