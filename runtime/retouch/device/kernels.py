"""The small graphs of a step, run from buffers to buffers; `python -m retouch_export.step_graphs` makes their files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from retouch.device.memory import Buffer, Memory
from retouch.failures import failure
from retouch.providers import Device
from retouch.providers._onnxruntime import new_session

FOLDER = Path(__file__).parent / "graphs"
TERMS = (2, 4, 8)
"""Lengths of the sums that there are graphs for."""


class Kernels:
    """Opens each small graph when it is first run and keeps it; together they take a few megabytes."""

    def __init__(self, device: Device, memory: Memory) -> None:
        """Open nothing yet."""
        self._device, self._memory = device, memory
        self._open: dict[str, tuple[Any, Any]] = {}
        self._numbers: dict[str, Buffer] = {}

    def __call__(
        self,
        name: str,
        inputs: Mapping[str, Buffer],
        numbers: tuple[str, Sequence[float]] | None,
        result: tuple[str, Buffer],
    ) -> None:
        """Run a graph on buffers; `numbers` is its one small input by name, `result` the output that it writes."""
        bound = dict(inputs)
        if numbers is not None:
            values = np.asarray(numbers[1], np.float32)
            if name not in self._numbers:
                self._numbers[name] = self._memory.empty(values.shape, np.float32)
            self._memory.write(self._numbers[name], values)
            bound[numbers[0]] = self._numbers[name]
        try:
            session, binding = self._session(name)
            for label, buffer in bound.items():
                binding.bind_ortvalue_input(label, buffer.value)
            binding.bind_ortvalue_output(result[0], result[1].value)
            session.run_with_iobinding(binding)
            binding.clear_binding_inputs()  # else the last run's buffers would stay in memory
            binding.clear_binding_outputs()
        except Exception as error:
            raise failure(error, "denoising loop", self._device) from error

    def copy(self, source: Buffer, target: Buffer) -> None:
        """Fill a buffer from another of its shape and dtype; the address stays."""
        if (source.shape, source.dtype) != (target.shape, target.dtype):
            raise ValueError(f"{source.dtype}{source.shape} does not fit {target.dtype}{target.shape}")
        self(f"copy_{len(source.shape)}_{source.dtype.name}", {"source": source}, None, ("copied", target))

    def close(self) -> None:
        """Free the sessions; the next run opens them again."""
        self._open.clear()
        self._numbers.clear()

    def _session(self, name: str) -> tuple[Any, Any]:
        if name not in self._open:
            session = new_session(FOLDER / f"{name}.onnx", self._device, threads=1)
            self._open[name] = session, session.io_binding()
        return self._open[name]
