"""Devices: which engine runs the graphs on what, each named, tried for real, and configured in its own file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from retouch.errors import MissingExtra, ProviderError, UsageError
from retouch_models.registry import Registry

if TYPE_CHECKING:
    from retouch_models.bundle import Bundle

PREFERENCE = ("cuda", "directml", "cpu", "openvino")
"""Order in which `auto` tries the providers that are installed; plug-ins are used when they are asked for by name.

In the graph's own numbers ONNX Runtime opens a model sooner and in less memory than OpenVINO, which runs it a little
faster, so OpenVINO comes last; its shorter numbers change the picture and are for the user to choose.
"""

# One node, y = x + x on float32 of any length: the smallest graph that makes a provider do work.
PROBE = bytes.fromhex(
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


@dataclass(frozen=True)
class Device:
    """A provider, the number of the device it drives, and the numbers it computes with: `cpu`, `openvino:0:bf16`."""

    provider: str
    device_id: int = 0
    precision: str = ""
    """The format that was asked for in place of the graph's own numbers; empty for those."""

    def __str__(self) -> str:
        """Return the name as the user types it."""
        named = self.provider if self.provider == "cpu" else f"{self.provider}:{self.device_id}"
        return f"{named}:{self.precision}" if self.precision else named


class OpenGraph(Protocol):
    """A graph, open on a device."""

    native: Any
    """The engine's own object, such as an `onnxruntime.InferenceSession`."""
    inputs: frozenset[str]
    """Names of what it takes."""
    records: bool
    """Whether its work can be recorded."""
    refusal: Exception | None
    """Why not, if that was wished for."""
    left_to_the_cpu: Sequence[str]
    """Kinds of heavy operators that the device does not take and that run on the processor instead."""

    def run(self, outputs: Sequence[str], feed: Mapping[str, Any], *, keep_scratch: bool) -> list[Any]:
        """Run once, arrays in by name, arrays out in the order of `outputs`; raises what the engine raises.

        `keep_scratch` says that it will run again at once, so that its scratch memory is not given back.
        """
        ...


class Provider(Protocol):
    """How one kind of device runs graphs."""

    install: str
    """The command that installs it."""
    precisions: tuple[str, ...]
    """Formats that can be asked for in place of the graph's own numbers, where the device has them."""
    sizes: Literal["free", "usual", "each"]
    """How graphs are opened: once for all sizes of inputs, once for the usual size and once for all others, or for one
    size each, because free sizes are slow."""
    memory: str
    """ONNX Runtime's name of memory that buffers can be made in, empty if the loop on the device cannot use it."""
    loop: Literal["host", "device"]
    """Where latents live between steps if nobody says otherwise."""
    records: bool
    """Whether it can record a graph's work and replay it."""
    reopens: bool
    """Whether a graph opens again in milliseconds, so that what is not needed for a while may as well be closed."""
    few_sizes: bool
    """Whether every new size of picture costs it so much that work sizes are chosen from a short list."""

    def installed(self) -> bool:
        """Whether the package that brings it is there, so that `auto` tries it; loads no library."""
        ...

    def devices(self) -> list[Device]:
        """Load what is needed and list what may run; ProviderError or MissingExtra says what is missing."""
        ...

    def probe(self, device: Device) -> None:
        """Run a one-node graph on the device; ProviderError says why it does not work and what to do."""
        ...

    def open(
        self, bundle: "Bundle", role: str, device: Device, *, threads: int | None, sizes: Mapping[str, int], wish: Wish
    ) -> OpenGraph:
        """Open the graph of a role; `sizes` fixes free axes by their names. Raises what the engine raises."""
        ...

    def on_processor(self, device: Device) -> bool:
        """Whether it computes on the processor: at its speed, in its memory, and pictures of any size."""
        ...

    def describe(self, device: Device) -> str:
        """Name the hardware if the engine tells it, empty if not; the device must have been probed."""
        ...


PROVIDERS: Registry[Provider] = Registry("retouch.providers", "provider")


def parse_device(name: str) -> Device:
    """Read `cpu`, `cuda`, `cuda:1`, `openvino:bf16` or `openvino:1:f16`; UsageError or UnknownName otherwise."""
    provider, *rest = name.split(":")
    precisions = PROVIDERS[provider].precisions  # raises UnknownName
    precision = rest.pop() if rest and rest[-1] in precisions else ""
    number = rest.pop() if rest else ""
    if rest or (number and not (number.isascii() and number.isdigit())):
        formats = f", and what it computes with one of {', '.join(precisions)}" if precisions else ""
        raise UsageError(f"--provider {name}: the device number must be a whole number, as in {provider}:0{formats}")
    return Device(provider, int(number or 0), precision)


def open_device(name: str) -> Device:
    """Return a device on which a session really ran; `auto` takes the first that does.

    A device that was asked for by name and does not load is a ProviderError, never a silent fall back to the CPU.
    """
    if name != "auto":
        device = parse_device(name)
        probe(device)
        return device
    refusal: ProviderError | None = None
    for device in (Device(provider) for provider in PREFERENCE if PROVIDERS[provider].installed()):
        try:
            probe(device)
        except ProviderError as error:
            refusal = error
        else:
            return device
    if refusal is None:
        probe(Device("cpu"))  # says what is missing, or why it does not load
    raise refusal if refusal is not None else MissingExtra("running a model", "cpu")


def found_devices() -> list[Device]:
    """List the devices on which a session ran: those that a plug-in or OpenVINO lists, the first of other providers."""
    found = []
    for provider in (*PREFERENCE, *(name for name in PROVIDERS if name not in PREFERENCE)):
        try:
            listed = PROVIDERS[provider].devices()
        except ProviderError:
            continue
        for device in listed:
            try:
                probe(device)
            except ProviderError:
                continue
            found.append(device)
    return found


def probe(device: Device) -> None:
    """Run a one-node graph on the device; ProviderError says why it does not work and what to do."""
    PROVIDERS[device.provider].probe(device)


def on_processor(device: Device) -> bool:
    """Whether a device computes on the processor: at its speed, in its memory, and pictures of any size."""
    return PROVIDERS[device.provider].on_processor(device)
