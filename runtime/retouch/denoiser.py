"""The UNet as a denoiser: from noisy latents and a noise level to an estimate of the clean latents.

Samplers work in variance-exploding space, x = x0 + sigma * noise. The UNet was trained on
x / sqrt(1 + sigma^2) (variance-preserving, Ho et al. 2020) at a timestep; this file is the bridge
(Karras et al. 2022, arXiv:2206.00364, table 1, VP column and its v-prediction form from Salimans & Ho 2022,
arXiv:2202.00512, appendix D).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from retouch.arrays import Latents
from retouch.guidance import Guidance, guide
from retouch.hoisted import TIME, Hoisted
from retouch.noise_levels import NoiseLevels
from retouch.samplers import Denoise
from retouch.session import GraphSession, Tensor
from retouch_models.manifest import Prediction


@dataclass(frozen=True, eq=False)
class Inputs:
    """What the UNet takes beside latents and timestep."""

    context: NDArray[np.float32]
    """Text, (B, T, D): [negative, positive], or the positive one alone."""
    extra: Mapping[str, Tensor]
    """Further inputs by name, each with the batch of `context`."""
    masked: NDArray[np.float32] | None
    """For 9-channel models: the latent mask and the latents of the masked picture, (1, 1 + C, h, w)."""


class Unet:
    """The graph with everything that stays the same over the steps of a run."""

    def __init__(
        self,
        session: GraphSession,
        levels: NoiseLevels,
        inputs: Inputs,
        *,
        two_calls: bool = False,
        hoisted: Hoisted[Tensor] | None = None,
    ) -> None:
        """Hold the inputs; `two_calls` runs both prompts one after the other, which takes less memory.

        `hoisted` gives the inputs of a UNet that is split, None if it is whole.
        """
        self._session = session
        self._levels = levels
        self._inputs = inputs
        self._two_calls = two_calls
        self._hoisted = hoisted

    def predict(self, x: Latents, sigma: float, both: bool) -> Latents:
        """Run once; returns the raw output, (2, C, h, w) [negative, positive] if `both`, else (1, C, h, w)."""
        scaled = x / np.float32(sqrt(1 + sigma * sigma))
        parts = [scaled] if self._inputs.masked is None else [scaled, self._inputs.masked]
        sample = np.concatenate(parts, axis=1)
        if not both:
            return self._run(sample, sigma, slice(-1, None))
        if self._two_calls:
            return np.concatenate([self._run(sample, sigma, slice(n, n + 1)) for n in range(2)])
        return self._run(np.repeat(sample, 2, axis=0), sigma, slice(0, 2))

    def _run(self, sample: Latents, sigma: float, prompts: slice) -> Latents:
        (output,) = self._session({"sample": sample, **self._steering(self._levels.timestep(sigma), prompts)})
        return output.astype(np.float32, copy=False)

    def _steering(self, timestep: float, prompts: slice) -> dict[str, Tensor]:
        """What it takes beside the sample, for some of the prompts."""
        extra = {name: values[prompts] for name, values in self._inputs.extra.items()}
        if self._hoisted is None:
            context = self._inputs.context[prompts]
            return {"timestep": np.full((1,), timestep, np.float32), "encoder_hidden_states": context, **extra}
        first, last, _ = prompts.indices(len(self._inputs.context))
        text = self._hoisted.text(self._inputs.context, first, last)
        return {TIME: self._hoisted.time(timestep, extra), **text}


def denoiser(unet: Unet, prediction: Prediction, guidance: Guidance) -> Denoise:
    """Compose (x, sigma) -> denoised: predict with guidance, then convert to clean latents."""
    convert = _CONVERT[prediction]
    guided = guide(unet.predict, guidance)

    def denoise(x: Latents, sigma: float) -> Latents:
        return convert(x, guided(x, sigma), sigma)

    return denoise


def _from_epsilon(x: Latents, output: Latents, sigma: float) -> Latents:
    return x - np.float32(sigma) * output


def _from_v(x: Latents, output: Latents, sigma: float) -> Latents:
    skip = 1 / (1 + sigma * sigma)
    return np.float32(skip) * x - np.float32(sigma * sqrt(skip)) * output


def _from_sample(x: Latents, output: Latents, sigma: float) -> Latents:  # noqa: ARG001 - one signature for all
    return output


_CONVERT = {"epsilon": _from_epsilon, "v": _from_v, "sample": _from_sample}
