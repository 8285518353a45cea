"""The graphs of a bundle, opened on a device, checked against the manifest, and closed in one place."""

import os
from collections import OrderedDict
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from retouch.device.buckets import Buckets
from retouch.errors import BundleError
from retouch.failures import OutOfMemory, failure, first_line, from_engine
from retouch.memory_plan import EVERYTHING_OPEN, MemoryPlan
from retouch.providers import PROVIDERS, Device, OpenGraph, Wish
from retouch.usual_sizes import usual_sizes
from retouch_models.bundle import Bundle

Tensor: TypeAlias = NDArray[Any]
"""An input or output of a graph, in the shape and dtype that the manifest names."""

Sizes: TypeAlias = tuple[tuple[str, int], ...]
"""Lengths of free axes by their names, sorted; empty where they stay free."""

_DTYPES = {"float32": np.float32, "float16": np.float16, "int64": np.int64, "int32": np.int32, "float64": np.float64}
SMALL_BYTES = 64e6
"""Weights that may stay in memory although nothing needs them soon."""
MOST_SHAPES = 3
"""Sessions of one graph kept open where each is for one size of inputs."""


class GraphSession:
    """One graph on one device: arrays in by name, arrays out in the order of the manifest."""

    def __init__(
        self,
        bundle: Bundle,
        role: str,
        device: Device,
        *,
        threads: int | None = None,
        memory_limit: int | None = None,
        before_open: Callable[["GraphSession"], None] | None = None,
    ) -> None:
        """Describe the graph; it opens at `open` or at the first call, after `before_open` was told.

        `memory_limit` is in bytes and holds for the memory of a GPU.
        """
        self.role = role
        self.spec = bundle.graph(role)
        self._bundle, self._device, self._threads = bundle, device, threads
        self._memory_limit = memory_limit
        self._before_open = before_open
        self._provider = PROVIDERS[device.provider]
        self._usual = usual_sizes(bundle.manifest, role)
        self._sessions: OrderedDict[Sizes, OpenGraph] = OrderedDict()
        self._dtypes = {t.name: _DTYPES[t.dtype] for t in self.spec.inputs}
        self._outputs = [t.name for t in self.spec.outputs]
        self.notes: tuple[str, ...] = ()
        """What the user should know of how the graph runs."""
        self.dtypes: Mapping[str, Any] = {t.name: _DTYPES[t.dtype] for t in (*self.spec.inputs, *self.spec.outputs)}
        """numpy types of inputs and outputs."""
        self.record = False
        """Whether to open it so that its work can be recorded and replayed."""
        self.records = False
        """Whether it is open that way."""
        self._cannot_record = False
        self.folded = False
        """Whether to open it with weights as they are stored, unfolded at every use."""
        self.buckets = Buckets()
        """Buffers bound to the open session, by their shapes."""

    def open(self) -> None:
        """Open the graph, where its sizes are free; BundleError if it is damaged or differs from the manifest."""
        if self._provider.sizes == "free":
            self._session(())

    def native(self) -> Any:
        """Return the open `onnxruntime.InferenceSession`, for runs from buffers to buffers."""
        return self._session(()).native

    def close(self) -> None:
        """Free its memory and what is bound to it; the next call opens it again."""
        self.buckets.clear()
        self._sessions.clear()

    def stop_recording(self, error: Exception) -> None:
        """Close the session, which a failed recording leaves in no good state; it opens again without."""
        self.close()
        self._refuse_recording(error)

    def __call__(self, inputs: Mapping[str, Tensor]) -> list[Tensor]:
        """Run once; inputs are cast to the graph's dtypes. GenerationError says why it failed."""
        feed = {name: np.ascontiguousarray(inputs[name], dtype) for name, dtype in self._dtypes.items()}
        session = self._session(self._sizes(feed))
        try:
            # The UNet runs at every step and keeps its scratch memory; the others give theirs back.
            keep = self.role.startswith("unet") and not self.folded
            outputs = session.run(self._outputs, feed, keep_scratch=keep)
        except Exception as error:
            raise self.failure(error) from error
        return outputs

    def _session(self, sizes: Sizes) -> OpenGraph:
        if sizes in self._sessions:
            self._sessions.move_to_end(sizes)
            return self._sessions[sizes]
        if self._before_open is not None:
            self._before_open(self)
        try:
            session = self._provider.open(
                self._bundle,
                self.role,
                self._device,
                threads=self._threads,
                sizes=dict(sizes),
                wish=Wish(
                    memory_limit=self._memory_limit,
                    record=self.record and not self._cannot_record,
                    folded=self.folded,
                ),
            )
        except Exception as error:
            raise self.failure(error, opening=True) from error
        self.records = session.records
        if session.refusal is not None:
            self._refuse_recording(session.refusal)
        if session.inputs != self._dtypes.keys():
            raise BundleError(
                f"{self._bundle.graph_path(self.role)} takes {', '.join(sorted(session.inputs))}, its manifest says "
                f"{', '.join(sorted(self._dtypes))}; export the model again with: retouch export"
            )
        self._note(session)
        self._sessions[sizes] = session
        while len(self._sessions) > MOST_SHAPES:
            self._sessions.popitem(last=False)
        return session

    def _refuse_recording(self, error: Exception) -> None:
        self.records, self._cannot_record = False, True
        self.notes = (
            *self.notes,
            f"the steps are not recorded as one CUDA graph ({first_line(error)}); they run without, somewhat slower",
        )

    def _sizes(self, feed: Mapping[str, Tensor]) -> Sizes:
        """Lengths for which the graph is opened to take these inputs."""
        if self._provider.sizes == "free":
            return ()
        named = {
            axis: length
            for tensor in self.spec.inputs
            for axis, length in zip(tensor.shape, feed[tensor.name].shape, strict=False)
            if isinstance(axis, str)
        }
        return tuple(sorted(named.items())) if self._provider.sizes == "each" or named == self._usual else ()

    def _note(self, session: OpenGraph) -> None:
        left = session.left_to_the_cpu
        if left:
            self.notes = (
                *(note for note in self.notes if "does not take" not in note),
                f"{self._device} does not take {', '.join(left)} of the {self.role}; the processor runs them, slowly",
            )

    def failure(self, error: Exception, *, opening: bool = False) -> Exception:
        """The error as the user should see it, or itself if it does not come from the engine."""
        said = failure(error, self.role, self._device)
        if opening and from_engine(error) and not isinstance(said, OutOfMemory):
            return BundleError(
                f"{self._bundle.graph_path(self.role)} does not load ({first_line(error)}); check it with: "
                f"retouch models verify {self._bundle.manifest.name}"
            )
        return said


