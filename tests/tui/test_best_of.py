"""The best of several drafts in the editor: what its options mean, what the run says, and which seed is kept."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from retouch.arrays import RGB, Mask
from retouch.errors import UsageError
from retouch.geometry import Size
from retouch.ranking import Ranker
from retouch.result import InpaintResult
from retouch_tui.engine import Draft, OnStage, OnStep, Outcome, StepReport, draft_from_data
from retouch_tui.fields import field_named
from retouch_tui.history import Entry
from retouch_tui.job import Event
from retouch_tui.retouch_engine import RetouchEngine, _card
from retouch_tui.session import SessionFolder
from retouch_tui.widgets.run_line import RunLine
from retouch_tui.workspace import Workspace
from support.tiny_bundle import build
from tui_support.engine import StandIn
from tui_support.pictures import landscape
from tui_support.runner import AtOnce

MASK = np.zeros((64, 96), np.float32)
MASK[20:40, 30:60] = 1


@pytest.fixture
def model(tmp_path: Path) -> str:
    return str(build(tmp_path / "ranked", ranker=True, best_of=3))


@pytest.fixture
def draft(model: str) -> Draft:
    return Draft(model=model, provider="cpu").with_request(prompt="a", seed=7, steps=12)


@pytest.fixture
def liked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Seeds that were ranked; the second is liked best."""
    found: list[int] = []

    def rank(_self: Ranker, result: InpaintResult) -> float:
        found.append(result.request.seed)
        return 0.6 if len(found) == 2 else 0.2

    monkeypatch.setattr(Ranker, "__call__", rank)
    return found


def generate(draft: Draft) -> tuple[dict[str, object], list[StepReport | str]]:
    """What is kept with the result, and all that was told on the way: steps, and stages in words."""
    told: list[StepReport | str] = []
    picture = np.full((64, 96, 3), 90, np.uint8)
    outcome = RetouchEngine().generate(picture, MASK, draft, told.append, told.append)
    return outcome.recipe, told


def test_drafts_are_made_where_nobody_chose_a_seed(draft: Draft, liked: list[int]) -> None:
    recipe, told = generate(draft)
    steps = [one for one in told if isinstance(one, StepReport)]
    assert liked == [7, 8, 9]
    assert recipe["seed"] == 8
    assert "of 3 drafts, seed 8" in str(recipe["notes"])
    assert [report.step for report in steps] == list(range(1, steps[0].steps + 1))
    assert list(dict.fromkeys(report.what for report in steps)) == [*(f"draft {n} of 3" for n in (1, 2, 3)), ""]
    assert told[-1] == "drawing the result"
    assert told.count("drawing the result") == 1, "drafts are not the result"


@pytest.mark.parametrize("changes", [{"seed_locked": True}, {"candidates": 2}, {"best_of": 1}], ids=str)
def test_none_are_made_where_somebody_chose(changes: dict[str, object], draft: Draft, liked: list[int]) -> None:
    recipe, _ = generate(replace(draft, **changes))  # type: ignore[arg-type]
    assert (liked, recipe["seed"]) == ([], 7)


def test_what_is_asked_for_wins(draft: Draft, liked: list[int]) -> None:
    generate(replace(draft, best_of=2, seed_locked=True))
    assert liked == [7, 8]


def test_a_model_that_cannot_tell_says_so_before_the_run(tmp_path: Path) -> None:
    plain = Draft(model=str(build(tmp_path / "plain")), provider="cpu", best_of=4).with_request(prompt="a")
    with pytest.raises(UsageError, match="no ranker"):
        RetouchEngine().plan(Size(96, 64), MASK, plain)
    RetouchEngine().plan(Size(96, 64), MASK, replace(plain, best_of=None))


def test_the_option_is_kept_and_read(draft: Draft) -> None:
    field = field_named("best_of")
    assert field.read("") is None
    assert field.changed(draft, field.read("4")).best_of == 4
    with pytest.raises(UsageError, match="1 to 64"):
        field.read("0")
    for number in (None, 5):
        assert draft_from_data(replace(draft, best_of=number).to_data()).best_of == number
    old = draft.to_data()
    del old["best_of"]
    assert draft_from_data(old).best_of is None


def test_an_empty_option_says_what_it_comes_to(model: str, tmp_path: Path) -> None:
    engine = RetouchEngine()
    words = field_named("best_of").automatic
    assert words is not None
    assert words(_card(model), Draft()) == "up to 3"
    pocket = next(iter(engine.models()))
    assert words(pocket, Draft()) == "1"
    assert words(_card(model), Draft(seed_locked=True)) == "1"
    assert words(_card(model), Draft(candidates=2)) == "1"
    assert words(_card(str(build(tmp_path / "plain"))), Draft()) == "1"


def test_the_line_names_the_draft() -> None:
    line = RunLine()
    line.show(Event(kind="step", step=3, steps=27, seconds=1, text="draft 1 of 3"))
    assert "draft 1 of 3 · step 3/27" in str(line.render())


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    space = Workspace(SessionFolder(tmp_path / "session"), AtOnce(KeepsThird()))
    space.open(landscape(), "")
    grown = space.document.mask.copy()
    grown[10:30, 10:30] = 255
    space.document.replace_mask(grown, "test", ("+ rect 10,10 20x20",))
    return space


class KeepsThird(StandIn):
    """Keeps the third of its drafts where the seed is free."""

    def generate(
        self, picture: RGB, mask: Mask, draft: Draft, on_step: OnStep, on_stage: OnStage, expression: str = ""
    ) -> Outcome:
        kept = draft if draft.seed_locked else draft.with_request(seed=draft.request.seed + 2)
        return super().generate(picture, mask, kept, on_step, on_stage, expression)


def entry_of_a_run(workspace: Workspace) -> Entry:
    workspace.generate()
    (made,) = [entry for _, entry in workspace.progress() if entry is not None]
    return made


def test_the_seed_that_was_kept_is_shown_and_locking_it_gives_the_picture_again(workspace: Workspace) -> None:
    first = entry_of_a_run(workspace)
    assert first.seed == workspace.draft.request.seed
    workspace.draft = replace(workspace.draft, seed_locked=True)
    again = entry_of_a_run(workspace)
    assert again.seed == first.seed
    pictures = workspace.history.pictures
    np.testing.assert_array_equal(pictures.get(first.key), pictures.get(again.key))


def test_reusing_a_result_leaves_nothing_to_be_drafted_again(workspace: Workspace) -> None:
    workspace.draft = replace(workspace.draft, best_of=3)
    first = entry_of_a_run(workspace)
    draft = workspace.reuse(first.key)
    assert (draft.request.seed, draft.seed_locked, draft.best_of) == (first.seed, True, None)


def test_drafts_of_several_candidates_have_seeds_of_their_own(workspace: Workspace) -> None:
    workspace.draft = replace(workspace.draft, candidates=3, best_of=4, seed_locked=True).with_request(seed=100)
    workspace.generate()
    seeds = [entry.seed for _, entry in workspace.progress() if entry is not None]
    assert seeds == [100, 104, 108]
