"""Opens a graph with ONNX Runtime: from the cache of optimised graphs on a processor, ready to be recorded on a GPU."""

import importlib.metadata
import mmap
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from retouch import session_cache
from retouch.failures import OutOfMemory, failure
from retouch.memory_plan import give_back
from retouch.providers import Device, Wish
from retouch.providers._onnxruntime import (
    NO_RECORDING,
    import_onnxruntime,
    left_to_the_cpu,
    new_session,
    recorded_as,
    shrink_arena,
)
from retouch.providers._reasons import installed_engines
from retouch_models.bundle import Bundle
from retouch_models.manifest import GraphSpec


class OnnxRuntimeGraph:
    """An open session."""

    def __init__(
        self, session: Any, device: Device, *, records: bool = False, refusal: Exception | None = None
    ) -> None:
        """Hold an `onnxruntime.InferenceSession`."""
        self.native = session
        self.inputs = frozenset(i.name for i in session.get_inputs())
        self.records, self.refusal = records, refusal
        self.left_to_the_cpu: Sequence[str] = left_to_the_cpu(session, device)
        self._device = device

    def run(self, outputs: Sequence[str], feed: Mapping[str, Any], *, keep_scratch: bool) -> list[Any]:
        """Run once, beside any recording."""
        options = None if keep_scratch else shrink_arena(self._device)
        if self.records:
            options = recorded_as(NO_RECORDING)
        found: list[Any] = self.native.run(outputs, feed, options)
        return found


def open_graph(
    bundle: Bundle, role: str, device: Device, *, threads: int | None, sizes: Mapping[str, int], wish: Wish
) -> OnnxRuntimeGraph:
    """Open the graph of a role; `sizes` fixes free axes by their names. Raises what ONNX Runtime raises."""
    path, spec = bundle.graph_path(role), bundle.graph(role)
    if keeps_copies(bundle, role, device) and not (wish.folded and spec.folded):
        return OnnxRuntimeGraph(_from_cache(bundle, role, device, threads), device)
    wish = replace(wish, channels_last=_half(spec) and _names(path, b"Conv") and not _names(path, b"Nhwc"))
    refusal = None
    if wish.record:
        try:
            session = new_session(path, device, threads=threads, sizes=sizes, wish=wish)
            return OnnxRuntimeGraph(session, device, records=True)
        except Exception as error:
            if isinstance(failure(error, role, device), OutOfMemory):
                raise
            refusal, wish = error, replace(wish, record=False)
    session = new_session(path, device, threads=threads, sizes=sizes, wish=wish)
    return OnnxRuntimeGraph(session, device, refusal=refusal)


def keeps_copies(bundle: Bundle, role: str, device: Device) -> bool:
    """Whether an optimised copy of a graph is opened in its place."""
    return device.provider == "cpu" and bundle.graph(role).stored_bytes >= session_cache.SMALLEST


def has_copy(bundle: Bundle, role: str) -> bool:
    """Whether the optimised copy was made by an earlier run; making it takes more memory than using it."""
    return session_cache.find(_copy_name(bundle, role)) is not None


def _copy_name(bundle: Bundle, role: str) -> str:
    facts = (bundle.digest, role, _version(), "arena, no patterns, unpacked")
    return session_cache.key(bundle.graph_path(role), *facts)


@cache
def _version() -> str:
    """Version of ONNX Runtime, as its package says: plans need it, and importing it takes them long."""
    there = installed_engines()
    return importlib.metadata.version(there[0]) if len(there) == 1 else str(import_onnxruntime().__version__)


def _from_cache(bundle: Bundle, role: str, device: Device, threads: int | None) -> Any:
    """Open the optimised copy of an earlier run if there is one, and make one if not."""
    path, name = bundle.graph_path(role), _copy_name(bundle, role)
    kept = session_cache.find(name)
    if kept is None:
        kept = session_cache.keep(
            name, lambda graph, weights: new_session(path, device, threads=threads, save_to=(graph, weights))
        )
        give_back()  # of what making took, before the copy is mapped beside it
    if kept is not None:
        try:
            return new_session(kept, device, threads=threads, optimised=True)
        except Exception:  # noqa: BLE001 - a copy that does not load is made again next time; the graph itself tells why
            session_cache.forget(name)
    return new_session(path, device, threads=threads)


def _half(spec: GraphSpec) -> bool:
    return any(tensor.dtype == "float16" for tensor in (*spec.inputs, *spec.outputs))


def _names(path: Path, word: bytes) -> bool:
    """Whether a word, such as an operator's name, stands in a file."""
    if path.stat().st_size == 0:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(word) >= 0
