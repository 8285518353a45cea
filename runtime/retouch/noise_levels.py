"""The noise levels a model was trained at: timestep to sigma and back.

sigma = sqrt((1 - abar) / abar) is the level in variance-exploding space, x = x0 + sigma * noise, that belongs to
the training's variance-preserving one (Karras et al. 2022, arXiv:2206.00364, table 1).
"""

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from retouch.errors import BundleError
from retouch_models.manifest import NoiseSpec

Floats: TypeAlias = NDArray[np.float64]
"""One value per training timestep, (T,)."""

LEAST_ABAR = 2.0**-24
"""Share of signal that stands for none, as in diffusers: pure noise would have an infinite sigma, this has 4096."""

_COSINE_OFFSET = 0.008
_LARGEST_BETA = 0.999


@dataclass(frozen=True, eq=False)
class NoiseLevels:
    """Sigmas of a model's training, and the steps that suit it."""

    table: Floats
    """Sigma of each training timestep, (T,), rising."""
    spec: NoiseSpec

    @classmethod
    def from_spec(cls, spec: NoiseSpec) -> "NoiseLevels":
        """Compute the table; BundleError when the betas of the manifest are none."""
        added = betas(spec)
        if len(added) < 2 or not ((added > 0) & (added < 1)).all():
            raise BundleError("the model's betas must be two or more numbers between 0 and 1; export the model again")
        abar: Floats = np.cumprod(1.0 - added, dtype=np.float64)
        if spec.zero_terminal_snr:
            abar = zero_terminal_snr(abar)
        return cls(np.sqrt((1.0 - abar) / abar), spec)

    @property
    def count(self) -> int:
        """Number of training timesteps."""
        return len(self.table)

    @property
    def smallest(self) -> float:
        """Sigma of the first timestep."""
        return float(self.table[0])

    @property
    def largest(self) -> float:
        """Sigma of the last timestep."""
        return float(self.table[-1])

    def sigma(self, timestep: float) -> float:
        """Sigma of a timestep; between two integers the logarithm is interpolated, beyond the ends it is held."""
        held = min(max(timestep, 0.0), self.count - 1.0)
        below = min(int(held), self.count - 2)
        share = held - below
        if share in (0.0, 1.0):  # exact where the table is
            return float(self.table[below + int(share)])
        low, high = math.log(self.table[below]), math.log(self.table[below + 1])
        return math.exp(low + share * (high - low))

    def timestep(self, sigma: float) -> float:
        """Timestep of a sigma, the inverse of `sigma`: a whole number for every sigma of the table."""
        held = min(max(sigma, self.smallest), self.largest)
        below = min(int(np.searchsorted(self.table, held, side="right")) - 1, self.count - 2)
        low, high = float(self.table[below]), float(self.table[below + 1])
        return below + math.log(held / low) / math.log(high / low)


def betas(spec: NoiseSpec) -> Floats:
    """Variance added at each training timestep, (T,)."""
    if spec.beta_schedule == "given":
        return _given(spec)
    if spec.beta_schedule == "cosine":
        return _cosine(spec.timesteps)
    if spec.beta_schedule == "linear":  # Ho et al. 2020, arXiv:2006.11239, section 4
        return np.linspace(spec.beta_start, spec.beta_end, spec.timesteps)
    # `scaled_linear`: linear in the square root, Rombach et al. 2022, arXiv:2112.10752
    return np.linspace(math.sqrt(spec.beta_start), math.sqrt(spec.beta_end), spec.timesteps) ** 2


def _given(spec: NoiseSpec) -> Floats:
    if spec.betas is None or len(spec.betas) != spec.timesteps:
        raise BundleError(f"the manifest must list {spec.timesteps} betas for the beta schedule `given`")
    return np.array(spec.betas, dtype=np.float64)


def _cosine(timesteps: int) -> Floats:
    """Nichol & Dhariwal 2021 (arXiv:2102.09672), eq. 17 and the limit below it."""
    t = np.arange(timesteps + 1) / timesteps
    abar = np.cos((t + _COSINE_OFFSET) / (1 + _COSINE_OFFSET) * math.pi / 2) ** 2
    return np.asarray(np.minimum(1.0 - abar[1:] / abar[:-1], _LARGEST_BETA))


def zero_terminal_snr(abar: Floats) -> Floats:
    """Shift and scale sqrt(abar) so that the last timestep is pure noise and the first is as it was.

    Lin et al. 2024, "Common diffusion noise schedules and sample steps are flawed" (arXiv:2305.08891), algorithm 1.
    """
    root = np.sqrt(abar)
    shifted = (root - root[-1]) * (root[0] / (root[0] - root[-1]))
    return np.append(shifted[:-1] ** 2, LEAST_ABAR)
