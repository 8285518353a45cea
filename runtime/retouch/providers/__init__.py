"""Devices: which ONNX Runtime provider runs the graphs, each named, tried for real, and configured in its own file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from retouch.errors import MissingExtra, ProviderError, UsageError
from retouch_models.registry import Registry

if TYPE_CHECKING:
    from pathlib import Path

PREFERENCE = ("cuda", "directml", "cpu")
"""Order in which `auto` tries the providers; plug-in providers are used when they are asked for by name."""

HEAVY_OPERATORS = frozenset(
    ("Attention", "Conv", "ConvTranspose", "Gemm", "GroupNorm", "GroupNormalization", "InstanceNormalization",
     "LayerNormalization", "MatMul", "MultiHeadAttention", "NhwcConv", "Resize", "SkipGroupNorm", "Softmax")
)  # fmt: skip
"""Operators that belong on the device; arithmetic on shapes may stay on the processor."""

# One node, y = x + x on float32 of any length: the smallest graph that makes a provider do work.
_PROBE = bytes.fromhex(
    "08083a3b0a0e0a01780a01781201792203416464120570726f6265"
    "5a100a0178120b0a09080112050a0312016e62100a0179120b0a09080112050a0312016e42040a00100d"
)


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What one session asks of its provider, where the provider knows how."""

    record: bool = False
    """Record the graph's work once and replay it (a CUDA graph); inputs must be buffers that stay where they are."""
    memory_limit: int | None = None
    """Bytes that the session's arena may take on the device."""
    channels_last: bool = False
    """Lay activations out with channels last; for half-precision graphs that were not made so at export."""
    folded: bool = False
    """Leave weights as they are stored, mapped from their files, and unfold each at every use; on the processor."""


NO_WISH = Wish()


class Provider(Protocol):
    """How one kind of device runs graphs."""

    ort_name: str
    """ONNX Runtime's name of the execution provider."""
    install: str
    """The command that installs it."""
    arena: str
    """ONNX Runtime's name of its memory arena without the device's number (`gpu`), empty if it has none."""
    static_shapes: bool
    """Whether graphs are opened for one size of inputs each, because free sizes are slow."""
    memory: str
    """ONNX Runtime's name of memory that buffers can be made in, empty if the loop on the device cannot use it."""
    loop: Literal["host", "device"]
    """Where latents live between steps if nobody says otherwise."""
    records: bool
    """Whether it can record a graph's work and replay it."""
    few_sizes: bool
    """Whether every new size of picture costs it so much that work sizes are chosen from a short list."""

    def options(self, device_id: int, wish: Wish) -> Mapping[str, str]:
        """Provider options for the device with that number."""
        ...

    def configure(self, session_options: Any) -> None:
        """Set what the provider demands of `onnxruntime.SessionOptions`."""
        ...

    def devices(self, ort: Any) -> "list[Any] | None":
        """Load what is needed; returns ONNX Runtime's devices of a plug-in, None for a provider that is built in."""
        ...


PROVIDERS: Registry[Provider] = Registry("retouch.providers", "provider")


@dataclass(frozen=True)
class Device:
    """A provider and the number of the device it drives: `cpu`, `cuda:0`."""

    provider: str
    device_id: int = 0

    def __str__(self) -> str:
        """Return the name as the user types it."""
        return self.provider if self.provider == "cpu" else f"{self.provider}:{self.device_id}"


def parse_device(name: str) -> Device:
    """Read `cpu`, `cuda` or `cuda:1`; UsageError or UnknownName otherwise."""
    provider, _, number = name.partition(":")
    PROVIDERS[provider]  # raises UnknownName
    if number and not (number.isascii() and number.isdigit()):
        raise UsageError(f"--provider {name}: the device number must be a whole number, as in {provider}:0")
    return Device(provider, int(number or 0))


def open_device(name: str) -> Device:
    """Return a device on which a session really ran; `auto` takes the first that does.

    A device that was asked for by name and does not load is a ProviderError, never a silent fall back to the CPU.
    """
    if name != "auto":
        device = parse_device(name)
        probe(device)
        return device
    last: ProviderError | None = None
    there = import_onnxruntime().get_available_providers()
    for provider in PREFERENCE:
        if PROVIDERS[provider].ort_name not in there:
            continue
        device = Device(provider)
        try:
            probe(device)
        except ProviderError as error:
            last = error
            continue
        return device
    raise last if last is not None else ProviderError("no provider is known")


def found_devices() -> list[Device]:
    """List the devices on which a session ran: the first of each provider, and all of a plug-in."""
    found = []
    for provider in (*PREFERENCE, *(name for name in PROVIDERS if name not in PREFERENCE)):
        try:
            probe(Device(provider))
        except (ProviderError, MissingExtra):
            continue
        plugged = PROVIDERS[provider].devices(import_onnxruntime())
        found += [Device(provider, number) for number in range(1 if plugged is None else len(plugged))]
    return found


