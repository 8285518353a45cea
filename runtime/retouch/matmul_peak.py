"""The fastest product of two float32 matrices on this processor: the ceiling that a graph's speed is compared with.

numpy's library and ONNX Runtime's differ by a factor of two on some processors, so both are asked.
"""

from collections.abc import Callable
from contextlib import suppress
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retouch.errors import MissingExtra
from retouch.providers import Device
from retouch.providers._onnxruntime import import_onnxruntime
from retouch.providers.openvino import compiled_bytes

SIDE = 768
"""Large enough to be limited by arithmetic, small enough (1 GFLOP) for one of many products to run undisturbed."""

# One node, c = a b on float32 of any size, opset 13.
_PRODUCT = bytes.fromhex(
    "08083a490a110a01610a016212016322064d61744d756c1201705a0f0a0161120a0a08080112040a000a00"
    "5a0f0a0162120a0a08080112040a000a00620f0a0163120a0a08080112040a000a0042040a00100d"
)


def matmul_peak(threads: int, *, side: int = SIDE, rounds: int = 20) -> float:
    """Return GFLOP/s of the better of numpy and ONNX Runtime, the best of `rounds`.

    ONNX Runtime uses `threads`; numpy uses what its own library was told (OPENBLAS_NUM_THREADS), by default every core.
    Where ONNX Runtime is not installed, OpenVINO is asked; where neither is, numpy alone.
    """
    a: NDArray[np.float32] = np.ones((side, side), np.float32)
    ways: list[Callable[[], object]] = [lambda: a @ a]
    with suppress(MissingExtra):
        ways.append(_product(threads, a))
    return 2 * side**3 / min(_least_seconds(way, rounds) for way in ways) / 1e9


def _product(threads: int, a: NDArray[np.float32]) -> Callable[[], object]:
    """A product of the matrix with itself by an engine; MissingExtra if there is none."""
    try:
        session = _session(threads)
    except MissingExtra:
        request = compiled_bytes(_PRODUCT, Device("openvino"), threads=threads).create_infer_request()
        return lambda: request.infer({"a": a, "b": a}, share_inputs=True, share_outputs=True)
    return lambda: session.run(None, {"a": a, "b": a})


def _session(threads: int) -> Any:
    ort = import_onnxruntime()
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return ort.InferenceSession(_PRODUCT, options, providers=["CPUExecutionProvider"])


def _least_seconds(work: Callable[[], object], rounds: int) -> float:
    """Least of `rounds` after one that is not counted."""
    work()
    best = float("inf")
    for _ in range(rounds):
        start = perf_counter()
        work()
        best = min(best, perf_counter() - start)
    return best
