"""The best of several drafts: which are made, which is kept, and what it costs."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest

from retouch.best_of import SURE, Drafts, paint_best, usual
from retouch.errors import Cancelled, UsageError
from retouch.estimate import estimate
from retouch.progress import OnProgress, Progress
from retouch.proof import Proof
from retouch.request import InpaintRequest, given, request_from_data
from retouch.result import InpaintResult
from retouch.samplers import SAMPLERS
from retouch.schedule import run_steps
from retouch.work_area import plan, work_area_of
from retouch_models.bundle import Bundle
from retouch_models.manifest import Manifest
from retouch_models.store import find_bundle

POCKET = find_bundle("pocket").manifest
DOG = InpaintRequest(prompt="a dog", seed=10, best_of=4)


class Painter:
    """Paints nothing, remembers what it was asked for, and reports progress as a run does."""

    def __init__(self) -> None:
        self.asked: list[InpaintRequest] = []

    def __call__(self, request: InpaintRequest, report: OnProgress) -> InpaintResult:
        self.asked.append(request)
        report(Progress(phase="load"))
        steps = given(request.steps) if request.exact_steps else run_steps(given(request.steps), request.strength)
        for step in range(1, steps + 1):
            report(Progress(phase="step", step=step, steps=steps))
        report(Progress(phase="decode"))
        report(Progress(phase="done", region=1))
        proof = Proof(bytes_changed_outside=0, seam_before=0, seam_after=0, drift_db=None, blend="feather")
        return InpaintResult(
            image=np.zeros((8, 8, 3), np.uint8),
            request=request,
            regions=(),
            proof=proof,
            provider="cpu",
            seconds={"steps": float(steps)},
            notes=("a note",),
        )


def by_seed(likeness: Mapping[int, float]) -> Callable[[InpaintResult], float]:
    return lambda result: likeness[result.request.seed]


def resolved(**options: object) -> InpaintRequest:
    return replace(DOG, **options).resolved(with_ranker(POCKET))  # type: ignore[arg-type]


def with_ranker(manifest: Manifest) -> Manifest:
    return replace(manifest, graphs={"ranker": manifest.graphs["unet"], **manifest.graphs})


def best(request: InpaintRequest, likeness: Mapping[int, float]) -> tuple[InpaintResult, list[InpaintRequest]]:
    painter = Painter()
    drafts = Drafts.of(request, POCKET)
    return paint_best(painter, by_seed(likeness), drafts, lambda _: None), painter.asked


def test_the_draft_most_like_the_prompt_is_painted_in_full() -> None:
    full = resolved()
    result, asked = best(full, {10: 0.2, 11: 0.1, 12: 0.8, 13: 0.3})
    assert [request.seed for request in asked] == [10, 11, 12, 13, 12]
    *drafts, final = asked
    assert final == replace(full, seed=12, best_of=1)
    assert result.request == final
    assert all(given(draft.steps) < given(full.steps) for draft in drafts)
    assert {draft.fast_form for draft in drafts} == {"fitted"}
    assert result.notes == ("a note", "of 4 drafts, seed 12 is most like the prompt (80 % sure)")
    assert result.seconds == {"steps": 4 * given(drafts[0].steps) + given(full.steps)}


def test_words_that_the_ranker_does_not_know_are_said_to_be_so() -> None:
    result, _ = best(resolved(), {10: 0.001, 11: 0.004, 12: 0.002, 13: 0.0})
    assert result.request.seed == 11
    note = "none of 4 drafts is like the prompt to the ranker, which may not know the words: kept seed 11"
    assert result.notes == ("a note", note)


def test_drafting_ends_at_one_that_is_surely_right() -> None:
    result, asked = best(resolved(), {10: 0.2, 11: SURE, 12: 1.0, 13: 1.0})
    assert [request.seed for request in asked] == [10, 11, 11]
    assert result.request.seed == 11


def test_a_first_draft_that_is_right_needs_no_words() -> None:
    result, asked = best(resolved(), {10: 0.99})
    assert [request.seed for request in asked] == [10, 10]
    assert result.notes == ("a note",)


def test_the_first_of_equals_is_kept_and_seeds_go_on_from_zero_after_the_largest() -> None:
    result, asked = best(resolved(seed=2**64 - 2), {2**64 - 2: 0.5, 2**64 - 1: 0.5, 0: 0.5, 1: 0.5})
    assert [request.seed for request in asked[:4]] == [2**64 - 2, 2**64 - 1, 0, 1]
    assert result.request.seed == 2**64 - 2


@pytest.mark.parametrize(
    "options", [{"fast": True}, {"sampler": "euler_a"}, {"steps": 5}, {"steps": 2}, {"strength": 0.1}], ids=str
)
def test_drafts_that_cannot_be_rougher_are_the_candidates(options: dict[str, object]) -> None:
    """Fewer steps of a sampler that draws noise lead to another picture, not to a rougher one."""
    full = resolved(**options)
    result, asked = best(full, {10: 0.2, 11: 0.7, 12: 0.1, 13: 0.0})
    assert asked == [replace(full, seed=seed, best_of=1) for seed in (10, 11, 12, 13)]
    assert result.request == asked[1]


def test_drafts_keep_what_decides_the_picture() -> None:
    full = resolved(steps=30, sampler="ddim", schedule="karras", guidance=6.0, strength=0.7, negative_prompt="text")
    rough = Drafts.of(full, POCKET).rough
    assert not SAMPLERS[str(rough.sampler)].stochastic
    changed = {"steps", "sampler", "schedule", "sigmas", "decode", "fast_form", "best_of"}
    for name, value in full.to_data().items():
        assert name in changed or rough.to_data()[name] == value, name


@pytest.mark.parametrize("options", [{}, {"strength": 0.5}, {"strength": 0.5, "exact_steps": True}], ids=str)
def test_progress_is_that_of_the_whole(options: dict[str, object]) -> None:
    told: list[Progress] = []
    full = resolved(**options)
    drafts = Drafts.of(full, POCKET)
    paint_best(Painter(), by_seed({10: 0.2, 11: 0.1, 12: 0.8, 13: 0.3}), drafts, told.append)
    assert [progress.phase for progress in told].count("done") == 1
    assert told[-1].phase == "done"
    steps = [progress for progress in told if progress.phase == "step"]
    assert len(steps) == drafts.steps
    assert {progress.all_steps for progress in steps} == {drafts.steps}
    done = [round(progress.fraction * progress.all_steps) for progress in steps]
    assert done == list(range(1, drafts.steps + 1))
    assert [progress.draft for progress in steps if progress.step == 1] == [1, 2, 3, 4, 0]
    assert {progress.drafts for progress in steps if progress.draft} == {4}


def test_a_cancelled_draft_ends_it_all() -> None:
    def stop(progress: Progress) -> None:
        if progress.draft == 2 and progress.step == 3:
            raise Cancelled

    painter = Painter()
    with pytest.raises(Cancelled):
        paint_best(painter, by_seed({10: 0.1}), Drafts.of(resolved(), POCKET), stop)
    assert len(painter.asked) == 2


def test_nothing_is_compared_with_an_empty_prompt() -> None:
    assert resolved(prompt="  ").best_of == 1


def test_a_model_without_a_ranker_says_what_to_do_instead(tiny: Bundle) -> None:
    with pytest.raises(UsageError, match="--count"):
        DOG.resolved(tiny.manifest)
    assert replace(DOG, prompt="").resolved(tiny.manifest).best_of == 1


@pytest.mark.parametrize("number", [0, -1, 101])
def test_the_number_is_checked(number: int) -> None:
    with pytest.raises(UsageError, match="best-of"):
        InpaintRequest(best_of=number)


def test_the_usual_number_is_the_models_unless_somebody_chooses() -> None:
    manifest = with_ranker(replace(POCKET, defaults=replace(POCKET.defaults, best_of=3)))
    assert usual(manifest, seeded=False) == 3
    assert usual(manifest, seeded=True) == 1
    assert usual(manifest, seeded=False, count=2) == 1
    without = {role: graph for role, graph in manifest.graphs.items() if role != "ranker"}
    assert usual(replace(manifest, graphs=without), seeded=False) == 1


def test_recipes_of_before_mean_one_draft() -> None:
    data = InpaintRequest(prompt="a dog").to_data()
    assert "best_of" not in data
    assert request_from_data(data).best_of == 1
    assert request_from_data(DOG.to_data()) == DOG


def test_all_drafts_are_foretold() -> None:
    mask = np.zeros((256, 256), np.float32)
    mask[64:192, 64:192] = 1
    full = resolved()
    drafts = Drafts.of(full, POCKET)

    def foretold(request: InpaintRequest) -> tuple[int, float]:
        regions = plan(mask, work_area_of(request), POCKET.size)
        cost = estimate(POCKET, request, regions, on_cpu=True, memory=0, speed=100.0)
        assert cost.seconds is not None
        return cost.evaluations, cost.seconds

    whole, rough, final = foretold(full), foretold(drafts.rough), foretold(replace(full, best_of=1))
    assert whole[0] == 4 * rough[0] + final[0]
    assert whole[1] == pytest.approx(4 * rough[1] + final[1])
