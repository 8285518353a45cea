"""A stand-in for the module `onnxruntime` with providers that no test machine has; it computes with the real one."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from retouch import open_graph
from retouch.providers import PROVIDERS, _onnxruntime, _plugin
from support.fake_device import BoundRuns, DeviceMemory


class Options:
    """Stands in for `onnxruntime.SessionOptions`: remembers what it was told."""

    def __init__(self) -> None:
        self.entries: dict[str, str] = {}
        self.sizes: dict[str, int] = {}
        self.chosen: list[Any] = []
        self.enable_mem_pattern = True
        self.execution_mode = "parallel"

    def add_session_config_entry(self, key: str, value: str) -> None:
        self.entries[key] = value

    def add_free_dimension_override_by_name(self, name: str, size: int) -> None:
        self.sizes[name] = size

    def add_provider_for_devices(self, devices: list[Any], settings: Mapping[str, str]) -> None:
        self.chosen.append((devices, settings))


class Session(BoundRuns):
    """Stands in for a session on any provider; computes with the real one on the processor."""

    def __init__(self, ort: "Ort", source: Any, options: Options, providers: Any = None, enable_fallback: int = 1):
        ort.opened.append(self)
        self.ort, self.options, self.wanted, self.fallback = ort, options, providers, enable_fallback
        self.recordings = {}
        if ort.fails is not None:
            raise ort.fails
        if ort.refuses_to_record is not None and self.records:
            raise ort.refuses_to_record
        import onnxruntime

        plain = onnxruntime.SessionOptions()
        plain.log_severity_level = 4
        plain.intra_op_num_threads = 1
        for name, size in options.sizes.items():
            plain.add_free_dimension_override_by_name(name, size)
        self.real = onnxruntime.InferenceSession(source, plain, providers=["CPUExecutionProvider"])
        self.fixed = [tuple(i.shape) for i in self.real.get_inputs()]

    def run(self, names: Any, feed: Any, options: Any = None) -> Any:
        if self.ort.on_run is not None:
            self.ort.on_run(self, "host")
        return self.real.run(names, feed)

    def get_inputs(self) -> Any:
        return self.real.get_inputs()

    def get_providers(self) -> list[str]:
        if self.ort.silent_fallback:
            return ["CPUExecutionProvider"]
        return [self.wanted[0][0]] if self.wanted else [self.options.chosen[0][0][0].ep_name]

    def get_provider_graph_assignment_info(self) -> list[Any]:
        nodes = [SimpleNamespace(op_type=kind) for kind in self.ort.on_cpu]
        return [SimpleNamespace(ep_name="CPUExecutionProvider", get_nodes=lambda: nodes)]


class Ort(SimpleNamespace):
    """Stands in for the module `onnxruntime`."""

    def __init__(self, *available: str) -> None:
        super().__init__(
            __version__="1.99",
            opened=[],
            registered=[],
            fails=None,
            refuses_to_record=None,
            runs=[],
            on_run=None,
            released=[],
            OrtValue=DeviceMemory(),
            silent_fallback=False,
            on_cpu=(),
            devices=[],
            SessionOptions=Options,
            GraphOptimizationLevel=SimpleNamespace(ORT_DISABLE_ALL="none"),
            ExecutionMode=SimpleNamespace(ORT_SEQUENTIAL="sequential"),
        )
        self.available = [*available, "CPUExecutionProvider"]

    def get_available_providers(self) -> list[str]:
        return self.available

    def InferenceSession(self, source: Any, options: Options, **more: Any) -> Session:
        return Session(self, source, options, **more)

    def register_execution_provider_library(self, name: str, path: str) -> None:
        self.registered.append((name, path))

    def get_ep_devices(self) -> list[Any]:
        return self.devices

    def RunOptions(self) -> Options:
        options = Options()
        options.add_run_config_entry = options.add_session_config_entry  # type: ignore[attr-defined]
        return options


def put_in_place(monkeypatch: pytest.MonkeyPatch, ort: Ort) -> Ort:
    """Put a stand-in in the place of onnxruntime."""
    for module in (_onnxruntime, open_graph):
        monkeypatch.setattr(module, "import_onnxruntime", lambda: ort)
    monkeypatch.setitem(type(PROVIDERS["directml"]).configure.__globals__, "import_onnxruntime", lambda: ort)
    monkeypatch.setattr(_plugin, "_registered", set())
    return ort
