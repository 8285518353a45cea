"""Devices: which ONNX Runtime provider runs the graphs, each named, tried for real, and configured in its own file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from retouch.errors import MissingExtra, ProviderError, UsageError
from retouch_models.registry import Registry

if TYPE_CHECKING:
    from pathlib import Path

PREFERENCE = ("cuda", "directml", "cpu")
"""Order in which `auto` tries the providers."""

# One node, y = x + x on float32 of any length: the smallest graph that makes a provider do work.
_PROBE = bytes.fromhex(
    "08083a3b0a0e0a01780a01781201792203416464120570726f6265"
    "5a100a0178120b0a09080112050a0312016e62100a0179120b0a09080112050a0312016e42040a00100d"
)


class Provider(Protocol):
    """How one kind of device runs graphs."""

    ort_name: str
    """ONNX Runtime's name of the execution provider."""
    extra: str
    """The extra that installs it."""

    def options(self, device_id: int) -> Mapping[str, str]:
        """Provider options for the device with that number."""
        ...

    def configure(self, session_options: Any) -> None:
        """Set what the provider demands of `onnxruntime.SessionOptions`."""
        ...

    def preload(self) -> None:
        """Load what the provider needs before the first session, if anything."""
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
    for provider in PREFERENCE:
        device = Device(provider)
        try:
            probe(device)
        except ProviderError as error:
            last = error
            continue
        return device
    raise last if last is not None else ProviderError("no provider is known")


def probe(device: Device) -> None:
    """Run a one-node graph on the device; ProviderError says why it does not work and what to do."""
    ort = import_onnxruntime()
    provider = PROVIDERS[device.provider]
    if provider.ort_name not in ort.get_available_providers():
        raise ProviderError(
            f"{device} is not available: this onnxruntime ({ort.__version__}) comes without {provider.ort_name}; "
            f"install it with: pip uninstall -y onnxruntime && pip install 'retouch[{provider.extra}]'"
        )
    import numpy as np

    try:
        session = new_session(_PROBE, device, threads=1)
        result = session.run(None, {"x": np.ones(2, np.float32)})[0]
    except Exception as error:  # noqa: BLE001 - whatever the provider raises means that it does not work
        raise ProviderError(f"{device} does not load: {_first_line(error)}; see: retouch doctor") from error
    if session.get_providers()[0] != provider.ort_name or float(result[0]) != 2.0:
        raise ProviderError(f"{device} does not load its libraries; see what is missing with: retouch doctor")


def new_session(
    graph: "bytes | Path", device: Device, *, threads: int | None = None, config: Mapping[str, str] | None = None
) -> Any:
    """Open an `onnxruntime.InferenceSession` on the device alone; `config` holds session configuration entries."""
    ort = import_onnxruntime()
    provider = PROVIDERS[device.provider]
    provider.preload()
    options = ort.SessionOptions()
    options.log_severity_level = 3
    if threads is not None:
        options.intra_op_num_threads = threads
    for key, value in (config or {}).items():
        options.add_session_config_entry(key, value)
    provider.configure(options)
    source = graph if isinstance(graph, bytes) else str(graph)
    return ort.InferenceSession(source, options, providers=[(provider.ort_name, provider.options(device.device_id))])


def import_onnxruntime() -> Any:
    """Import onnxruntime; MissingExtra names the extra if it is not installed."""
    try:
        import onnxruntime
    except ImportError as error:
        if "onnxruntime" in str(error) and isinstance(error, ModuleNotFoundError):
            raise MissingExtra("running a model", "cpu") from None
        raise ProviderError(f"onnxruntime is installed but does not load: {_first_line(error)}") from error
    return onnxruntime


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:300] if text else type(error).__name__
