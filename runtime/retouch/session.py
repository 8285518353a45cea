"""The graphs of a bundle, opened on a device, checked against the manifest, and closed in one place."""

import os
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from retouch import session_cache
from retouch.errors import BundleError, GenerationError
from retouch.memory_plan import EVERYTHING_OPEN, MemoryPlan
from retouch.providers import PROVIDERS, Device, import_onnxruntime, left_to_the_cpu, new_session, shrink_arena
from retouch_models.bundle import Bundle

Tensor: TypeAlias = NDArray[Any]
"""An input or output of a graph, in the shape and dtype that the manifest names."""

_DTYPES = {"float32": np.float32, "float16": np.float16, "int64": np.int64, "int32": np.int32, "float64": np.float64}
_OUT_OF_MEMORY = re.compile(
    r"out of memory|failed to allocate|bad_alloc|bad allocation|cudaErrorMemory|8007000E|8876017C", re.I
)
MOST_SHAPES = 3
"""Sessions of one graph kept open where each is for one size of inputs."""


class OutOfMemory(GenerationError):
    """A graph did not get the memory it asked for; a run may try again with less."""


class GraphSession:
    """One graph on one device: arrays in by name, arrays out in the order of the manifest."""

    def __init__(
        self,
        bundle: Bundle,
        role: str,
        device: Device,
        *,
        threads: int | None = None,
        before_open: Callable[["GraphSession"], None] | None = None,
    ) -> None:
        """Describe the graph; it opens at `open` or at the first call, after `before_open` was told."""
        self.role = role
        self.spec = bundle.graph(role)
        self._bundle, self._device, self._threads = bundle, device, threads
        self._before_open = before_open
        self._static = PROVIDERS[device.provider].static_shapes
        self._sessions: OrderedDict[tuple[tuple[str, int], ...], Any] = OrderedDict()
        self._dtypes = {t.name: _DTYPES[t.dtype] for t in self.spec.inputs}
        self._outputs = [t.name for t in self.spec.outputs]
        self.notes: tuple[str, ...] = ()
        """What the user should know of how the graph runs."""

    @property
    def provider(self) -> str:
        """ONNX Runtime's name of the provider that runs the graph."""
        return PROVIDERS[self._device.provider].ort_name

    def open(self) -> None:
        """Open the graph, where its sizes are free; BundleError if it is damaged or differs from the manifest."""
        if not self._static:
            self._session(())

    def close(self) -> None:
        """Free its memory; the next call opens it again."""
        self._sessions.clear()

    def __call__(self, inputs: Mapping[str, Tensor]) -> list[Tensor]:
        """Run once; inputs are cast to the graph's dtypes. GenerationError says why it failed."""
        feed = {name: np.ascontiguousarray(inputs[name], dtype) for name, dtype in self._dtypes.items()}
        session = self._session(self._sizes(feed) if self._static else ())
        # The UNet runs at every step and keeps its scratch memory; the others give theirs back.
        options = None if self.role.startswith("unet") else shrink_arena(self._device)
        try:
            outputs: list[Tensor] = session.run(self._outputs, feed, options)
        except Exception as error:
            raise self._failure(error) from error
        return outputs

    def _session(self, sizes: tuple[tuple[str, int], ...]) -> Any:
        if sizes in self._sessions:
            self._sessions.move_to_end(sizes)
            return self._sessions[sizes]
        if self._before_open is not None:
            self._before_open(self)
        try:
            session = self._opened(dict(sizes))
        except Exception as error:
            raise self._failure(error, opening=True) from error
        found = {i.name for i in session.get_inputs()}
        if found != self._dtypes.keys():
            raise BundleError(
                f"{self._bundle.graph_path(self.role)} takes {', '.join(sorted(found))}, its manifest says "
                f"{', '.join(sorted(self._dtypes))}; export the model again with: retouch export"
            )
        self._note(session)
        self._sessions[sizes] = session
        while len(self._sessions) > MOST_SHAPES:
            self._sessions.popitem(last=False)
        return session

    def _opened(self, sizes: Mapping[str, int]) -> Any:
        """Open the optimised copy of an earlier run if there is one, and make one if not."""
        path = self._bundle.graph_path(self.role)
        threads, device = self._threads, self._device
        if device.provider != "cpu" or self.spec.file.bytes + _data_bytes(self.spec) < session_cache.SMALLEST:
            return new_session(path, device, threads=threads, sizes=sizes)
        ort = import_onnxruntime()
        name = session_cache.key(path, self._bundle.digest, self.role, ort.__version__, "arena, no patterns, unpacked")
        kept = session_cache.find(name) or session_cache.keep(
            name, lambda graph, weights: new_session(path, device, threads=threads, save_to=(graph, weights))
        )
        if kept is not None:
            try:
                return new_session(kept, device, threads=threads, optimised=True)
            except Exception:  # noqa: BLE001 - a copy that does not load is made again next time; the graph itself tells why
                session_cache.forget(name)
        return new_session(path, device, threads=threads)

    def _sizes(self, feed: Mapping[str, Tensor]) -> tuple[tuple[str, int], ...]:
        named = {
            axis: length
            for tensor in self.spec.inputs
            for axis, length in zip(tensor.shape, feed[tensor.name].shape, strict=False)
            if isinstance(axis, str)
        }
        return tuple(sorted(named.items()))

    def _note(self, session: Any) -> None:
        left = left_to_the_cpu(session, self._device)
        if left:
            self.notes = (
                f"{self._device} does not take {', '.join(left)} of the {self.role}; the processor runs them, slowly",
            )

    def _failure(self, error: Exception, *, opening: bool = False) -> Exception:
        """The error as the user should see it, or itself if it does not come from ONNX Runtime."""
        if isinstance(error, MemoryError) or _OUT_OF_MEMORY.search(str(error)):
            return OutOfMemory(
                f"the {self.role} ran out of memory on {self._device}; close other programs, "
                "or give a smaller --work-size or --memory low"
            )
        if not type(error).__module__.startswith("onnxruntime"):
            return error
        if opening:
            return BundleError(
                f"{self._bundle.graph_path(self.role)} does not load ({_first_line(error)}); check it with: "
                f"retouch models verify {self._bundle.manifest.name}"
            )
        return GenerationError(
            f"the {self.role} failed on {self._device}: {_first_line(error)}; "
            "nothing is lost, run it again, with --provider cpu if it comes back"
        )


