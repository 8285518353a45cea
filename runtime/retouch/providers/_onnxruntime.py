"""ONNX Runtime: sessions on one of its providers, and what all providers of it share."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from retouch.errors import MissingExtra, ProviderError, UsageError
from retouch.providers import NO_WISH, PROBE, PROVIDERS, Device, OpenGraph, Wish

if TYPE_CHECKING:
    from pathlib import Path

    from retouch_models.bundle import Bundle

HEAVY_OPERATORS = frozenset(
    ("Attention", "Conv", "ConvTranspose", "Gemm", "GroupNorm", "GroupNormalization", "InstanceNormalization",
     "LayerNormalization", "MatMul", "MultiHeadAttention", "NhwcConv", "Resize", "SkipGroupNorm", "Softmax")
)  # fmt: skip
"""Operators that belong on the device; arithmetic on shapes may stay on the processor."""


class OnnxRuntime:
    """What a provider of ONNX Runtime is unless it says otherwise: built in, sizes free, latents on the host."""

    ort_name: str
    """ONNX Runtime's name of the execution provider."""
    install: str
    arena = ""
    """ONNX Runtime's name of its memory arena without the device's number (`gpu`), empty if it has none."""
    precisions: tuple[str, ...] = ()
    sizes: Literal["free", "usual", "each"] = "free"
    memory = ""
    loop: Literal["host", "device"] = "host"
    records = False
    reopens = True
    few_sizes = False

    def options(self, device_id: int, wish: Wish) -> Mapping[str, str]:  # noqa: ARG002 - for those that have some
        """Provider options for the device with that number."""
        return {}

    def configure(self, session_options: Any) -> None:
        """Set what the provider demands of `onnxruntime.SessionOptions`."""

    def plugged(self, ort: Any) -> list[Any] | None:  # noqa: ARG002 - for those that load something
        """Load what is needed; returns ONNX Runtime's devices of a plug-in, None for a provider that is built in."""
        return None

    @property
    def name(self) -> str:
        """How users call it: the name of its file."""
        return self.__module__.rpartition(".")[2]

    def installed(self) -> bool:
        """Whether this onnxruntime comes with it."""
        try:
            return self.ort_name in import_onnxruntime().get_available_providers()
        except ProviderError:
            return False

    def devices(self) -> list[Device]:
        """All devices of a plug-in; the first of a provider that is built in."""
        plugged = self.plugged(import_onnxruntime())
        return [Device(self.name, number) for number in range(1 if plugged is None else len(plugged))]

    def probe(self, device: Device) -> None:
        """Run one node, and see that it ran there."""
        ort = import_onnxruntime()
        if self.plugged(ort) is None and self.ort_name not in ort.get_available_providers():
            from retouch.providers._reasons import overwritten

            raise ProviderError(
                overwritten(device)
                or f"{device} is not available: this onnxruntime ({ort.__version__}) comes without {self.ort_name}; "
                f"install it with: {self.install}"
            )
        import numpy as np

        try:
            session = new_session(PROBE, device, threads=1)
            result = session.run(None, {"x": np.ones(2, np.float32)})[0]
        except (ProviderError, UsageError):
            raise
        except Exception as error:
            raise ProviderError(_explained(device, str(error))) from error
        if session.get_providers()[0] != self.ort_name or float(result[0]) != 2.0:
            raise ProviderError(_explained(device, ""))

    def open(
        self, bundle: "Bundle", role: str, device: Device, *, threads: int | None, sizes: Mapping[str, int], wish: Wish
    ) -> OpenGraph:
        """Open a session."""
        from retouch.open_graph import open_graph

        return open_graph(bundle, role, device, threads=threads, sizes=sizes, wish=wish)

    def on_processor(self, device: Device) -> bool:  # noqa: ARG002 - none of them but one
        """Not the processor."""
        return False

    def describe(self, device: Device) -> str:  # noqa: ARG002 - not told for all providers
        """Nothing is told."""
        return ""


def _explained(device: Device, said: str) -> str:
    from retouch.providers._reasons import explain

    return explain(device, said)


def provider_of(device: Device) -> OnnxRuntime:
    """Return the provider of a device that ONNX Runtime drives."""
    provider = PROVIDERS[device.provider]
    if not isinstance(provider, OnnxRuntime):
        raise TypeError(f"{device} is not driven by ONNX Runtime")
    return provider


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
    provider = provider_of(device)
    ort = import_onnxruntime()
    plugged = provider.plugged(ort)
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
    if wish.folded:  # beyond that level constants are folded whatever is said against it
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
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
    arena = provider_of(device).arena
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
