"""Runs of diffusers' schedulers and k-diffusion's samplers on any denoiser; needs the export extra.

Only `tests/export` and the scripts that make goldens import this.
"""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import diffusers
import numpy as np
import torch

from retouch.noise_levels import NoiseLevels
from retouch_models.manifest import NoiseSpec

POCKET = NoiseSpec(prediction="v", spacing="trailing", final_sigma_zero=True)
"""The noise of the bundled model."""

CONFIG = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "v_prediction",
    "timestep_spacing": "trailing",
}
"""The same for diffusers."""

SCHEDULERS: dict[str, tuple[str, dict]] = {
    "ddim": ("DDIMScheduler", {"clip_sample": False, "set_alpha_to_one": True}),
    "euler": ("EulerDiscreteScheduler", {}),
    "euler_a": ("EulerAncestralDiscreteScheduler", {}),
    "heun": ("HeunDiscreteScheduler", {}),
    "dpm2": ("KDPM2DiscreteScheduler", {}),
    "dpmpp_2m": ("DPMSolverMultistepScheduler", {"final_sigmas_type": "zero"}),
    "dpmpp_2m_sde": (
        "DPMSolverMultistepScheduler",
        {"final_sigmas_type": "zero", "algorithm_type": "sde-dpmsolver++"},
    ),
    "lms": ("LMSDiscreteScheduler", {}),
    "unipc": ("UniPCMultistepScheduler", {"final_sigmas_type": "zero"}),
    "lcm": ("LCMScheduler", {}),
}
"""Our name: diffusers' class and the options in which it is the same method."""

EXPLODING = {"euler", "euler_a", "heun", "dpm2", "lms"}
"""Schedulers of diffusers whose sample is x0 + sigma * noise; the others' is that over sqrt(1 + sigma^2)."""


def run_diffusers(name: str, denoise: Callable, x: np.ndarray, steps: int, seed: int) -> np.ndarray:
    """Walk x, variance-exploding at the first level, with diffusers' scheduler; noise from a CPU generator.

    `lms` stops one level above 0: diffusers extrapolates to 0, where the product returns the denoised latents.
    """
    kind, options = SCHEDULERS[name]
    scheduler = getattr(diffusers, kind)(**{**CONFIG, **options})
    scheduler.set_timesteps(steps)
    levels = NoiseLevels.from_spec(POCKET)
    generator = torch.Generator().manual_seed(seed)
    first = levels.sigma(float(scheduler.timesteps[0]))
    sample = torch.from_numpy(x if name in EXPLODING else x / np.float32(np.hypot(1, first)))
    stochastic = {"generator": generator} if name in {"euler_a", "dpmpp_2m_sde", "lcm"} else {}
    for timestep in scheduler.timesteps[: -1 if name == "lms" else None]:
        sigma = levels.sigma(float(timestep))
        root = np.hypot(1, sigma)
        exploding = scheduler.scale_model_input(sample, timestep) * root
        denoised = torch.from_numpy(denoise(exploding.numpy().astype(np.float32), sigma))
        v = (exploding / root**2 - denoised) * (root / sigma)
        sample = scheduler.step(v, timestep, sample, **stochastic).prev_sample
    return sample.numpy()


def load_k_diffusion() -> ModuleType:
    """Import k_diffusion.sampling alone: the package's own __init__ needs training libraries."""
    if "k_diffusion.sampling" in sys.modules:
        return sys.modules["k_diffusion.sampling"]
    spec = importlib.util.find_spec("k_diffusion")
    if spec is None or spec.origin is None:
        raise ImportError("k-diffusion is not installed; see tests/golden/samplers/README.md")
    package, utils = ModuleType("k_diffusion"), ModuleType("k_diffusion.utils")
    package.__path__ = [str(Path(spec.origin).parent)]
    utils.append_dims = lambda t, ndim: t[(...,) + (None,) * (ndim - t.ndim)]  # type: ignore[attr-defined]
    package.utils = utils  # type: ignore[attr-defined]
    sys.modules.update({"k_diffusion": package, "k_diffusion.utils": utils})
    return importlib.import_module("k_diffusion.sampling")


K_DIFFUSION = {
    "euler": "sample_euler",
    "euler_a": "sample_euler_ancestral",
    "heun": "sample_heun",
    "dpm2": "sample_dpm_2",
    "dpm2_a": "sample_dpm_2_ancestral",
    "lms": "sample_lms",
    "dpmpp_2s_a": "sample_dpmpp_2s_ancestral",
    "dpmpp_2m": "sample_dpmpp_2m",
    "dpmpp_2m_sde": "sample_dpmpp_2m_sde",
    "dpmpp_sde": "sample_dpmpp_sde",
}
"""Our name: k-diffusion's function."""


def run_k_diffusion(name: str, denoise: Callable, x: np.ndarray, sigmas: np.ndarray, noise: Callable) -> np.ndarray:
    """Walk x down the sigmas with k-diffusion; `noise` is drawn once per part of the Brownian path, in order."""
    sampling = load_k_diffusion()

    def model(x, sigma):
        return torch.from_numpy(denoise(x.numpy().astype(np.float32), float(sigma[0])))

    path = _BrownianPath(noise)
    options: dict = {"disable": True}
    if name not in {"euler", "heun", "dpm2", "lms", "dpmpp_2m"}:
        options["noise_sampler"] = path.halves if name == "dpmpp_sde" else path.whole
    if name == "dpmpp_2m_sde":
        options["solver_type"] = "midpoint"
    walk = getattr(sampling, K_DIFFUSION[name])
    return walk(model, torch.from_numpy(x), torch.from_numpy(sigmas), **options).numpy()


class _BrownianPath:
    """Normalised increments of a Brownian path over sigma, from independent draws."""

    def __init__(self, noise: Callable) -> None:
        self._noise = noise
        self._first: tuple | None = None

    def whole(self, _sigma, _sigma_next):
        return torch.from_numpy(self._noise())

    def halves(self, sigma, sigma_next):
        """Asked for a step's first part, then for the whole step from the same sigma."""
        if self._first is None:
            upper, lower = self._noise(), self._noise()
            self._first = (upper, lower, float(sigma_next))
            return torch.from_numpy(upper)
        upper, lower, middle = self._first
        self._first = None
        share = (float(sigma) - middle) / (float(sigma) - float(sigma_next))
        return torch.from_numpy((np.sqrt(share) * upper + np.sqrt(1 - share) * lower).astype(np.float32))