class Graphs:
    """The sessions of one bundle on one device, opened when first needed."""

    def __init__(self, bundle: Bundle, device: Device, *, threads: int | None = None) -> None:
        """Open nothing yet; `threads` defaults to the processors that this process may use."""
        self.bundle = bundle
        self.device = device
        self.threads = usable_processors() if threads is None else threads
        self.memory: MemoryPlan = EVERYTHING_OPEN
        """How this run uses memory."""
        self._known: dict[str, GraphSession] = {}

    def __getitem__(self, role: str) -> GraphSession:
        """Return the session of a role; it is open, or opens at its first call where graphs take turns."""
        if role not in self._known:
            self._known[role] = GraphSession(
                self.bundle, self._variant(role), self.device, threads=self.threads, before_open=self._make_room
            )
        if not self.memory.in_turn:
            self._known[role].open()
        return self._known[role]

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of how the graphs run, one sentence each."""
        return tuple(note for session in self._known.values() for note in session.notes)

    def use(self, plan: MemoryPlan) -> None:
        """Run by this plan from now on; graphs that are to take turns are closed."""
        if plan.in_turn and not self.memory.in_turn:
            self.close()
        self.memory = plan

    def _make_room(self, opening: GraphSession) -> None:
        """Where graphs take turns, close the others."""
        if self.memory.in_turn:
            for session in self._known.values():
                if session is not opening:
                    session.close()

    def _variant(self, role: str) -> str:
        """Prefer a graph that was made for this provider (`unet@cuda`)."""
        special = f"{role}@{self.device.provider}"
        return special if special in self.bundle.manifest.graphs else role

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


def _data_bytes(spec: Any) -> int:
    return 0 if spec.data is None else int(spec.data.bytes)


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:300] if text else type(error).__name__
