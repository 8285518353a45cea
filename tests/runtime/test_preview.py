"""Laws of previews: the decoder where it is cheap, never at the cost of the run, and a linear map everywhere else."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from retouch import vae
from retouch.arrays import RGB
from retouch.errors import BundleError, GenerationError
from retouch.estimate import ACTIVATIONS, memory_bytes
from retouch.memory_plan import LADDER
from retouch.pipeline import Inpainter
from retouch.preview import ROLE, SHARE, PreviewKind, shrink_of
from retouch.progress import Progress
from retouch.request import InpaintRequest
from retouch.result import InpaintResult
from retouch.session import GraphSession
from retouch_models.bundle import Bundle, open_bundle
from retouch_models.manifest import Manifest, TensorSpec
from support import tiny_bundle

PICTURE = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
MASK = np.zeros((64, 96), np.float32)
MASK[16:48, 16:48] = 1
REQUEST = InpaintRequest(prompt="a", seed=1, steps=3, area="0,0 96x64", work_size=(96, 64), sampler="euler")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return open_bundle(tiny_bundle.build(tmp_path_factory.mktemp("models") / "seen", preview=True, name="seen"))


def working(manifest: Manifest, unet: float | None, decoder: float | None) -> Manifest:
    """The same model with this work of its graphs, in GFLOP."""
    work = {"unet": unet, ROLE: decoder}
    return replace(manifest, graphs={r: replace(g, gflop=work.get(r)) for r, g in manifest.graphs.items()})


def shown(engine: Inpainter) -> tuple[list[RGB], InpaintResult]:
    """The previews of a run, and its result."""
    found: list[RGB] = []

    def look(progress: Progress) -> None:
        if progress.phase == "step":
            preview = progress.preview()
            assert preview is not None
            found.append(preview)

    return found, engine.run(PICTURE, MASK, REQUEST, look)


def test_the_decoder_shows_the_picture_at_full_size(bundle: Bundle) -> None:
    previews, result = shown(Inpainter(bundle, provider="cpu"))
    assert [p.shape for p in previews] == [PICTURE.shape] * 3
    assert_array_equal(previews[-1], result.regions[0].raw)  # the tiny VAE and its preview decoder are one


def test_at_half_size_it_shows_the_means_of_two_by_two_cells(bundle: Bundle) -> None:
    halved = replace(bundle, manifest=working(bundle.manifest, 10.0, 5.0))
    previews, result = shown(Inpainter(halved, provider="cpu"))
    raw = result.regions[0].raw.astype(float)
    means = raw.reshape(4, 16, 6, 16, 3).mean((1, 3))
    found = previews[-1].reshape(4, 8, 6, 8, 3).mean((1, 3))
    assert previews[-1].shape == (32, 48, 3)
    assert np.abs(found - means).max() <= 1  # whole levels, before and after the mean


@pytest.mark.parametrize(
    ("unet", "decoder", "kind", "shrink"),
    [
        (800.0, 141.0, "auto", 1),
        (800.0, 161.0, "auto", 2),
        (800.0, 641.0, "auto", None),
        (None, 141.0, "auto", 1),
        (800.0, None, "auto", 1),
        (1.0, 141.0, "decoder", 1),
        (800.0, 1.0, "linear", None),
    ],
    ids=["a tenth", "more", "far more", "unknown step", "unknown decoder", "asked for", "not wanted"],
)
def test_its_work_decides(
    bundle: Bundle, unet: float | None, decoder: float | None, kind: PreviewKind, shrink: int | None
) -> None:
    assert shrink_of(working(bundle.manifest, unet, decoder), kind) == shrink


def test_a_step_without_guidance_is_half_the_work(bundle: Bundle) -> None:
    manifest = working(bundle.manifest, 100.0, 2 * 100.0 * SHARE)
    unguided = replace(manifest, defaults=replace(manifest.defaults, guidance=1.0))
    assert (shrink_of(manifest, "auto"), shrink_of(unguided, "auto")) == (1, 2)


def test_a_decoder_of_one_size_is_never_halved(bundle: Bundle) -> None:
    manifest = working(bundle.manifest, 10.0, 5.0)
    fixed = (TensorSpec(name="latents", dtype="float32", shape=("batch", 4, 8, 8)),)
    graphs = {**manifest.graphs, ROLE: replace(manifest.graphs[ROLE], inputs=fixed)}
    assert shrink_of(replace(manifest, graphs=graphs), "auto") is None


@pytest.mark.parametrize("how", ["linear", "low memory", "no decoder"])
def test_without_the_decoder_cells_are_shown(bundle: Bundle, tiny: Bundle, how: str) -> None:
    opened = {
        "linear": lambda: Inpainter(bundle, provider="cpu", preview="linear"),
        "low memory": lambda: Inpainter(bundle, provider="cpu", memory="low"),
        "no decoder": lambda: Inpainter(tiny, provider="cpu"),
    }
    engine = opened[how]()
    previews, _ = shown(engine)
    assert [p.shape for p in previews] == [(8, 12, 3)] * 3
    assert ROLE not in engine.graphs._known


def test_it_opens_at_the_first_look_and_closes_with_the_others(bundle: Bundle) -> None:
    engine = Inpainter(bundle, provider="cpu")
    engine.run(PICTURE, MASK, REQUEST)
    assert ROLE not in engine.graphs._known
    shown(engine)
    assert engine.graphs._known[ROLE]._sessions
    engine.graphs.use(LADDER[1])
    assert not engine.graphs._known[ROLE]._sessions


FAILURES: dict[str, Callable[[], Exception]] = {
    "does not open": lambda: BundleError("preview_decoder.onnx does not load"),
    "fails": lambda: GenerationError("the preview_decoder failed"),
    "memory": MemoryError,
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_decoder_that_fails_costs_previews_and_nothing_else(
    bundle: Bundle, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = Inpainter(bundle, provider="cpu").run(PICTURE, MASK, REQUEST).image
    real, tries = GraphSession.__call__, []

    def call(self: GraphSession, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        if self.role == ROLE:
            tries.append(1)
            raise FAILURES[name]()
        return real(self, inputs)

    monkeypatch.setattr(GraphSession, "__call__", call)
    previews, result = shown(Inpainter(bundle, provider="cpu"))
    assert [p.shape for p in previews] == [(8, 12, 3)] * 3
    assert len(tries) == 1  # not tried again at every step
    assert_array_equal(result.image, expected)
    assert [n for n in result.notes if n.startswith("previews are rough, the preview decoder does not work")]


def test_damaged_bytes_are_a_failure_like_any(bundle: Bundle, tmp_path: Path) -> None:
    folder = tiny_bundle.build(tmp_path / "damaged", preview=True)
    size = (folder / "preview_decoder.onnx").stat().st_size
    (folder / "preview_decoder.onnx").write_bytes(bytes(size))
    previews, result = shown(Inpainter(open_bundle(folder), provider="cpu"))
    assert previews[-1].shape == (8, 12, 3)
    assert any("preview_decoder.onnx does not load" in note for note in result.notes)


def test_latents_that_are_no_numbers_reach_no_decoder(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Inpainter(bundle, provider="cpu")
    monkeypatch.setattr(vae, "preview", lambda latents, spec: np.zeros((1, 1, 3), np.uint8))
    assert engine._previewer(np.full((1, 4, 8, 8), np.nan, np.float32)).shape == (1, 1, 3)
    assert ROLE not in engine.graphs._known


def test_its_memory_is_counted_where_it_may_be_open(bundle: Bundle, tiny: Bundle) -> None:
    def sized(manifest: Manifest) -> Manifest:
        own = {"unet": 10_000, ROLE: int(ACTIVATIONS[ROLE][1])}
        return replace(manifest, graphs={r: replace(g, parameters=own.get(r, 0)) for r, g in manifest.graphs.items()})

    with_it, without = sized(bundle.manifest), sized(tiny.manifest)
    regions = Inpainter(tiny, provider="cpu").plan(MASK, REQUEST)
    request = REQUEST.resolved(without)
    more = memory_bytes(with_it, request, regions) - memory_bytes(without, request, regions)
    # Its weights in fp32 and what it computes with; the scratch memory of the small UNet, which it hides, is a percent.
    assert more == pytest.approx(4 * ACTIVATIONS[ROLE][1] + ACTIVATIONS[ROLE][0] * 96 * 64, rel=0.02)
    assert memory_bytes(with_it, request, regions, LADDER[1]) == memory_bytes(without, request, regions, LADDER[1])