class Graphs:
    """The sessions of one bundle on one device, opened when first needed."""

    def __init__(
        self,
        bundle: Bundle,
        device: Device,
        *,
        threads: int | None = None,
        memory_limit: int | None = None,
        record: bool = False,
    ) -> None:
        """Open nothing yet; `threads` defaults to the processors that this process may use.

        `memory_limit` is in bytes and for the memory of a GPU. `record` lets the UNet's work be recorded and replayed.
        """
        self.bundle = bundle
        self.device = device
        self.threads = usable_processors() if threads is None else threads
        self.memory: MemoryPlan = EVERYTHING_OPEN
        """How this run uses memory."""
        self._memory_limit, self._record = memory_limit, record
        self._known: dict[str, GraphSession] = {}

    def __getitem__(self, role: str) -> GraphSession:
        """Return the session of a role; it is open, or opens at its first call where graphs take turns."""
        if role not in self._known:
            self._known[role] = GraphSession(
                self.bundle,
                self._variant(role),
                self.device,
                threads=self.threads,
                memory_limit=self._memory_limit,
                before_open=self._make_room,
            )
            self._known[role].record = self._record and role == "unet" and not self.memory.in_turn
            self._known[role].folded = self.memory.folded
        if not self.memory.in_turn:
            self._known[role].open()
        return self._known[role]

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of how the graphs run, one sentence each."""
        return tuple(note for session in self._known.values() for note in session.notes)

    def use(self, plan: MemoryPlan) -> None:
        """Run by this plan from now on; graphs that are to take turns are closed.

        Taking turns, the UNet is not recorded: a recording holds memory that the others need.
        """
        if (plan.in_turn and not self.memory.in_turn) or plan.folded != self.memory.folded:
            self.close()
        self.memory = plan
        for session in self._known.values():
            session.folded = plan.folded
        if "unet" in self._known:
            self._known["unet"].record = self._record and not plan.in_turn

    def _make_room(self, opening: GraphSession) -> None:
        """Where graphs take turns, close the others; the small ones that feed the UNet at its steps stay beside it."""
        if self.memory.in_turn:
            for session in self._known.values():
                together = session.role.startswith("unet") and opening.role.startswith("unet")
                if session is not opening and not together:
                    session.close()

    def _variant(self, role: str) -> str:
        """Prefer a graph that was made for this provider (`unet@cuda`)."""
        special = f"{role}@{self.device.provider}"
        return special if special in self.bundle.manifest.graphs else role

    def rest(self, role: str) -> None:
        """Free one session and its memory, unless it is small and would take a while to open again."""
        small = self.bundle.graph(self._variant(role)).parameters * 4 <= SMALL_BYTES
        if role in self._known and (PROVIDERS[self.device.provider].reopens or not small):
            self._known[role].close()

    def release(self, role: str) -> None:
        """Free one session and its memory."""
        if role in self._known:
            self._known[role].close()

    def close(self) -> None:
        """Free all sessions."""
        for session in self._known.values():
            session.close()

    def __enter__(self) -> "Graphs":
        """Use as a context that closes itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Free all sessions."""
        self.close()


def usable_processors() -> int:
    """Count the processors that this process may run on (containers and `taskset` allow fewer than there are)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
