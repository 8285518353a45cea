"""The UNet from buffers to buffers: inputs at fixed addresses, filled only where they changed."""

from collections.abc import Iterable, Mapping
from functools import partial
from math import sqrt
from typing import NamedTuple

import numpy as np

from retouch.denoiser import Inputs
from retouch.device.buckets import Bucket, RecordingFailed, Shapes
from retouch.device.kernels import Kernels
from retouch.device.memory import Array, Buffer, Memory
from retouch.hoisted import TIME, Hoisted
from retouch.noise_levels import NoiseLevels
from retouch.session import Graphs, GraphSession, Tensor


class Call(NamedTuple):
    """One run of the UNet: the name under which its output is handed on, and the prompts that it takes."""

    name: str
    prompts: slice


class DeviceUnet:
    """The graph with everything that stays the same over the steps of a run."""

    def __init__(
        self,
        graphs: Graphs,
        levels: NoiseLevels,
        inputs: Inputs,
        memory: Memory,
        kernels: Kernels,
        hoisted: Hoisted[Buffer] | None,
    ) -> None:
        """Copy mask and masked picture to the device; `hoisted` is None if the UNet is whole."""
        self._graphs, self._levels, self._inputs = graphs, levels, inputs
        self._memory, self._kernels, self._hoisted = memory, kernels, hoisted
        self._masked = None if inputs.masked is None else memory.upload(inputs.masked)

    def expect(self, coming: Iterable[tuple[float, tuple[Call, ...]]]) -> None:
        """Compute what depends on the levels alone before the first step needs it."""
        if self._hoisted is not None:
            for sigma, calls in coming:
                for call in calls:
                    self._time(self._hoisted, self._levels.timestep(sigma), call.prompts)

    def __call__(self, x: Buffer, sigma: float, calls: tuple[Call, ...]) -> dict[str, Buffer]:
        """Run each call on latents, (1, C, h, w); outputs (1 or 2, C, h, w) are good until the next run."""
        return {call.name: self._run(x, sigma, call.prompts) for call in calls}

    def _run(self, x: Buffer, sigma: float, prompts: slice) -> Buffer:
        try:
            return self._attempt(x, sigma, prompts)
        except RecordingFailed as error:
            self._graphs["unet"].stop_recording(error)
            return self._attempt(x, sigma, prompts)

    def _attempt(self, x: Buffer, sigma: float, prompts: slice) -> Buffer:
        steering = self._steering(self._levels.timestep(sigma), prompts)
        session = self._graphs["unet"]  # after the graphs that feed it, which may have taken its place
        try:
            bucket = self._bucket(session, x, prompts, steering)
            self._prepare(x, sigma, bucket.inputs["sample"].buffer)
            for label, (source, content) in steering.items():
                bucket.inputs[label].fill(source, partial(self._fill, content))
            bucket.run()
        except RecordingFailed:
            raise
        except Exception as error:
            raise session.failure(error) from error
        return bucket.output(session.spec.outputs[0].name)

    def _prepare(self, x: Buffer, sigma: float, sample: Buffer) -> None:
        """Scale latents to the variance that the UNet was trained on, with mask and masked picture beside them."""
        masked = {} if self._masked is None else {"masked": self._masked}
        name = f"prepare{'_masked' if masked else ''}_{sample.shape[0]}_{sample.dtype.name}"
        self._kernels(name, {"x": x, **masked}, ("scale", [sqrt(1 + sigma * sigma)]), ("sample", sample))

    def _fill(self, content: Array | Buffer, target: Buffer) -> None:
        if isinstance(content, Buffer):
            self._kernels.copy(content, target)
        else:
            self._memory.write(target, content)

    def _bucket(
        self, session: GraphSession, x: Buffer, prompts: slice, steering: Mapping[str, tuple[object, Array | Buffer]]
    ) -> Bucket:
        rows = len(range(*prompts.indices(len(self._inputs.context))))
        channels = x.shape[1] + (0 if self._masked is None else self._masked.shape[1])
        inputs: Shapes = {
            "sample": ((rows, channels, *x.shape[2:]), session.dtypes["sample"]),
            **{name: (value.shape, session.dtypes[name]) for name, (_, value) in steering.items()},
        }
        outputs: Shapes = {t.name: ((rows, *x.shape[1:]), session.dtypes[t.name]) for t in session.spec.outputs}
        native, buckets = session.native(), session.buckets
        first = prompts.indices(len(self._inputs.context))[0]

        def make() -> Bucket:
            slots = {
                name: buckets.slot((name, first, shape), partial(self._memory.empty, shape, kind))
                for name, (shape, kind) in inputs.items()
            }
            return Bucket(native, self._memory, slots, outputs, record=session.records)

        return buckets.get((first, *((name, shape) for name, (shape, _) in inputs.items())), make)

    def _steering(self, timestep: float, prompts: slice) -> dict[str, tuple[object, Array | Buffer]]:
        """Input by name: what it stands for, by identity, and its content."""
        context, extra = self._inputs.context, self._inputs.extra
        if self._hoisted is not None:
            first, last, _ = prompts.indices(len(context))
            time = self._time(self._hoisted, timestep, prompts)
            text = self._hoisted.text(context, first, last)
            return {TIME: (time, time), **{name: (value, value) for name, value in text.items()}}
        step = np.full((1,), timestep, np.float32)
        return {
            "timestep": (step, step),
            "encoder_hidden_states": (context, context[prompts]),
            **{name: (values, values[prompts]) for name, values in extra.items()},
        }

    def _time(self, hoisted: Hoisted[Buffer], timestep: float, prompts: slice) -> Buffer:
        extra: dict[str, Tensor] = {name: values[prompts] for name, values in self._inputs.extra.items()}
        return hoisted.time(timestep, extra)
