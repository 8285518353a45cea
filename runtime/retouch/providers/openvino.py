"""Processors, GPUs and NPUs through OpenVINO itself; numbers count the processor first, then what else it finds.

The graph's own numbers are what a device computes with unless its name asks for others: `openvino:bf16`.
"""

import sys
from collections.abc import Mapping
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

from retouch.errors import MissingExtra, ProviderError
from retouch.providers import PROBE, PROVIDERS, Device, OpenGraph, Wish

if TYPE_CHECKING:
    from collections.abc import Iterator

    from retouch_models.bundle import Bundle

_KINDS = ("CPU", "GPU", "NPU")
"""Kinds of hardware in the order in which they are numbered."""
_EXACT = "f32"


class OpenVino:
    """OpenVINO, driven without ONNX Runtime."""

    install = "pip install 'retouch[openvino]'"
    precisions: tuple[str, ...] = ("bf16", "f16")
    sizes: Literal["free", "usual", "each"] = "usual"
    memory = ""
    loop: Literal["host", "device"] = "host"
    records = False
    reopens = False
    few_sizes = False

    def installed(self) -> bool:
        """Whether the package is there; a folder of that name is none."""
        spec = find_spec("openvino")
        return spec is not None and spec.origin is not None

    def devices(self) -> list[Device]:
        """Each piece of hardware in the graph's own numbers and in the shorter ones that it is made for."""
        found = []
        for number, hardware in enumerate(_hardware()):
            can = _core().get_property(hardware, "OPTIMIZATION_CAPABILITIES")
            own = ("",) if "FP32" in can else ()
            found += [Device("openvino", number, name) for name in (*own, *_shorter(can))]
        return found

    def probe(self, device: Device) -> None:
        """Run one node, and see that it ran there and with the numbers that were asked for."""
        import numpy as np

        hardware = hardware_of(device)
        wanted = device.precision or _EXACT
        try:
            compiled = compiled_bytes(PROBE, device, threads=1)
            result = compiled.create_infer_request().infer({"x": np.ones(2, np.float32)})["y"]
            took = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
            ran = compiled.get_property("EXECUTION_DEVICES")
        except Exception as error:
            raise ProviderError(f"{device} does not load: {_reason(error)}; see: retouch doctor") from error
        if took != wanted:
            raise ProviderError(f"{device} computes in {took} and not in {wanted}; give another --provider")
        if float(result[0]) != 2.0 or list(ran) != [hardware]:
            raise ProviderError(f"{device} does not run what it is given; use --provider cpu")

    def open(
        self,
        bundle: "Bundle",
        role: str,
        device: Device,
        *,
        threads: int | None,
        sizes: Mapping[str, int],
        wish: Wish,  # noqa: ARG002 - it has no such options
    ) -> OpenGraph:
        """Compile, or take what an earlier run compiled."""
        from retouch.providers._openvino_graph import open_graph

        return open_graph(_core(), bundle, role, device, threads=threads, sizes=sizes)

    def on_processor(self, device: Device) -> bool:
        """The processor is number 0, on every machine."""
        return device.device_id == 0

    def describe(self, device: Device) -> str:
        """Name the hardware."""
        numbers = f", computes in {device.precision}" if device.precision else ""
        return f"{_core().get_property(hardware_of(device), 'FULL_DEVICE_NAME')}{numbers}"


def hardware_of(device: Device) -> str:
    """OpenVINO's name of a device, `CPU` or `GPU.1`; ProviderError if there is none or if it lacks the numbers."""
    there = _hardware()
    if device.device_id >= len(there):
        known = ", ".join(f"openvino:{number} is {name}" for number, name in enumerate(there))
        raise ProviderError(f"{device} does not exist; {known}")
    hardware = there[device.device_id]
    can = _core().get_property(hardware, "OPTIMIZATION_CAPABILITIES")
    number = f"openvino:{device.device_id}"
    if device.precision and device.precision not in _shorter(can):
        better = ", ".join((number, *(f"{number}:{name}" for name in _shorter(can))))
        raise ProviderError(f"{device}: the {hardware} here is not made for {device.precision}; use {better}")
    if not device.precision and "FP32" not in can:
        better = ", ".join(f"{number}:{name}" for name in _shorter(can))
        raise ProviderError(f"{device}: the {hardware} here does not compute in float32; use {better}")
    return hardware


def compiled_bytes(graph: bytes, device: Device, *, threads: int) -> Any:
    """Compile a small graph, the content of an ONNX file; raises what OpenVINO raises."""
    return _core().compile_model(_core().read_model(graph), hardware_of(device), settings(device, threads=threads))


def settings(device: Device, *, threads: int | None) -> dict[str, Any]:
    """How graphs are compiled for a device.

    Left to itself OpenVINO computes in the shortest numbers that the hardware is fast at, and rounds the inputs of
    matrix products to eight bits where their weights have eight. Neither happens unless it was asked for.
    """
    chosen: dict[str, Any] = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": device.precision or _EXACT,
    }
    if PROVIDERS["openvino"].on_processor(device):
        chosen["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = "0"
        if threads is not None:
            chosen["INFERENCE_NUM_THREADS"] = threads
    return chosen


def _shorter(capabilities: list[str]) -> list[str]:
    return [name for name in OpenVino.precisions if {"bf16": "BF16", "f16": "FP16"}[name] in capabilities]


def _hardware() -> list[str]:
    """OpenVINO's names of what it finds, processor first."""
    found = [name for name in _core().available_devices if name.partition(".")[0] in _KINDS]
    return sorted(found, key=lambda name: (_KINDS.index(name.partition(".")[0]), name))


def _reason(error: Exception) -> str:
    from retouch.failures import first_line

    return first_line(error)


@cache
def _core() -> Any:
    """The one `openvino.Core` of the process; its devices are loaded when they are first used."""
    from retouch.memory_plan import return_large_blocks

    return_large_blocks()
    return import_openvino().Core()


def import_openvino() -> Any:
    """Import openvino; MissingExtra names the extra if it is not installed."""
    try:
        with _nothing_sent():
            import openvino
    except ImportError as error:
        if isinstance(error, ModuleNotFoundError) and str(error.name).partition(".")[0] == "openvino":
            raise MissingExtra("the provider openvino", "openvino") from None
        text = " ".join(str(error).split())[:300]
        raise ProviderError(
            f"openvino is installed but does not load: {text}; install it again with: "
            "pip install --force-reinstall openvino"
        ) from error
    return openvino


@contextmanager
def _nothing_sent() -> "Iterator[None]":
    """Hide `openvino_telemetry` while openvino is imported: its import would report to its makers over the network.

    Without that package openvino takes a stand-in of its own that sends nothing.
    """
    name = "openvino_telemetry"
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        sys.modules.pop(name, None)


PROVIDERS.register(OpenVino())
