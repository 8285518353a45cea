"""Device memory for the stand-in of ONNX Runtime: values that live nowhere but there, bindings that own nothing.

A binding holds its values weakly, so a buffer that nobody else holds is found missing when it runs. A session that
records keeps the addresses of the recorded run and computes with those ever after, as a CUDA graph does.
"""

import weakref
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np


class Value:
    """Stands in for `onnxruntime.OrtValue`."""

    def __init__(self, memory: "DeviceMemory", array: np.ndarray) -> None:
        self.memory, self.array = memory, array

    def update_inplace(self, data: np.ndarray) -> None:
        self.memory.uploads += 1
        assert data.dtype == self.array.dtype
        self.array[...] = data

    def numpy(self) -> np.ndarray:
        if self.memory.refuses:
            raise AssertionError("latents were brought to the host")
        self.memory.downloads += 1
        return self.array.copy()

    def shape(self) -> list[int]:
        return list(self.array.shape)


class DeviceMemory(SimpleNamespace):
    """Makes values, counts what crosses, and breaks when told to."""

    def __init__(self) -> None:
        super().__init__(uploads=0, downloads=0, refuses=False, full=False, live=weakref.WeakSet())

    def ortvalue_from_shape_and_type(self, shape: list[int], kind: Any, name: str, number: int) -> Value:
        assert name == "cuda"
        if self.full:
            raise RuntimeError("Failed to allocate memory for requested buffer of size 123")
        value = Value(self, np.full(shape, np.nan if np.issubdtype(kind, np.floating) else 0, kind))
        self.live.add(value)
        return value


class Binding:
    """Stands in for `onnxruntime.IOBinding`."""

    def __init__(self, memory: DeviceMemory) -> None:
        self.memory = memory
        self.inputs: dict[str, Callable[[], Any]] = {}
        self.outputs: dict[str, Callable[[], Any] | None] = {}
        self.made: list[Value] = []

    def bind_ortvalue_input(self, name: str, value: Value) -> None:
        self.inputs[name] = weakref.ref(value)

    def bind_cpu_input(self, name: str, array: np.ndarray) -> None:
        held = Value(self.memory, array)
        self.inputs[name] = lambda: held

    def bind_ortvalue_output(self, name: str, value: Value) -> None:
        self.outputs[name] = weakref.ref(value)

    def bind_output(self, name: str, device: str, number: int) -> None:
        assert device == "cuda"
        self.outputs[name] = None

    def clear_binding_inputs(self) -> None:
        self.inputs.clear()

    def clear_binding_outputs(self) -> None:
        self.outputs.clear()

    def get_outputs(self) -> list[Value]:
        return self.made


class BoundRuns:
    """The part of a session that runs from buffers to buffers."""

    ort: Any
    real: Any
    wanted: Any
    recordings: dict[str, tuple[Binding, list[int]]]

    def io_binding(self) -> Binding:
        return Binding(self.ort.OrtValue)

    @property
    def records(self) -> bool:
        return bool(self.wanted) and self.wanted[0][1].get("enable_cuda_graph") == "1"

    def run_with_iobinding(self, binding: Binding, options: Any = None) -> None:
        number = "-1" if options is None else options.entries.get("gpu_graph_id", "0")
        self.ort.runs.append((self, number))
        if self.ort.on_run is not None:
            self.ort.on_run(self, number)
        if self.records and number != "-1":
            addresses = [id(alive(value)) for value in (*binding.inputs.values(), *binding.outputs.values())]
            if number in self.recordings:
                assert self.recordings[number] == (binding, addresses), "a recording was replayed on other buffers"
            self.recordings[number] = binding, addresses
        feed = {name: alive(value).array for name, value in binding.inputs.items()}
        results = self.real.run(list(binding.outputs), feed)
        binding.made = []
        for result, target in zip(results, binding.outputs.values(), strict=True):
            if target is None:
                binding.made.append(Value(binding.memory, result))
            else:
                assert alive(target).array.shape == result.shape
                assert alive(target).array.dtype == result.dtype
                alive(target).array[...] = result

    def release_captured_graph(self, number: int) -> None:
        del self.recordings[str(number)]
        self.ort.released.append(number)


def alive(value: Callable[[], Any]) -> Value:
    """The value behind a reference; it must be there."""
    held = value()
    assert held is not None, "a buffer was freed while it was bound"
    return held
