"""The UNet as a denoiser: from noisy latents and a noise level to an estimate of the clean latents.

Samplers work in variance-exploding space, x = x0 + sigma * noise. The UNet was trained on
x / sqrt(1 + sigma^2) (variance-preserving, Ho et al. 2020) at a timestep; this file is the bridge
(Karras et al. 2022, arXiv:2206.00364, table 1, VP column and its v-prediction form from Salimans & Ho 2022,
arXiv:2202.00512, appendix D).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from retouch.arrays import Latents
from retouch.guidance import combine
from retouch.session import GraphSession, Tensor
from retouch_models.manifest import Prediction


class TimestepOf(Protocol):
    """The part of the training noise levels that the denoiser needs."""

    def timestep(self, sigma: float) -> float:
        """Return the training timestep of a noise level, with fractions."""
        ...


@dataclass(frozen=True, eq=False)
class Inputs:
    """What the UNet takes beside latents and timestep."""

    context: NDArray[np.float32]
    """Text, (B, T, D): [negative, positive], or the positive one alone."""
    extra: Mapping[str, Tensor]
    """Further inputs by name, each with the batch of `context`."""
    masked: NDArray[np.float32] | None
    """For 9-channel models: the latent mask and the latents of the masked picture, (1, 1 + C, h, w)."""


@dataclass(frozen=True, kw_only=True)
class Guidance:
    """How strongly the prompt counts."""

    scale: float
    rescale: float = 0.0


class UnetDenoiser:
    """(x, sigma) -> denoised, with classifier-free guidance in one batch of two."""

    def __init__(
        self, unet: GraphSession, levels: TimestepOf, prediction: Prediction, inputs: Inputs, guidance: Guidance
    ) -> None:
        """Hold what stays the same over the steps of a run."""
        self._unet = unet
        self._levels = levels
        self._convert = _CONVERT[prediction]
        self.inputs = inputs
        self._guidance = guidance

    def __call__(self, x: Latents, sigma: float) -> Latents:
        """Estimate the clean latents in x, (1, C, h, w), at noise level sigma."""
        output = self._evaluate(x / np.float32(sqrt(1 + sigma * sigma)), self._levels.timestep(sigma))
        if len(output) == 2:
            output = combine(output[:1], output[1:], self._guidance.scale, self._guidance.rescale)
        return self._convert(x, output, sigma)

    def _evaluate(self, scaled: Latents, timestep: float) -> Latents:
        parts = [scaled] if self.inputs.masked is None else [scaled, self.inputs.masked]
        sample = np.concatenate(parts, axis=1)
        batch = len(self.inputs.context)
        (output,) = self._unet(
            {
                "sample": np.repeat(sample, batch, axis=0),
                "timestep": np.full((1,), timestep, np.float32),
                "encoder_hidden_states": self.inputs.context,
                **self.inputs.extra,
            }
        )
        return output.astype(np.float32, copy=False)


def _from_epsilon(x: Latents, output: Latents, sigma: float) -> Latents:
    return x - np.float32(sigma) * output


def _from_v(x: Latents, output: Latents, sigma: float) -> Latents:
    skip = 1 / (1 + sigma * sigma)
    return np.float32(skip) * x - np.float32(sigma * sqrt(skip)) * output


def _from_sample(x: Latents, output: Latents, sigma: float) -> Latents:  # noqa: ARG001 - one signature for all
    return output


_CONVERT = {"epsilon": _from_epsilon, "v": _from_v, "sample": _from_sample}
