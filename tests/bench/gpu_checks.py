"""What must hold on a GPU beside speed: accuracy, recordings, sizes in turns, nothing left to the processor."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from gpu_engines import GUIDANCE, PROMPT, SEED
from gpu_model import open_form, scene

STEP_ERROR = 5e-3
"""Largest relative error of one evaluation in half precision against float32."""
ALIKE_DB = 40.0
"""Least likeness of whole pictures by two ways to run the same graphs."""


def checks(folder: Path, device: str, side: int) -> Iterator[tuple[bool, str]]:
    """Yield (passed, what was found), one after the other."""
    for plain in (True, False):
        error = evaluation_error(folder, device, side, plain=plain)
        limit = STEP_ERROR if device.startswith("cuda") else 1e-4
        form = "plain" if plain else "fused and cut"
        yield error <= limit, f"{form} graphs: one evaluation against float32, relative error {error:.1e} (<= {limit})"
    yield from _recording(folder, device, side)
    yield from _sizes(folder, device, side)


def evaluation_error(folder: Path, device: str, side: int, *, plain: bool) -> float:
    """Relative error, as a norm, of one evaluation of both prompts on the device against float32 on the processor."""
    from retouch.denoiser import Inputs
    from retouch.guidance import Guidance
    from retouch.loop import HostLoop
    from retouch.noise_levels import NoiseLevels
    from retouch.providers import Device, parse_device
    from retouch.session import Graphs

    rng, bundle = np.random.default_rng(0), open_form(folder, plain=plain)
    levels, latent = NoiseLevels.from_spec(bundle.manifest.noise), bundle.manifest.latent
    cells = side // latent.factor
    tokens = bundle.manifest.text.tokenizers[0].tokens
    context = rng.normal(size=(2, tokens, bundle.manifest.text.width)).astype(np.float32)
    masked = rng.normal(size=(1, 1 + latent.channels, cells, cells)).astype(np.float32)
    sigma = 3.0
    x = (rng.normal(size=(1, latent.channels, cells, cells)) * sigma).astype(np.float32)
    inputs = Inputs(context, {}, masked)
    guidance = Guidance(scale=1.001)  # both prompts run, and what guidance would amplify stays out
    walk = np.array([sigma, 0.0])

    def on(where: Device, *, in_memory: bool) -> np.ndarray:
        with Graphs(bundle, where) as graphs:
            if in_memory:
                from retouch.device.loop import DeviceLoop

                loop = DeviceLoop(graphs, levels)
                return loop.host(loop.denoiser(inputs, guidance, walk)(loop.place(x), sigma))
            return HostLoop(graphs, levels).denoiser(inputs, guidance, walk)(x, sigma)

    expected = on(Device("cpu"), in_memory=False)
    found = on(parse_device(device), in_memory=True)
    moved, wanted = (found - x).astype(np.float64), (expected - x).astype(np.float64)
    error = float(np.linalg.norm(moved - wanted) / np.linalg.norm(wanted))
    return error if np.isfinite(error) else float("inf")


def _recording(folder: Path, device: str, side: int) -> Iterator[tuple[bool, str]]:
    """Replays give what runs without a recording give, for a second prompt too, which goes into the same buffers."""
    pictures = {}
    for setting in ("off", "on"):
        os.environ["RETOUCH_CUDA_GRAPH"] = setting
        draw, engine = _drawing(folder, device)
        pictures[setting] = [draw(prompt, side, side) for prompt in (PROMPT, PROMPT, "blue")]
        if setting == "on" and device.startswith("cuda"):
            buckets = engine.graphs["unet"].buckets._kept.values()
            notes = [note for note in engine.graphs.notes if "record" in note]
            yield all(bucket.recorded for bucket in buckets), f"steps are recorded as CUDA graphs {notes or ''}"
        if setting == "on":
            left = [note for note in engine.graphs.notes if "does not take" in note]
            yield not left, f"every heavy operator runs on {device} {left or ''}"
        engine.close()
    for name, a, b in zip(("first", "second", "other prompt"), pictures["off"], pictures["on"], strict=True):
        likeness = psnr(a, b)
        yield likeness >= ALIKE_DB, f"{name}: with and without recording {likeness:.1f} dB (>= {ALIKE_DB})"
    differs = psnr(pictures["on"][0], pictures["on"][2])
    yield differs < np.inf, f"another prompt gives another picture ({differs:.1f} dB)"


def _sizes(folder: Path, device: str, side: int) -> Iterator[tuple[bool, str]]:
    """Two sizes in turns cost what each costs alone, once both were seen."""
    os.environ.pop("RETOUCH_CUDA_GRAPH", None)
    draw, engine = _drawing(folder, device)
    sizes = [(side, side), (side * 3 // 2, side)]

    def seconds(order: list[tuple[int, int]]) -> float:
        start = time.perf_counter()
        for width, height in order:
            draw(PROMPT, width, height)
        return time.perf_counter() - start

    for size in sizes * 2:
        seconds([size])
    apart = seconds([sizes[0]] * 3 + [sizes[1]] * 3)
    in_turns = seconds(sizes * 3)
    engine.close()
    yield in_turns < 1.5 * apart, f"two sizes in turns cost {in_turns / apart:.2f} of one after the other (< 1.5)"


def _drawing(folder: Path, device: str) -> tuple[Callable[[str, int, int], np.ndarray], "object"]:
    from retouch.pipeline import Inpainter
    from retouch.request import InpaintRequest

    engine = Inpainter(open_form(folder, plain=False), provider=device, memory="high")

    def draw(prompt: str, width: int, height: int) -> np.ndarray:
        image, mask = scene(width)
        request = InpaintRequest(
            prompt=prompt, seed=SEED, steps=6, guidance=GUIDANCE, sampler="dpmpp_2m", area="picture",
            work_size=(width, height),
        )  # fmt: skip
        return np.asarray(engine.run(image[:height], mask[:height], request).image)

    return draw, engine


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Likeness of two pictures, decibels."""
    error = float(np.square(a.astype(float) - b).mean())
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))
