"""ONNX Runtime on the processor so that weights stay in their files, mapped, and are unfolded at every use.

A session for users unfolds them once and lays convolutions out for the processor, which is faster and takes one or two
copies of the network. A proof runs each graph a few times, and its memory decides how large a model can be exported.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx
import onnxruntime as ort

from retouch.providers import Device
from retouch.providers._onnxruntime import provider_of

_CACHE = "RETOUCH_CACHE"


def leave_folded(options: Any) -> None:
    """Let a session with these `onnxruntime.SessionOptions` unfold weights when it uses them."""
    options.add_session_config_entry("optimization.disable_specified_optimizers", "ConstantFolding")
    # Beyond this level constants are folded whatever is said above.
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.enable_mem_pattern = False


def frugal_session(graph: Path) -> ort.InferenceSession:
    """Open a graph on the CPU in little more memory than its largest layer takes."""
    options = ort.SessionOptions()
    leave_folded(options)
    options.add_session_config_entry("session.disable_prepacking", "1")  # as the runtime's own sessions have it
    options.log_severity_level = 3
    if not _unfolds(graph):
        # In fp16 ONNX Runtime casts weights itself where it lacks the operator, and would cast all of them first.
        options.execution_order = ort.ExecutionOrder.PRIORITY_BASED
    options.enable_cpu_mem_arena = False
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])


def _unfolds(graph: Path) -> bool:
    """Whether the graph has nodes of its own that unfold weights."""
    model = onnx.load(graph, load_external_data=False).graph
    stored = {tensor.name for tensor in model.initializer}
    return any(node.op_type == "Cast" and node.input[0] in stored for node in model.node)


@contextmanager
def frugal_processor() -> Iterator[None]:
    """Let the runtime open graphs so while inside, and keep no optimised copies of them."""
    processor, cache = provider_of(Device("cpu")), os.environ.get(_CACHE)
    usual = processor.configure

    def configure(options: Any) -> None:
        usual(options)
        leave_folded(options)

    vars(processor)["configure"] = configure
    os.environ[_CACHE] = "off"
    try:
        yield
    finally:
        del vars(processor)["configure"]
        del os.environ[_CACHE]
        if cache is not None:
            os.environ[_CACHE] = cache
