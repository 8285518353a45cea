"""What the ranker is shown and told, and that the pipeline keeps what it likes best."""

import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from retouch.arrays import RGB, Mask
from retouch.estimate import memory_bytes
from retouch.geometry import Box, Placement, Size
from retouch.memory_plan import LADDER, MemoryPlan
from retouch.pipeline import Inpainter
from retouch.progress import Progress
from retouch.proof import Proof
from retouch.ranking import Ranker, seen_box, sight
from retouch.request import InpaintRequest
from retouch.result import InpaintResult, RegionResult
from retouch.session import Graphs, GraphSession
from retouch_models.bundle import Bundle, open_bundle
from support import tiny_bundle

PROOF = Proof(bytes_changed_outside=0, seam_before=0, seam_after=0, drift_db=None, blend="feather")


@pytest.fixture(scope="module")
def ranked(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return open_bundle(tiny_bundle.build(tmp_path_factory.mktemp("ranked"), ranker=True))


def region(box: Box, mask: Mask) -> RegionResult:
    place = Placement(crop=box, work=Size(64, 64))
    return RegionResult(placement=place, box=box, mask=mask, raw=np.zeros((*mask.shape, 3), np.uint8), proof=PROOF)


def masked(width: int, height: int, box: Box) -> Mask:
    mask = np.zeros((height, width), np.float32)
    mask[box.slices] = 0.3
    return mask


def test_it_sees_a_square_around_the_mask_with_a_margin() -> None:
    one = region(Box(100, 200, 300, 400), masked(200, 200, Box(50, 20, 150, 60)))
    seen = seen_box(one)
    assert (seen.width, seen.height) == (112, 112)
    assert (seen.left + seen.right, seen.top + seen.bottom) == (2 * 200, 2 * 240)


def test_pixels_are_in_0_to_1_channels_first_and_shrunk_by_area() -> None:
    image: RGB = np.zeros((64, 64, 3), np.uint8)
    image[:, ::2, 0] = 255
    image[..., 2] = 51
    seen = sight(image, region(Box(0, 0, 64, 64), masked(64, 64, Box(8, 8, 56, 56))), 16)
    assert seen.shape == (3, 16, 16)
    assert seen.dtype == np.float32
    assert abs(seen[0] - 0.5).max() < 0.2
    assert seen[1].max() == 0
    assert seen[2] == pytest.approx(np.full((16, 16), 0.2))


def test_the_border_goes_on_where_the_square_reaches_beyond_the_picture() -> None:
    image: RGB = np.zeros((20, 60, 3), np.uint8)
    image[0, :, 1], image[-1, :, 0] = 255, 255
    seen = sight(image, region(Box(0, 0, 60, 20), masked(60, 20, Box(0, 0, 60, 20))), 68)
    assert (seen[1, :24] == 1).all()
    assert (seen[0, -24:] == 1).all()
    assert seen[0, :24].max() == 0


def test_a_long_thin_mask_takes_no_memory_of_its_square() -> None:
    image: RGB = np.full((300, 20_000, 3), 90, np.uint8)
    one = region(Box(100, 100, 19_900, 200), masked(19_800, 100, Box(0, 0, 19_800, 100)))
    tracemalloc.start()
    seen = sight(image, one, 64)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seen.shape == (3, 64, 64)
    assert abs(seen - 90 / 255).max() < 0.01
    assert peak < 2 * image.nbytes


def test_a_mask_of_nothing_is_no_trap() -> None:
    seen = sight(np.zeros((9, 9, 3), np.uint8), region(Box(0, 0, 9, 9), np.zeros((9, 9), np.float32)), 16)
    assert seen.shape == (3, 16, 16)


def test_words_count_without_their_weights_and_regions_count_alike(ranked: Bundle) -> None:
    image: RGB = np.zeros((64, 128, 3), np.uint8)
    image[:, :64, 0] = 255
    regions = tuple(region(Box(x, 0, x + 64, 64), masked(64, 64, Box(16, 16, 48, 48))) for x in (0, 64))

    def likeness(prompt: str, *, count: int = 2) -> float:
        with Graphs(ranked, Inpainter(ranked, provider="cpu").device) as graphs:
            return Ranker(graphs)(
                InpaintResult(
                    image=image,
                    request=InpaintRequest(prompt=prompt),
                    regions=regions[:count],
                    proof=PROOF,
                    provider="cpu",
                    seconds={},
                )
            )

    empty = (tiny_bundle.TOKENS - 3) / tiny_bundle.TOKENS
    assert likeness("a", count=1) == pytest.approx((tiny_bundle.TOKENS - 2) / tiny_bundle.TOKENS)
    assert likeness("a c", count=1) == pytest.approx(empty)
    assert likeness("(a:1.4) [c]", count=1) == pytest.approx(empty)
    assert likeness("a c BREAK", count=1) == pytest.approx(empty)
    assert likeness("a c") == pytest.approx(empty / 2)
    assert likeness("a c " * 50, count=1) == pytest.approx(1 / tiny_bundle.TOKENS)


def test_a_run_keeps_the_draft_that_the_ranker_likes(ranked: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny model paints the same at every seed, so the seeds are told apart by what the ranker says."""
    said = iter([0.1, 0.7, 0.3])
    asked: list[int] = []

    def rank(_self: Ranker, result: InpaintResult) -> float:
        asked.append(result.request.seed)
        return next(said)

    monkeypatch.setattr(Ranker, "__call__", rank)
    mask = np.zeros((64, 64), np.float32)
    mask[24:40, 24:40] = 1
    told: list[Progress] = []
    with_drafts = InpaintRequest(prompt="a", seed=5, best_of=3)
    engine = Inpainter(ranked, provider="cpu")
    result = engine.run(np.zeros((64, 64, 3), np.uint8), mask, with_drafts, told.append)
    assert asked == [5, 6, 7]
    assert (result.request.seed, result.request.best_of) == (6, 1)
    assert told[-1].fraction == 1
    again = engine.run(np.zeros((64, 64, 3), np.uint8), mask, result.request)
    assert np.array_equal(again.image, result.image)


def test_it_is_closed_while_pictures_are_painted(ranked: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, open_ones = Inpainter(ranked, provider="cpu"), list[set[str]]()
    call = GraphSession.__call__

    def seen(self: GraphSession, inputs: object) -> object:
        found = call(self, inputs)  # type: ignore[arg-type]
        open_ones.append({role for role, session in engine.graphs._known.items() if session._sessions})
        return found

    monkeypatch.setattr(GraphSession, "__call__", seen)
    mask = np.ones((64, 64), np.float32)
    engine.run(np.zeros((64, 64, 3), np.uint8), mask, InpaintRequest(prompt="a", seed=1, best_of=2))
    assert [roles for roles in open_ones if "ranker" in roles] == [{"unet", "vae_encoder", "vae_decoder", "ranker"}] * 2


@pytest.mark.parametrize("provider", ["cpu", "openvino"])
def test_only_a_large_ranker_needs_more_memory(ranked: Bundle, provider: str) -> None:
    """It is open while nothing is decoded."""
    manifest, mask = ranked.manifest, np.ones((64, 64), np.float32)
    weights = {"text_encoder": 10**6, "unet": 10**8, "vae_encoder": 10**7, "vae_decoder": 10**7}
    graphs = {role: replace(manifest.graphs[role], parameters=count) for role, count in weights.items()}
    request = InpaintRequest(prompt="a").resolved(manifest)
    regions = Inpainter(ranked, provider="cpu").plan(mask, request)

    def needed(plan: MemoryPlan, parameters: int | None) -> float:
        own = {} if parameters is None else {"ranker": replace(manifest.graphs["ranker"], parameters=parameters)}
        return memory_bytes(replace(manifest, graphs=graphs | own), request, regions, plan, provider=provider)

    for plan in LADDER[:2]:
        without = needed(plan, None)
        assert needed(plan, 10**5) == pytest.approx(without, rel=1e-2)
        assert without + 1e9 < needed(plan, 10**9)
    assert needed(LADDER[0], 10**9) - needed(LADDER[1], 10**9) > 4 * 10**8  # beside the open UNet


def test_a_ranker_that_is_damaged_is_an_error_that_names_the_cure(tmp_path: Path) -> None:
    folder = tiny_bundle.build(tmp_path / "broken", ranker=True)
    size = (folder / "ranker.onnx").stat().st_size
    (folder / "ranker.onnx").write_bytes(bytes(size))
    mask = np.ones((64, 64), np.float32)
    engine = Inpainter(open_bundle(folder), provider="cpu")
    with pytest.raises(Exception, match="retouch models verify"):
        engine.run(np.zeros((64, 64, 3), np.uint8), mask, InpaintRequest(prompt="a", best_of=2))
