"""The guided part of a run and the fast preset: what each costs in calls of the UNet, and that recipes keep it."""

import argparse

import numpy as np
import pytest

from retouch.commands._options import FAST, add_sampling_options, request_from
from retouch.errors import UsageError
from retouch.pipeline import Inpainter
from retouch.request import InpaintRequest, request_from_data
from retouch.session import GraphSession
from retouch_models.bundle import Bundle


def batches(bundle: Bundle, request: InpaintRequest, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Batch of every call of the UNet in a run."""
    seen: list[int] = []
    real = GraphSession.__call__

    def call(self: GraphSession, inputs: dict[str, np.ndarray]) -> object:
        if self.role == "unet":
            seen.append(len(inputs["sample"]))
        return real(self, inputs)

    monkeypatch.setattr(GraphSession, "__call__", call)
    mask = np.zeros((64, 64), np.float32)
    mask[16:48, 16:48] = 1
    Inpainter(bundle, provider="cpu", memory="high").run(np.zeros((64, 64, 3), np.uint8), mask, request)
    return seen


@pytest.mark.parametrize(
    ("interval", "expected"),
    [(None, [2] * 6), ((0.0, 1.0), [2] * 6), ((0.0, 0.5), [2, 2, 2, 1, 1, 1]), ((0.5, 1.0), [1, 1, 1, 2, 2, 2]),
     ((1 / 3, 2 / 3), [1, 1, 2, 2, 1, 1]), ((0.0, 0.0), [1] * 6)],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("sampler", ["ddim", "dpmpp_2m"])
def test_guidance_acts_in_its_part_of_the_steps_only(
    interval: tuple[float, float] | None,
    expected: list[int],
    sampler: str,
    tiny: Bundle,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request = InpaintRequest(prompt="a", steps=6, guidance=3.0, sampler=sampler, guidance_interval=interval)
    assert batches(tiny, request, monkeypatch) == expected


@pytest.mark.parametrize("interval", [(0.6, 0.4), (-0.1, 1.0), (0.0, 1.1), (float("nan"), 1.0)], ids=str)
def test_odd_intervals_are_refused(interval: tuple[float, float]) -> None:
    with pytest.raises(UsageError, match="guidance-interval"):
        InpaintRequest(guidance_interval=interval)


def parsed(*words: str) -> InpaintRequest:
    parser = argparse.ArgumentParser()
    add_sampling_options(parser)
    return request_from(parser.parse_args(list(words)))


def test_fast_sets_what_is_not_given_and_recipes_hold_the_values() -> None:
    fast = parsed("--fast")
    assert {name: getattr(fast, name) for name in FAST} == FAST
    assert parsed("--fast", "--steps", "9").steps == 9
    assert parsed("--guidance-interval", "0.1,0.9").guidance_interval == (0.1, 0.9)
    assert parsed().guidance_interval is None
    assert request_from_data(fast.to_data()) == fast


def test_fast_costs_less_than_half_of_the_bundled_models_default(tiny: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sum(batches(tiny, InpaintRequest(prompt="a", guidance=3.0, **FAST), monkeypatch)) < 2 * 15 / 2