def probe(device: Device) -> None:
    """Run a one-node graph on the device; ProviderError says why it does not work and what to do."""
    ort = import_onnxruntime()
    provider = PROVIDERS[device.provider]
    if provider.devices(ort) is None and provider.ort_name not in ort.get_available_providers():
        from retouch.providers._reasons import overwritten

        raise ProviderError(
            overwritten(device)
            or f"{device} is not available: this onnxruntime ({ort.__version__}) comes without {provider.ort_name}; "
            f"install it with: {provider.install}"
        )
    import numpy as np

    try:
        session = new_session(_PROBE, device, threads=1)
        result = session.run(None, {"x": np.ones(2, np.float32)})[0]
    except (ProviderError, UsageError):
        raise
    except Exception as error:
        raise ProviderError(_explained(device, str(error))) from error
    if session.get_providers()[0] != provider.ort_name or float(result[0]) != 2.0:
        raise ProviderError(_explained(device, ""))


def _explained(device: Device, said: str) -> str:
    from retouch.providers._reasons import explain

    return explain(device, said)


def new_session(
    graph: "bytes | Path",
    device: Device,
    *,
    threads: int | None = None,
    config: Mapping[str, str] | None = None,
    optimised: bool = False,
    save_to: "tuple[Path, str] | None" = None,
    sizes: Mapping[str, int] | None = None,
    wish: Wish = NO_WISH,
) -> Any:
    """Open an `onnxruntime.InferenceSession` on the device alone.

    `config` holds session configuration entries. `optimised` says that the graph is one that ONNX Runtime wrote with
    `save_to`, (path, name of the weights file beside it). `sizes` fixes free axes by their names.
    """
    ort = import_onnxruntime()
    provider = PROVIDERS[device.provider]
    plugged = provider.devices(ort)
    options = ort.SessionOptions()
    options.log_severity_level = 3
    if threads is not None:
        options.intra_op_num_threads = threads
    if optimised:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    entries = dict(config or {})
    if save_to is not None:
        options.optimized_model_filepath = str(save_to[0])
        entries["session.optimized_model_external_initializers_file_name"] = save_to[1]
        entries["session.optimized_model_external_initializers_min_size_in_bytes"] = "1024"
    if device.provider != "cpu":
        entries["session.record_ep_graph_assignment_info"] = "1"
    for key, value in entries.items():
        options.add_session_config_entry(key, value)
    for axis, length in (sizes or {}).items():
        options.add_free_dimension_override_by_name(axis, length)
    provider.configure(options)
    if wish.folded:
        options.add_session_config_entry("optimization.disable_specified_optimizers", "ConstantFolding")
    source = graph if isinstance(graph, bytes) else str(graph)
    settings = dict(provider.options(device.device_id, wish))
    if plugged is None:
        chosen = [(provider.ort_name, settings)]
        return ort.InferenceSession(source, options, providers=chosen, enable_fallback=0)
    if device.device_id >= len(plugged):
        raise ProviderError(f"{device} does not exist: {device.provider} has {len(plugged)} devices, counted from 0")
    options.add_provider_for_devices([plugged[device.device_id]], settings)
    return ort.InferenceSession(source, options)


def left_to_the_cpu(session: Any, device: Device) -> list[str]:
    """Kinds of heavy operators that the device does not take and that run on the processor instead."""
    if device.provider == "cpu" or not hasattr(session, "get_provider_graph_assignment_info"):
        return []
    kinds = {
        node.op_type
        for part in session.get_provider_graph_assignment_info()
        if part.ep_name == "CPUExecutionProvider"
        for node in part.get_nodes()
    }
    return sorted(kinds & HEAVY_OPERATORS)


def shrink_arena(device: Device) -> Any:
    """Run options that give the scratch memory of a run back to the system; None where the provider has no arena."""
    arena = PROVIDERS[device.provider].arena
    if not arena:
        return None
    options = import_onnxruntime().RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", f"{arena}:{device.device_id}")
    return options


NO_RECORDING = -1
"""The number of a run that a session which records leaves alone."""


def recorded_as(number: int) -> Any:
    """Run options under which a session that records keeps this run's work: one number for each set of buffers."""
    options = import_onnxruntime().RunOptions()
    options.add_run_config_entry("gpu_graph_id", str(number))
    return options


def import_onnxruntime() -> Any:
    """Import onnxruntime; MissingExtra names the extra if it is not installed."""
    try:
        import onnxruntime
    except ImportError as error:
        if "onnxruntime" in str(error) and isinstance(error, ModuleNotFoundError):
            raise MissingExtra("running a model", "cpu") from None
        text = " ".join(str(error).split())[:300]
        raise ProviderError(
            f"onnxruntime is installed but does not load: {text}; install it again with: "
            "pip install --force-reinstall 'retouch[cpu]'"
        ) from error
    return onnxruntime
