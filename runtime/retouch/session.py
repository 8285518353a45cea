"""The graphs of a bundle, opened on a device, checked against the manifest, and closed in one place."""

import os
import re
from collections.abc import Mapping
from types import TracebackType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from retouch.errors import BundleError, GenerationError
from retouch.providers import Device, new_session
from retouch_models.bundle import Bundle

Tensor: TypeAlias = NDArray[Any]
"""An input or output of a graph, in the shape and dtype that the manifest names."""

_DTYPES = {"float32": np.float32, "float16": np.float16, "int64": np.int64, "int32": np.int32, "float64": np.float64}
_OUT_OF_MEMORY = re.compile(r"out of memory|failed to allocate|bad_alloc|bad allocation|cudaErrorMemory", re.I)


class GraphSession:
    """One graph on one device: arrays in by name, arrays out in the order of the manifest."""

    def __init__(self, bundle: Bundle, role: str, device: Device, *, threads: int | None = None) -> None:
        """Open the graph; BundleError if the file is damaged or its inputs differ from the manifest."""
        self.role = role
        self.spec = bundle.graph(role)
        path = bundle.graph_path(role)
        try:
            self._session = new_session(path, device, threads=threads)
        except Exception as error:
            if type(error).__module__.startswith("onnxruntime"):
                raise BundleError(
                    f"{path} does not load ({_first_line(error)}); check it with: "
                    f"retouch models verify {bundle.manifest.name}"
                ) from error
            raise
        self._dtypes = {t.name: _DTYPES[t.dtype] for t in self.spec.inputs}
        self._outputs = [t.name for t in self.spec.outputs]
        found = {i.name for i in self._session.get_inputs()}
        if found != self._dtypes.keys():
            raise BundleError(
                f"{path} takes {', '.join(sorted(found))}, its manifest says {', '.join(sorted(self._dtypes))}; "
                "export the model again with: retouch export"
            )

    @property
    def provider(self) -> str:
        """ONNX Runtime's name of the provider that runs the graph."""
        return str(self._session.get_providers()[0])

    def __call__(self, inputs: Mapping[str, Tensor]) -> list[Tensor]:
        """Run once; inputs are cast to the graph's dtypes. GenerationError says why it failed."""
        feed = {name: np.ascontiguousarray(inputs[name], dtype) for name, dtype in self._dtypes.items()}
        try:
            outputs: list[Tensor] = self._session.run(self._outputs, feed)
        except Exception as error:
            if not type(error).__module__.startswith("onnxruntime") and not isinstance(error, MemoryError):
                raise
            if isinstance(error, MemoryError) or _OUT_OF_MEMORY.search(str(error)):
                raise GenerationError(
                    f"the {self.role} ran out of memory; close other programs or give a smaller --work-size"
                ) from error
            raise GenerationError(f"the {self.role} failed on {self.provider}: {_first_line(error)}") from error
        return outputs


class Graphs:
    """The sessions of one bundle on one device, opened when first needed."""

    def __init__(self, bundle: Bundle, device: Device, *, threads: int | None = None) -> None:
        """Open nothing yet; `threads` defaults to the processors that this process may use."""
        self.bundle = bundle
        self.device = device
        self.threads = usable_processors() if threads is None else threads
        self._open: dict[str, GraphSession] = {}

    def __getitem__(self, role: str) -> GraphSession:
        """Return the open session of a role, opening it if need be."""
        if role not in self._open:
            self._open[role] = GraphSession(self.bundle, self._variant(role), self.device, threads=self.threads)
        return self._open[role]

    def _variant(self, role: str) -> str:
        """Prefer a graph that was made for this provider (`unet@cuda`)."""
        special = f"{role}@{self.device.provider}"
        return special if special in self.bundle.manifest.graphs else role

    def release(self, role: str) -> None:
        """Free one session and its memory."""
        self._open.pop(role, None)

    def close(self) -> None:
        """Free all sessions."""
        self._open.clear()

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


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:300] if text else type(error).__name__
