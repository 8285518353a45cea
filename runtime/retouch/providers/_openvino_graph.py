"""Opens a graph with OpenVINO: compiled once, kept in the cache of graphs, mapped into memory by every later start."""

import mmap
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from retouch import session_cache
from retouch.memory_plan import give_back
from retouch.providers import Device, on_processor
from retouch.providers._openvino_layout import transpose_before_norms
from retouch.providers._openvino_pair import LATENTS, compute_pair_once
from retouch.providers.openvino import hardware_of, settings
from retouch_models.bundle import Bundle

BLOB, OWN = "compiled.blob", "openvino"
FORM = "transposed norms, pair once"
"""Names what is done to graphs before they are compiled; it changes when that does."""
_LONGEST_LINE = 65536


class Mapped:
    """A file in memory: weights are laid out anew for the processor, so most of it is read once or twice."""

    def __init__(self, path: Path) -> None:
        """Map it privately; OpenVINO takes no memory that is read-only."""
        from retouch.providers.openvino import import_openvino

        self._content = np.memmap(path, np.uint8, mode="c")
        self.tensor = import_openvino().Tensor(self._content, shared_memory=True)
        """The `openvino.Tensor` of its bytes."""

    def forget(self) -> None:
        """Give its pages back to the system; what is used all the same is read again."""
        if hasattr(mmap, "MADV_DONTNEED"):
            pages: Any = self._content._mmap  # type: ignore[attr-defined]
            pages.madvise(mmap.MADV_DONTNEED)


class OpenVinoGraph:
    """A compiled model and its one request."""

    records = False
    refusal: Exception | None = None
    left_to_the_cpu: Sequence[str] = ()

    def __init__(
        self, compiled: Any, expected: Sequence[str], mapped: "Mapped | None" = None, *, pair: bool = False
    ) -> None:
        """Hold an `openvino.CompiledModel`, and the file that its weights lie in.

        A `pair` takes latents of two equal halves alone.

        An input goes by several names where a node behind it had nothing to do; the `expected` one is told.
        """
        self.native = compiled
        names = [port.get_names() for port in compiled.inputs]
        self.inputs = frozenset(next((name for name in expected if name in own), min(own, default="")) for own in names)
        self._request = compiled.create_infer_request()
        self._settled = False
        self._mapped, self._pair = mapped, pair

    def run(self, outputs: Sequence[str], feed: Mapping[str, Any], *, keep_scratch: bool) -> list[Any]:
        """Run once; inputs are read where they are, outputs are copied, since the next run overwrites them."""
        if self._pair and not np.array_equal(feed[LATENTS][0], feed[LATENTS][1], equal_nan=True):
            raise ValueError("a guided step needs the same latents twice")
        found = self._request.infer(dict(feed), share_inputs=True, share_outputs=True)
        arrays = [np.array(found[name]) for name in outputs]
        if not keep_scratch:
            self.native.release_memory()
            give_back()
        if self._mapped is not None and not self._settled:
            self._mapped.forget()
            self._settled = True
        return arrays


def open_graph(
    core: Any, bundle: Bundle, role: str, device: Device, *, threads: int | None, sizes: Mapping[str, int]
) -> OpenVinoGraph:
    """Open the graph of a role; `sizes` fixes free axes by their names. Raises what OpenVINO raises."""
    hardware, chosen = hardware_of(device), settings(device, threads=threads)

    def compiled() -> Any:
        return core.compile_model(_model(core, bundle, role, device, sizes), hardware, chosen)

    def write(path: Path, _: str) -> None:
        kept_there = {**chosen, "CACHE_DIR": str(path.parent / OWN)}
        core.compile_model(_model(core, bundle, role, device, sizes), hardware, kept_there)
        _take_over(path)

    expected, pair = [t.name for t in bundle.graph(role).inputs], _is_pair(bundle, role, device, sizes)
    if "EXPORT_IMPORT" not in core.get_property(hardware, "OPTIMIZATION_CAPABILITIES"):
        return OpenVinoGraph(compiled(), expected, pair=pair)
    name = session_cache.key(bundle.graph_path(role), bundle.digest, role, *_facts(core, hardware, device, sizes))
    kept = session_cache.find(name, BLOB) or session_cache.keep(name, write, BLOB)
    if kept is not None:
        try:
            return _mapped(core, kept, expected, hardware, chosen, pair=pair)
        except Exception:  # noqa: BLE001 - a copy that does not load is made again next time; the graph itself tells why
            session_cache.forget(name)
    return OpenVinoGraph(compiled(), expected, pair=pair)


def _facts(core: Any, hardware: str, device: Device, sizes: Mapping[str, int]) -> list[str]:
    """What a compiled graph depends on beside its file and the processor; how many threads run it does not matter."""
    version = core.get_versions(hardware)[hardware.partition(".")[0]].build_number
    name = core.get_property(hardware, "FULL_DEVICE_NAME")
    return ["openvino", FORM, version, name, str(sorted(sizes.items())), str(settings(device, threads=None))]


def _model(core: Any, bundle: Bundle, role: str, device: Device, sizes: Mapping[str, int]) -> Any:
    """Read a graph and change what is quicker in another form; with `sizes` no axis stays free."""
    model = _read(core, bundle, role, sizes)
    if _is_pair(bundle, role, device, sizes):
        try:
            compute_pair_once(model)
        except (ValueError, RuntimeError):  # a UNet of another build; it runs as it is
            model = _read(core, bundle, role, sizes)
    if on_processor(device) and not device.precision:
        transpose_before_norms(model)
    return model


def _is_pair(bundle: Bundle, role: str, device: Device, sizes: Mapping[str, int]) -> bool:
    """Whether a graph is the UNet for steps under both prompts, and for nothing else."""
    latents = next((t for t in bundle.graph(role).inputs if t.name == LATENTS), None)
    guided = latents is not None and [sizes.get(axis) for axis in latents.shape[:1] if isinstance(axis, str)] == [2]
    return guided and role == "unet" and on_processor(device)


def _read(core: Any, bundle: Bundle, role: str, sizes: Mapping[str, int]) -> Any:
    model = core.read_model(bundle.graph_path(role))
    if sizes:
        inputs = bundle.graph(role).inputs
        model.reshape({t.name: [sizes[axis] if isinstance(axis, str) else axis for axis in t.shape] for t in inputs})
    return model


def _take_over(path: Path) -> None:
    """Keep what OpenVINO wrote to its own cache, without the line of text that it begins with.

    `export_model` gives the same, but through the memory, where it takes more than the weights once again.
    """
    own = path.parent / OWN
    (blob,) = own.glob("*.blob")
    with blob.open("rb") as source, path.open("wb") as target:
        line = source.readline(_LONGEST_LINE)
        if not (line.startswith(b"<?xml") and line.endswith(b">\n")):
            raise ValueError("OpenVINO writes another form of file")
        shutil.copyfileobj(source, target, 2**24)
    shutil.rmtree(own)


def _mapped(
    core: Any, path: Path, expected: Sequence[str], hardware: str, chosen: Mapping[str, Any], *, pair: bool
) -> OpenVinoGraph:
    """Open from a file that is mapped, not read."""
    mapped = Mapped(path)
    graph = OpenVinoGraph(core.import_model(mapped.tensor, hardware, dict(chosen)), expected, mapped, pair=pair)
    mapped.forget()
    return graph
