"""The denoising loop on a device: what its steps share, and the denoiser that runs them from buffer to buffer."""

from collections.abc import Callable, Mapping
from math import sqrt
from typing import NamedTuple, cast

import numpy as np

from retouch.arrays import Latents, Sigmas
from retouch.denoiser import Inputs
from retouch.device.algebra import Arithmetic, DeviceLatents
from retouch.device.kernels import Kernels
from retouch.device.memory import Buffer, Memory
from retouch.device.unet import Call, DeviceUnet
from retouch.guidance import Guidance
from retouch.hoisted import Hoisted, is_split
from retouch.noise_levels import NoiseLevels
from retouch.samplers import Denoise
from retouch.session import Graphs, Tensor


class DeviceLoop:
    """Latents as sums of buffers; one copy to the host at the end, and one for each preview that is looked at."""

    def __init__(self, graphs: Graphs, levels: NoiseLevels) -> None:
        """Open nothing yet."""
        self._graphs, self._levels = graphs, levels
        self.worked = False
        """Whether a step was ever done."""
        self.memory = Memory(graphs.device)
        self._kernels = Kernels(graphs.device, self.memory)
        self._arithmetic = Arithmetic(self.memory, self._kernels)
        self._hoisted: Hoisted[Buffer] = Hoisted(self._run)

    def place(self, latents: Latents) -> Latents:
        """Copy to the device; to a sampler the result is an array like any other."""
        return cast("Latents", self._arithmetic.place(latents))

    def host(self, latents: Latents) -> Latents:
        """Copy to the host."""
        there: object = latents
        return there.numpy() if isinstance(there, DeviceLatents) else latents

    def denoiser(self, inputs: Inputs, guidance: Guidance, walk: Sigmas) -> Denoise:
        """Compose the UNet with guidance and what it was trained to predict, all of it on the device."""
        hoisted = self._hoisted if is_split(self._graphs) else None
        unet = DeviceUnet(self._graphs, self._levels, inputs, self.memory, self._kernels, hoisted)
        two_calls = self._graphs.memory.two_calls
        unet.expect((sigma, _batch(guidance, sigma, two_calls).calls) for sigma in walk[:-1].tolist())

        def denoise(x: Latents, sigma: float) -> Latents:
            buffer = cast("DeviceLatents", x).buffer()
            batch = _batch(guidance, sigma, two_calls)
            outputs = unet(buffer, sigma, batch.calls)
            denoised = self._finished(buffer, outputs, sigma, batch.name, guidance)
            self.worked = True
            return cast("Latents", denoised)

        return denoise

    def close(self) -> None:
        """Free sessions and buffers; the next run makes them again."""
        self._kernels.close()
        self._arithmetic.forget()
        self._hoisted.forget()

    def _finished(
        self, x: Buffer, outputs: Mapping[str, Buffer], sigma: float, batch: str, guidance: Guidance
    ) -> DeviceLatents:
        """Guide, and turn what the UNet predicts into clean latents."""
        numbers = [*_WEIGHTS[self._graphs.bundle.manifest.noise.prediction](sigma)]
        if batch != ONE.name:
            numbers.append(guidance.scale_at(sigma))
            if guidance.rescale != 0:
                batch = f"rescaled_{batch}"
                numbers += [guidance.rescale, 1 - guidance.rescale]
        kind = next(iter(outputs.values())).dtype.name
        result = self.memory.empty(x.shape, np.float32)
        self._kernels(f"finish_{batch}_{kind}", {"x": x, **outputs}, ("weights", numbers), ("denoised", result))
        return self._arithmetic.of(result)

    def _run(self, role: str, inputs: Mapping[str, Tensor]) -> Mapping[str, Buffer]:
        """Run a graph once and leave its outputs on the device."""
        session = self._graphs[role]
        dtypes = session.dtypes
        try:
            native = session.native()
            binding = native.io_binding()
            for spec in session.spec.inputs:
                binding.bind_cpu_input(spec.name, np.ascontiguousarray(inputs[spec.name], dtypes[spec.name]))
            for spec in session.spec.outputs:
                binding.bind_output(spec.name, self.memory.name, self.memory.number)
            native.run_with_iobinding(binding)
            found = binding.get_outputs()
        except Exception as error:
            raise session.failure(error) from error
        return {
            spec.name: Buffer(value, tuple(value.shape()), np.dtype(dtypes[spec.name]))
            for spec, value in zip(session.spec.outputs, found, strict=True)
        }


class Batch(NamedTuple):
    """The calls of one evaluation, and what the graph that finishes it is named by."""

    name: str
    calls: tuple[Call, ...]


ONE = Batch("one", (Call("output", slice(-1, None)),))
TWO = Batch("two", (Call("output", slice(0, 2)),))
EACH = Batch("calls", (Call("negative", slice(0, 1)), Call("positive", slice(1, 2))))


def _batch(guidance: Guidance, sigma: float, two_calls: bool) -> Batch:
    """Which prompts run at a noise level, and in how many calls."""
    if guidance.scale_at(sigma) == 1:
        return ONE
    return EACH if two_calls else TWO


def _epsilon(sigma: float) -> tuple[float, float]:
    return 1.0, -sigma


def _v(sigma: float) -> tuple[float, float]:
    skip = 1 / (1 + sigma * sigma)
    return skip, -sigma * sqrt(skip)


def _sample(sigma: float) -> tuple[float, float]:  # noqa: ARG001 - one signature for all
    return 0.0, 1.0


_WEIGHTS: Mapping[str, Callable[[float], tuple[float, float]]] = {"epsilon": _epsilon, "v": _v, "sample": _sample}
"""How much of x and of the output the clean latents are; `denoiser` names the sources."""
