"""A graph bound to buffers that stay where they are, one set for each shape of its inputs, recorded after a warm-up.

A recording (a CUDA graph) replays the work of one run on the addresses of that run, so buffers are written to, never
exchanged. The first runs of a bucket let convolutions choose their plans and the arena grow, which must not happen
while the work is recorded. Buckets share the inputs that do not depend on the size of the picture: the text of SDXL's
attention takes 55 MB.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import count
from typing import Any, TypeAlias
from weakref import WeakValueDictionary

from retouch.device.memory import Buffer, Memory
from retouch.providers._onnxruntime import NO_RECORDING, recorded_as

MOST_BUCKETS = 12
"""Sets kept of one graph: six sizes of picture, each with both prompts and with one."""
WARM_UPS = 2
"""Runs of a bucket before its work is recorded."""

Shapes: TypeAlias = Mapping[str, tuple[tuple[int, ...], Any]]
"""Shape and dtype by the name of an input or output."""

_numbers = count(1)


class RecordingFailed(Exception):
    """The run that was to be recorded failed; it may work without."""


class Slot:
    """A buffer for an input, and what it holds."""

    def __init__(self, buffer: Buffer) -> None:
        """Hold nothing meaningful."""
        self.buffer = buffer
        self._source: object = None

    def fill(self, source: object, write: Callable[[Buffer], None]) -> None:
        """Write to it, unless it holds what `source` stands for already."""
        if self._source is not source:
            write(self.buffer)
            self._source = source  # holding it keeps its identity its own


class Bucket:
    """One set of bound buffers."""

    def __init__(
        self, session: Any, memory: Memory, inputs: Mapping[str, Slot], outputs: Shapes, *, record: bool
    ) -> None:
        """Allocate the outputs and bind all."""
        self._session, self._record = session, record
        self.inputs = dict(inputs)
        """By name, to be filled before a run."""
        self._outputs = {name: memory.empty(*shape) for name, shape in outputs.items()}
        self._number = next(_numbers)
        self._runs = 0
        self._binding = session.io_binding()
        for name, slot in self.inputs.items():
            self._binding.bind_ortvalue_input(name, slot.buffer.value)
        for name, buffer in self._outputs.items():
            self._binding.bind_ortvalue_output(name, buffer.value)

    @property
    def recorded(self) -> bool:
        """Whether runs replay a recording."""
        return self._record and self._runs > WARM_UPS

    def output(self, name: str) -> Buffer:
        """Return the buffer of an output; the next run overwrites it."""
        return self._outputs[name]

    def run(self) -> None:
        """Run once; RecordingFailed if it was the run to be recorded."""
        options, recording = None, False
        if self._record:
            recording = self._runs == WARM_UPS
            options = recorded_as(self._number if self._runs >= WARM_UPS else NO_RECORDING)
        try:
            self._session.run_with_iobinding(self._binding, options)
        except Exception as error:
            if recording:
                raise RecordingFailed(str(error)) from error
            raise
        self._runs += 1

    def close(self) -> None:
        """Free the recording, then the binding, then the buffers."""
        if self.recorded and hasattr(self._session, "release_captured_graph"):
            with suppress(Exception):  # a session that broke keeps nothing alive
                self._session.release_captured_graph(self._number)
        self._binding.clear_binding_inputs()
        self._binding.clear_binding_outputs()
        self.inputs.clear()
        self._outputs.clear()


class Buckets:
    """The buckets of one open session, least recently used first."""

    def __init__(self) -> None:
        """Hold nothing."""
        self._kept: OrderedDict[object, Bucket] = OrderedDict()
        self._slots: WeakValueDictionary[object, Slot] = WeakValueDictionary()

    def __len__(self) -> int:
        """Count them."""
        return len(self._kept)

    def get(self, key: object, make: Callable[[], Bucket]) -> Bucket:
        """Return the bucket for a key, made if there is none; what was not used for longest goes."""
        if key not in self._kept:
            while len(self._kept) >= MOST_BUCKETS:  # before the new one, which needs the room
                self._kept.popitem(last=False)[1].close()
            self._kept[key] = make()
        self._kept.move_to_end(key)
        return self._kept[key]

    def slot(self, key: object, make: Callable[[], Buffer]) -> Slot:
        """Return the slot for a key, made if no bucket has one; it lives as long as one does."""
        slot = self._slots.get(key)
        if slot is None:
            slot = self._slots[key] = Slot(make())
        return slot

    def clear(self) -> None:
        """Free all."""
        while self._kept:
            self._kept.popitem()[1].close()
