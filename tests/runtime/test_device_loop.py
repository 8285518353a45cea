"""Laws of the loop on a device, on the processor's memory: it gives what the loop on the host gives."""

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from retouch.arrays import Latents
from retouch.denoise.differential import differential
from retouch.denoise.keep_known import keep_known
from retouch.denoiser import Inputs
from retouch.device.loop import DeviceLoop
from retouch.guidance import Guidance
from retouch.loop import HostLoop, Loop
from retouch.memory_plan import LADDER
from retouch.noise_levels import NoiseLevels
from retouch.providers import Device
from retouch.samplers import SAMPLERS, Denoise
from retouch.schedule import sigmas, start
from retouch.session import Graphs
from retouch_models.bundle import Bundle
from retouch_models.manifest import Prediction
from support import lively_bundle
from support.tiny_bundle import TOKENS, WIDTH

SHAPE = (1, 4, 8, 8)
RNG = np.random.default_rng(3)
CONTEXT = RNG.normal(size=(2, TOKENS, WIDTH)).astype(np.float32)
FIRST, KNOWN = (RNG.normal(size=SHAPE).astype(np.float32) for _ in range(2))
MASKED = np.concatenate([np.ones((1, 1, 8, 8)), RNG.normal(size=SHAPE)], axis=1).astype(np.float32)
SOFT_MASK = np.linspace(0, 1, 64, dtype=np.float32).reshape(1, 1, 8, 8)
HARD_MASK = (SOFT_MASK > 0.5).astype(np.float32)
STEPS = 6

ROUNDING = 3e-6
"""Of the largest value. The host rounds to float32 after each operation of a sampler, the device once per sum: a unit
in the last place, 6e-8, for each of some ten operations in six steps. The worst pair found differs by 1e-6."""
HALF_ROUNDING = 4e-3
"""With fp16 in the UNet: an input at the border of two fp16 values may go either way, 5e-4 each step."""

GUIDANCE = {
    "none": Guidance(scale=1.0),
    "plain": Guidance(scale=5.0),
    "rescale": Guidance(scale=5.0, rescale=0.7),
    "interval": Guidance(scale=5.0, interval=(0.5, 5.0)),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Bundle]:
    """Bundles by their options, each made once."""

    @cache
    def make(prediction: Prediction = "epsilon", **options: object) -> Bundle:
        folder: Path = tmp_path_factory.mktemp("models") / "lively"
        return lively_bundle.build(folder, prediction=prediction, **options)  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="module")
def pair(made: Callable[..., Bundle]) -> Callable[..., tuple[Graphs, HostLoop, DeviceLoop]]:
    """Both loops on the processor, by the bundle's options."""

    @cache
    def make(**options: object) -> tuple[Graphs, HostLoop, DeviceLoop]:
        graphs = Graphs(made(**options), Device("cpu"), threads=1)
        levels = NoiseLevels.from_spec(graphs.bundle.manifest.noise)
        return graphs, HostLoop(graphs, levels), DeviceLoop(graphs, levels)

    return make


def walked(
    graphs: Graphs,
    loop: Loop,
    sampler: str = "dpmpp_2m",
    guidance: Guidance = GUIDANCE["plain"],
    wrap: Callable[[Callable[[], Denoise], Loop], Denoise] = lambda build, loop: build(),
    extra: dict[str, np.ndarray] | None = None,
) -> tuple[Latents, list[Latents]]:
    """Final latents and what the model took the clean ones for at each step."""
    manifest = graphs.bundle.manifest
    walk = sigmas(NoiseLevels.from_spec(manifest.noise), "model", STEPS)
    context = CONTEXT[1:] if guidance.scale == 1 else CONTEXT
    masked = MASKED if manifest.conditioning.masked_picture else None
    extra = {name: values[-len(context) :] for name, values in (extra or {}).items()}
    denoise = wrap(lambda: loop.denoiser(Inputs(context, extra, masked), guidance, walk), loop)
    rng = np.random.default_rng(9)
    x, seen = start(walk, loop.place(FIRST)), []
    for step in SAMPLERS[sampler](denoise, x, walk, lambda: loop.place(rng.normal(size=SHAPE).astype(np.float32))):
        x = step.x
        seen.append(loop.host(step.denoised))
    return loop.host(x), seen


def assert_alike(graphs: Graphs, host: Loop, device: Loop, rounding: float = ROUNDING, **how: object) -> None:
    """Both loops give the same final latents and the same estimates on the way."""
    (expected, wanted), (found, given) = (walked(graphs, loop, **how) for loop in (host, device))  # type: ignore[arg-type]
    assert found.dtype == expected.dtype == np.float32
    assert np.abs(expected - FIRST).max() > 0.1  # the model did something
    for a, b in zip([expected, *wanted], [found, *given], strict=True):
        assert_allclose(b, a, rtol=0, atol=rounding * max(1.0, float(np.abs(a).max())))


