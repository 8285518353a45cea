"""Where latents live between the steps of a run: on the host, or in the memory of the device that computes them."""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from retouch.arrays import Latents, Sigmas
from retouch.denoiser import Inputs, Unet, denoiser
from retouch.errors import UsageError
from retouch.guidance import Guidance
from retouch.hoisted import is_split, on_host
from retouch.noise_levels import NoiseLevels
from retouch.providers import PROVIDERS, Device
from retouch.request import InpaintRequest
from retouch.samplers import SAMPLERS, Denoise
from retouch.session import Graphs

if TYPE_CHECKING:
    from retouch.device.loop import DeviceLoop

Place = Literal["host", "device"]


class Loop(Protocol):
    """One place for latents."""

    def place(self, latents: Latents) -> Latents:
        """Bring latents or noise there: what comes back adds and scales like an array, and that is all."""
        ...

    def host(self, latents: Latents) -> Latents:
        """Bring latents to the host as an array."""
        ...

    def denoiser(self, inputs: Inputs, guidance: Guidance, walk: Sigmas) -> Denoise:
        """Compose (x, sigma) -> denoised for latents that live there; `walk` tells the levels that will come."""
        ...


@dataclass(frozen=True, kw_only=True)
class LoopOptions:
    """What the user says about it; RETOUCH_LOOP=host|device, RETOUCH_CUDA_GRAPH=off."""

    place: Place | None = None
    """None leaves it to the provider."""
    record: bool = True
    """Whether a provider that can may record the UNet's work and replay it."""

    @classmethod
    def from_environment(cls) -> "LoopOptions":
        """Read both; UsageError for another word."""
        told = os.environ.get("RETOUCH_LOOP", "")
        places: dict[str, Place | None] = {"": None, "host": "host", "device": "device"}
        if told not in places:
            raise UsageError(f"RETOUCH_LOOP={told}: give host or device, or leave it out")
        record = os.environ.get("RETOUCH_CUDA_GRAPH", "").lower() not in ("off", "0", "no", "false")
        return cls(place=places[told], record=record)

    def place_on(self, device: Device) -> Place:
        """Return where latents live on a device; UsageError if it has no memory for them."""
        provider = PROVIDERS[device.provider]
        if self.place == "device" and not provider.memory:
            raise UsageError(f"RETOUCH_LOOP=device: {device} keeps no latents between steps; give RETOUCH_LOOP=host")
        return provider.loop if self.place is None else self.place

    def records_on(self, device: Device) -> bool:
        """Whether the UNet is recorded on a device."""
        return self.record and PROVIDERS[device.provider].records and self.place_on(device) == "device"


class HostLoop:
    """Latents as numpy arrays."""

    def __init__(self, graphs: Graphs, levels: NoiseLevels) -> None:
        """Open nothing yet."""
        self._graphs, self._levels = graphs, levels
        self._hoisted = on_host(graphs)

    def place(self, latents: Latents) -> Latents:
        """They are there."""
        return latents

    def host(self, latents: Latents) -> Latents:
        """They are there."""
        return latents

    def denoiser(self, inputs: Inputs, guidance: Guidance, walk: Sigmas) -> Denoise:  # noqa: ARG002 - nothing to prepare
        """Compose the UNet with guidance and what it was trained to predict."""
        hoisted = self._hoisted if is_split(self._graphs) else None
        two_calls = self._graphs.memory.two_calls
        unet = Unet(self._graphs["unet"], self._levels, inputs, two_calls=two_calls, hoisted=hoisted)
        return denoiser(unet, self._graphs.bundle.manifest.noise.prediction, guidance)

    def close(self) -> None:
        """Forget what feeds a UNet that is split."""
        self._hoisted.forget()


class Loops:
    """The loops of an engine; what they hold on a device lives until `close`."""

    def __init__(self, graphs: Graphs, levels: NoiseLevels, options: LoopOptions) -> None:
        """Open nothing yet; UsageError if the device cannot do what was asked for."""
        self._graphs, self._levels = graphs, levels
        self._place, self._note = options.place_on(graphs.device), ""
        self._on_host = HostLoop(graphs, levels)
        self._on_device: DeviceLoop | None = None

    def of(self, request: InpaintRequest) -> Loop:
        """Return the loop for a request, which must be resolved."""
        if self._place == "host" or not SAMPLERS[str(request.sampler)].linear:
            return self._on_host
        if self._on_device is None:
            from retouch.device.loop import DeviceLoop

            self._on_device = DeviceLoop(self._graphs, self._levels)
        return self._on_device

    def notes(self, request: InpaintRequest) -> tuple[str, ...]:
        """What the user should know of how a request, which must be resolved, uses the device."""
        if self._place == "host":
            return (self._note,) if self._note else ()
        elsewhere = [
            *(() if SAMPLERS[str(request.sampler)].linear else (f"the sampler {request.sampler}",)),
            *(("soft inpainting",) if request.denoising == "soft" else ()),
        ]
        return tuple(
            f"{what} computes on the processor between steps, so latents leave {self._graphs.device} at each of them"
            for what in elsewhere
        )

    def give_up_device(self, error: Exception) -> bool:
        """After a failure: whether to go on with the host loop, because the one on the device never did a step."""
        if self._on_device is None or self._on_device.worked:
            return False
        self.close()
        self._graphs.close()
        self._place = "host"
        self._note = f"latents leave {self._graphs.device} at every step, because the loop there failed ({error})"
        return True

    def close(self) -> None:
        """Free what is held, on the device and of graphs that feed the UNet."""
        self._on_host.close()
        if self._on_device is not None:
            self._on_device.close()
