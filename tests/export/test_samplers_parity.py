"""The product's samplers beside diffusers' on the UNet of the bundled model, from the same noise.

The network is the bundled graph. Where RETOUCH_POCKET_CHECKPOINT names the model's folder in diffusers' layout, the
comparison is also made with the float32 network in PyTorch.
"""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from support.diffusion_problems import final

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")
import onnxruntime  # noqa: E402

from retouch.noise import gaussian  # noqa: E402
from retouch.samplers import SAMPLERS  # noqa: E402
from retouch.schedule import NoiseLevels, sigmas, start  # noqa: E402
from retouch_models.bundle import open_bundle  # noqa: E402
from support.reference_samplers import POCKET, SCHEDULERS, run_diffusers  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore")]  # of PyTorch and diffusers

BUNDLE = Path(__file__).parents[2] / "models/retouch_models/bundled/pocket"
CHECKPOINT = os.environ.get("RETOUCH_POCKET_CHECKPOINT")
LEVELS = NoiseLevels.from_spec(POCKET)
SHAPE = (1, 4, 32, 32)
STEPS = {"lcm": 4, "heun": 8, "dpm2": 8}

Network = Callable[[np.ndarray, float], np.ndarray]
"""(scaled latents with mask and masked picture, timestep) -> v."""


def graph(role: str) -> onnxruntime.InferenceSession:
    """A graph of the bundled model."""
    return onnxruntime.InferenceSession(BUNDLE / f"{role}.onnx", providers=["CPUExecutionProvider"])


def bundled_network(context: np.ndarray) -> Network:
    """The graph that ships."""
    session = graph("unet")

    def run(sample, timestep):
        inputs = {"sample": sample, "timestep": np.float32([timestep]), "encoder_hidden_states": context}
        return session.run(None, inputs)[0]

    return run


def torch_network(context: np.ndarray) -> Network:
    """The trained network in float32."""
    unet = diffusers.UNet2DConditionModel.from_pretrained(CHECKPOINT, subfolder="unet", torch_dtype=torch.float32)

    @torch.no_grad()
    def run(sample, timestep):
        return unet(torch.from_numpy(sample), timestep, torch.from_numpy(context)).sample.numpy()

    return run


NETWORKS = [
    pytest.param(bundled_network, id="bundled"),
    pytest.param(
        torch_network,
        id="float32",
        marks=pytest.mark.skipif(CHECKPOINT is None, reason="RETOUCH_POCKET_CHECKPOINT names no checkpoint"),
    ),
]


@pytest.fixture(scope="module", params=NETWORKS)
def denoise(request):
    """(x, sigma) -> denoised for a wholly masked picture and a prompt of the training's kind."""
    spec = open_bundle(BUNDLE).manifest.text.tokenizers[0]
    ids = np.full((1, spec.tokens), spec.pad, np.int64)
    ids[0, :6] = [spec.bos, 300, 700, 1100, 1500, spec.eos]
    network = request.param(graph("text_encoder").run(None, {"input_ids": ids})[0])
    grey = graph("vae_encoder").run(None, {"image": np.zeros((1, 3, 256, 256), np.float32)})[0]
    beside = np.concatenate([np.ones((1, 1, 32, 32), np.float32), grey], axis=1)

    def run(x, sigma):
        root = np.hypot(1, sigma)
        sample = np.concatenate([x / np.float32(root), beside], axis=1)
        v = network(sample, LEVELS.timestep(sigma))
        return x * np.float32(root**-2) - v * np.float32(sigma / root)

    return run


@pytest.mark.parametrize("name", SCHEDULERS)
def test_final_latents_are_those_of_diffusers(name, denoise, record_property):
    if name == "lms":
        pytest.importorskip("scipy")  # diffusers needs it for this one
    steps = STEPS.get(name, 10)
    walk = sigmas(LEVELS, "lcm" if name == "lcm" else "model", steps)
    walk = walk[:-1] if name == "lms" else walk
    x, stream = start(walk, gaussian("torch-cpu", 0)(SHAPE)), gaussian("torch-cpu", 7)
    ours = final(SAMPLERS[name](denoise, x, walk, lambda: stream(SHAPE))).x
    theirs = run_diffusers(name, denoise, x, steps, seed=7)
    off = np.linalg.norm(ours - theirs) / np.linalg.norm(theirs)
    record_property("relative_distance", f"{off:.1e}")
    assert off < 1e-3  # what was promised; float32 rounding is enlarged by the network, 1e-5 is usual
    assert np.abs(ours - theirs).max() < 0.01  # the latents' own spread is 1