@pytest.mark.parametrize("ordinary", [False, True], ids=["9 channels", "4 channels, known kept"])
@pytest.mark.parametrize("guidance", GUIDANCE)
@pytest.mark.parametrize("prediction", ["epsilon", "v", "sample"])
@pytest.mark.parametrize("sampler", list(SAMPLERS))
def test_the_device_gives_what_the_host_gives(
    sampler: str,
    prediction: Prediction,
    guidance: str,
    ordinary: bool,
    pair: Callable[..., tuple[Graphs, HostLoop, DeviceLoop]],
) -> None:
    graphs, host, device = pair(prediction=prediction, ordinary=ordinary)

    def keep(build: Callable[[], Denoise], loop: Loop) -> Denoise:
        return keep_known(build(), loop.place(KNOWN), HARD_MASK, loop.place(FIRST)) if ordinary else build()

    assert_alike(graphs, host, device, sampler=sampler, guidance=GUIDANCE[guidance], wrap=keep)


def soft(build: Callable[[], Denoise], loop: Loop) -> Denoise:
    return keep_known(build(), loop.place(KNOWN), SOFT_MASK, loop.place(FIRST))


def graded(build: Callable[[], Denoise], loop: Loop, graphs: Graphs) -> Denoise:
    walk = sigmas(NoiseLevels.from_spec(graphs.bundle.manifest.noise), "model", STEPS)
    return differential(lambda _: build(), loop.place(KNOWN), SOFT_MASK, walk, loop.place(FIRST))


@pytest.mark.parametrize("ordinary", [False, True], ids=["9 channels", "4 channels"])
@pytest.mark.parametrize("kind", ["soft mask", "differential"])
def test_masks_between_0_and_1_act_alike(
    kind: str, ordinary: bool, pair: Callable[..., tuple[Graphs, HostLoop, DeviceLoop]]
) -> None:
    graphs, host, device = pair(ordinary=ordinary)
    assert_alike(graphs, host, device, wrap=soft if kind == "soft mask" else partial(graded, graphs=graphs))


def test_where_the_mask_is_0_the_known_latents_come_back_exactly(
    pair: Callable[..., tuple[Graphs, HostLoop, DeviceLoop]],
) -> None:
    graphs, _, device = pair(ordinary=True)

    def keep(build: Callable[[], Denoise], loop: Loop) -> Denoise:
        return keep_known(build(), loop.place(KNOWN), HARD_MASK, loop.place(FIRST))

    final, _ = walked(graphs, device, wrap=keep)
    kept = np.broadcast_to(HARD_MASK == 0, SHAPE)
    assert_array_equal(final[kept], KNOWN[kept])


@pytest.mark.parametrize("guidance", ["none", "plain", "interval"])
@pytest.mark.parametrize("prediction", ["epsilon", "v", "sample"])
@pytest.mark.parametrize("sampler", ["lcm"])
def test_where_the_order_of_operations_is_the_same_the_bytes_are(
    sampler: str, prediction: Prediction, guidance: str, pair: Callable[..., tuple[Graphs, HostLoop, DeviceLoop]]
) -> None:
    """An evaluation and `lcm`, denoised + sigma · noise, round in the same places; `rescale` sums elsewhere."""
    graphs, host, device = pair(prediction=prediction)
    (expected, wanted), (found, given) = (walked(graphs, loop, sampler, GUIDANCE[guidance]) for loop in (host, device))
    for a, b in zip([expected, *wanted], [found, *given], strict=True):
        assert_array_equal(b, a)


@pytest.mark.parametrize("with_extra", [False, True], ids=["no further input", "time_ids"])
@pytest.mark.parametrize("half", [False, True], ids=["fp32", "fp16"])
@pytest.mark.parametrize("guidance", GUIDANCE)
def test_a_split_unet_gives_what_the_whole_one_gives(
    guidance: str, half: bool, with_extra: bool, pair: Callable[..., tuple[Graphs, HostLoop, DeviceLoop]]
) -> None:
    extra = {"time_ids": np.arange(12, dtype=np.float32).reshape(2, 6)} if with_extra else {}
    whole, host, device = pair(half=half, with_extra=with_extra)
    cut, cut_host, cut_device = pair(half=half, with_extra=with_extra, split_for="cpu")
    assert [t.name for t in cut["unet"].spec.inputs] == ["sample", "time", "text.0"]
    how = {"sampler": "heun", "guidance": GUIDANCE[guidance], "extra": extra}
    rounding = HALF_ROUNDING if half else ROUNDING
    assert_alike(whole, host, device, rounding, **how)
    assert_alike(cut, cut_host, cut_device, rounding, **how)
    expected, _ = walked(whole, host, **how)  # type: ignore[arg-type]
    found, _ = walked(cut, cut_host, **how)  # type: ignore[arg-type]
    assert_allclose(found, expected, rtol=0, atol=rounding * np.abs(expected).max())


@pytest.mark.parametrize("guidance", ["plain", "rescale", "interval"])
@pytest.mark.parametrize("split_for", ["", "cpu"], ids=["whole", "split"])
def test_two_calls_give_what_a_batch_of_two_gives(guidance: str, split_for: str, made: Callable[..., Bundle]) -> None:
    found = []
    for plan in LADDER[:2]:
        graphs = Graphs(made(split_for=split_for), Device("cpu"), threads=1)
        graphs.use(plan)
        loop = DeviceLoop(graphs, NoiseLevels.from_spec(graphs.bundle.manifest.noise))
        found.append(walked(graphs, loop, guidance=GUIDANCE[guidance])[0])
    assert_allclose(found[1], found[0], rtol=0, atol=ROUNDING * np.abs(found[0]).max())
