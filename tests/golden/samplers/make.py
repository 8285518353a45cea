"""Record what diffusers and k-diffusion make of fixed problems; see README.md beside this file."""

import json
import sys
from pathlib import Path

import diffusers
import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))

from retouch.noise import gaussian  # noqa: E402
from retouch.schedule import NoiseLevels, sigmas, start  # noqa: E402
from support.diffusion_problems import two_peaks  # noqa: E402
from support.reference_samplers import (  # noqa: E402
    CONFIG,
    K_DIFFUSION,
    POCKET,
    SCHEDULERS,
    run_diffusers,
    run_k_diffusion,
)

SHAPE = (1, 4, 8, 8)
STEPS = {"lcm": 4}
COUNTS = [1, 2, 4, 7, 12, 15, 20, 30, 50, 100, 150, 333]


def walks() -> dict[str, np.ndarray]:
    """Last latents of every sampler on the two-peaked problem, from the same noise."""
    levels, found = NoiseLevels.from_spec(POCKET), {}
    for name in SCHEDULERS:
        steps = STEPS.get(name, 20)
        walk = sigmas(levels, "lcm" if name == "lcm" else "model", steps)
        x = start(walk, gaussian("torch-cpu", 0)(SHAPE))
        found[f"diffusers/{name}"] = run_diffusers(name, two_peaks, x, steps, seed=7)
    for name in K_DIFFUSION:
        walk = sigmas(levels, "karras", 20)
        walk = walk[:-1] if name == "lms" else walk
        x, stream = start(walk, gaussian("torch-cpu", 0)(SHAPE)), gaussian("torch-cpu", 7)
        drawn = run_k_diffusion(name, two_peaks, x, walk, lambda stream=stream: stream(SHAPE))
        found[f"k-diffusion/{name}"] = drawn.astype(np.float32)
    return found


def timesteps() -> dict[str, dict[str, list[int]]]:
    """Timesteps of DDIMScheduler in each spacing and of LCMScheduler, by the number of steps."""
    found: dict[str, dict[str, list[int]]] = {}
    for spacing in ("leading", "trailing", "linspace"):
        scheduler = diffusers.DDIMScheduler(**{**CONFIG, "timestep_spacing": spacing}, steps_offset=1)
        found[spacing] = {}
        for count in COUNTS:
            scheduler.set_timesteps(count)
            found[spacing][str(count)] = scheduler.timesteps.tolist()
    lcm = diffusers.LCMScheduler(**CONFIG)
    found["lcm"] = {}
    for count in (1, 2, 4, 7, 8, 12, 50):
        lcm.set_timesteps(count)
        found["lcm"][str(count)] = lcm.timesteps.tolist()
    return found


def tables() -> dict[str, list[float]]:
    """Every 111th training sigma of EulerDiscreteScheduler, by kind of betas."""
    kinds = {
        "scaled_linear": {},
        "linear": {"beta_schedule": "linear", "beta_start": 0.0001, "beta_end": 0.02},
        "cosine": {"beta_schedule": "squaredcos_cap_v2"},
        "zero_terminal_snr": {"rescale_betas_zero_snr": True},
    }
    found = {}
    for kind, options in kinds.items():
        scheduler = diffusers.EulerDiscreteScheduler(**{**CONFIG, **options})
        abar = scheduler.alphas_cumprod.numpy().astype(np.float64)
        found[kind] = np.sqrt((1 - abar) / abar)[::111].tolist()
    return found


def spaced() -> dict[str, list[float]]:
    """Sigmas of EulerDiscreteScheduler in its karras and exponential forms, 12 steps."""
    found = {}
    for kind in ("karras", "exponential"):
        scheduler = diffusers.EulerDiscreteScheduler(
            **{**CONFIG, "timestep_spacing": "linspace"}, **{f"use_{kind}_sigmas": True}
        )
        scheduler.set_timesteps(1000)  # all of them, so that the ends are the model's own
        low, high = scheduler.sigmas[-2].item(), scheduler.sigmas[0].item()
        convert = getattr(scheduler, f"_convert_to_{kind}")
        found[kind] = [float(s) for s in convert(np.array([high, low]), num_inference_steps=12)]
    return found


if __name__ == "__main__":
    np.savez_compressed(HERE / "walks.npz", **walks())
    facts = {"timesteps": timesteps(), "tables": tables(), "spaced": spaced()}
    (HERE / "schedules.json").write_text(json.dumps(facts, separators=(",", ":")) + "\n")
