"""Laws of the ladder: the first rung that fits, down one at a time when memory runs out, one clear line at the end."""

from collections.abc import Callable

import numpy as np
import pytest

from retouch import memory_plan
from retouch.errors import GenerationError
from retouch.memory_plan import EVERYTHING_OPEN, LADDER, MemoryPlan, from_the_first_that_fits, ladder_of
from retouch.pipeline import Inpainter
from retouch.request import InpaintRequest
from retouch.session import GraphSession
from retouch_models.bundle import Bundle

PICTURE = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
MASK = np.zeros((64, 64), np.float32)
MASK[16:48, 16:48] = 1
REQUEST = InpaintRequest(prompt="a", seed=1, area="picture", work_size=(64, 64))


def need(plan: MemoryPlan) -> float:
    """1000, 500, 250, 125 bytes down the ladder."""
    return 1000.0 / 2 ** LADDER.index(plan)


@pytest.mark.parametrize(
    ("mode", "limit", "rung"),
    [("auto", 1000, 0), ("auto", 999, 1), ("auto", 400, 2), ("auto", 200, 3), ("auto", 1, 3), ("auto", None, 0),
     ("low", 1000, 1), ("low", 300, 2), ("low", 1, 3), ("low", None, 1)],
)  # fmt: skip
def test_the_first_rung_that_fits_is_taken(mode: memory_plan.MemoryMode, limit: float | None, rung: int) -> None:
    assert from_the_first_that_fits(ladder_of(mode), need, limit) == LADDER[rung:]


@pytest.mark.parametrize("mode", ["auto", "low", "high"])
def test_devices_that_cannot_leave_weights_folded_are_not_asked_to(mode: memory_plan.MemoryMode) -> None:
    assert not any(rung.folded for rung in ladder_of(mode, folds=False))
    assert ladder_of(mode)[-1].folded


def test_a_limit_lowers_the_rung(tiny: Bundle) -> None:
    def rung(limit: float | None) -> MemoryPlan:
        engine = Inpainter(tiny, provider="cpu", memory_limit=limit)
        full = REQUEST.resolved(engine.manifest)
        return engine.memory_plans(full, engine.plan(MASK, full))[0]

    assert rung(1e12) == EVERYTHING_OPEN
    assert rung(1.0) == LADDER[-1]


@pytest.mark.parametrize("options", [{}, {"denoising": "differential"}, {"strength": 0.6}, {"guidance": 1.0}], ids=str)
def test_low_memory_gives_the_same_picture_with_one_graph_open(
    tiny: Bundle, options: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    request = InpaintRequest(**{**vars(REQUEST), **options})
    quick = Inpainter(tiny, provider="cpu", memory="high").run(PICTURE, MASK, request).image
    frugal = Inpainter(tiny, provider="cpu", memory="low")
    most, real = 0, GraphSession.__call__

    def counted(self: GraphSession, inputs: object) -> object:
        nonlocal most
        result = real(self, inputs)
        most = max(most, sum(bool(s._sessions) for s in frugal.graphs._known.values()))
        return result

    monkeypatch.setattr(GraphSession, "__call__", counted)
    found = frugal.run(PICTURE, MASK, request).image
    assert most == 1
    assert np.abs(found.astype(int) - quick).max() <= 1  # batches of one and two round differently


def failing(times: int, error: Callable[[], Exception]) -> Callable[..., object]:
    """A session call that fails in the UNet the first `times` times."""
    real, left = GraphSession.__call__, [times]

    def call(self: GraphSession, inputs: object) -> object:
        if self.role == "unet" and left[0] > 0:
            left[0] -= 1
            raise self.failure(error())
        return real(self, inputs)

    return call


class Fail(Exception):
    """What ONNX Runtime raises, to the eye."""


Fail.__module__ = "onnxruntime.capi.onnxruntime_pybind11_state"
ERRORS = [
    MemoryError,
    lambda: Fail("Failed to allocate memory for requested buffer of size 12345"),
    lambda: Fail("CUDA failure 2: out of memory"),
    lambda: RuntimeError("std::bad_alloc"),
]


@pytest.mark.parametrize("error", ERRORS, ids=["python", "arena", "cuda", "bad_alloc"])
@pytest.mark.parametrize("times", [1, 2])
def test_running_out_of_memory_goes_down_a_rung(
    tiny: Bundle, times: int, error: Callable[[], Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Inpainter(tiny, provider="cpu", memory="high")
    expected = Inpainter(tiny, provider="cpu").run(PICTURE, MASK, REQUEST).image
    monkeypatch.setattr(GraphSession, "__call__", failing(times, error))
    found = engine.run(PICTURE, MASK, REQUEST).image
    assert engine.graphs.memory == LADDER[times]
    assert np.abs(found.astype(int) - expected).max() <= 1  # the same seed, drawn again from its start


def test_when_nothing_helps_one_line_says_so(tiny: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Inpainter(tiny, provider="cpu")
    monkeypatch.setattr(GraphSession, "__call__", failing(99, MemoryError))
    with pytest.raises(GenerationError, match="memory") as caught:
        engine.run(PICTURE, MASK, REQUEST)
    assert "\n" not in str(caught.value)
    monkeypatch.undo()
    assert engine.run(PICTURE, MASK, REQUEST).image.shape == PICTURE.shape  # the engine is not broken by it


def test_another_failure_is_not_tried_again(tiny: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Inpainter(tiny, provider="cpu")
    monkeypatch.setattr(GraphSession, "__call__", failing(1, lambda: Fail("device removed")))
    with pytest.raises(GenerationError, match="device removed"):
        engine.run(PICTURE, MASK, REQUEST)
