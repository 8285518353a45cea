"""`--best-of` by the command line: when drafts are made without being asked for, which seeds they have, what is told.

The tiny model paints one picture at every seed, so a ranker stands in that likes the seed named in `liked`.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retouch.cli import main
from retouch.ranking import Ranker
from retouch.result import InpaintResult
from support.tiny_bundle import build

MASK = "rect 40,30 50x40"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return build(tmp_path / "ranked", ranker=True, best_of=3)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(np.full((110, 150, 3), 120, np.uint8)).save(path)
    return path


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Seeds of the drafts that were ranked; the second of each three is liked best."""
    found: list[int] = []

    def rank(_self: Ranker, result: InpaintResult) -> float:
        found.append(result.request.seed)
        return 0.6 if len(found) % 3 == 2 else 0.2

    monkeypatch.setattr(Ranker, "__call__", rank)
    return found


def request_in(path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    capsys.readouterr()
    main(["show-recipe", "--json", str(path)])
    request: dict[str, object] = json.loads(capsys.readouterr().out)["request"]
    return request


Run = Callable[..., int]


@pytest.fixture
def inpaint(model: Path, photo: Path, tmp_path: Path) -> Run:
    def run(*more: str) -> int:
        common = ("--model", str(model), "--provider", "cpu", "-o", str(tmp_path / "out.png"), "--force")
        return main(["inpaint", str(photo), "--mask", MASK, *common, *more])

    return run


def test_without_a_seed_the_models_own_number_of_drafts_is_made_and_the_recipe_names_the_one(
    inpaint: Run, seen: list[int], photo: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.png"
    assert inpaint("--prompt", "a") == 0
    told = capsys.readouterr().err
    assert len(seen) == 3
    assert seen == [seen[0], seen[0] + 1, seen[0] + 2]
    assert f"of 3 drafts, seed {seen[1]} is most like the prompt (60 % sure)" in told
    assert f"seed {seen[1]}, bytes changed outside 0" in told
    stored = request_in(out, capsys)
    assert (stored["seed"], stored.get("best_of", 1)) == (seen[1], 1)
    assert main(["replay", str(out), "--from", str(photo), "--model", str(model), "-q"]) == 0
    assert capsys.readouterr().out.strip() == "identical, byte for byte"
    again = ("--recipe", str(out), "--model", str(model), "-o", str(tmp_path / "again.png"))
    assert main(["inpaint", str(photo), *again]) == 0
    assert len(seen) == 3, "a recipe names its picture"


@pytest.mark.parametrize(
    "options", [("--prompt", ""), ("--prompt", "a", "--seed", "4"), ("--prompt", "a", "--best-of", "1")], ids=str
)
def test_nothing_is_drafted_where_there_is_nothing_to_choose(
    options: tuple[str, ...], inpaint: Run, seen: list[int]
) -> None:
    assert inpaint(*options) == 0
    assert seen == []


def test_several_candidates_are_not_drafted_unless_it_is_asked_for(inpaint: Run, seen: list[int]) -> None:
    assert inpaint("--prompt", "a", "--count", "2") == 0
    assert seen == []
    assert inpaint("--prompt", "a", "--count", "2", "--best-of", "3", "--seed", "10") == 0
    assert seen == [10, 11, 12, 13, 14, 15], "no draft of one candidate is another's"


def test_progress_names_the_draft(inpaint: Run, seen: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    assert inpaint("--prompt", "a", "--steps", "20", "--json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    steps = [line for line in lines if line.get("phase") == "step"]
    assert {line["drafts"] for line in steps if "drafts" in line} == {3}
    assert [line.get("draft") for line in steps if line["step"] == 1] == [1, 2, 3, None]
    assert len(seen) == 3


def test_a_plan_says_what_the_drafts_may_cost(inpaint: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert inpaint("--prompt", "a", "--plan") == 0
    told = capsys.readouterr().out
    assert "drafts: at most 3" in told
    assert inpaint("--prompt", "a", "--seed", "3", "--plan") == 0
    assert "drafts" not in capsys.readouterr().out


def test_generate_and_batch_draft_too(
    model: Path, photo: Path, tmp_path: Path, seen: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    common = ("--model", str(model), "--provider", "cpu", "--prompt", "a")
    assert main(["generate", *common, "--size", "64x64", "-o", str(tmp_path / "new.png")]) == 0
    assert len(seen) == 3
    folder = tmp_path / "pictures"
    folder.mkdir()
    photo.rename(folder / "photo.png")
    assert main(["batch", str(folder), *common, "--masks", MASK, "-o", str(tmp_path / "done")]) == 0
    assert len(seen) == 6
    report = json.loads((tmp_path / "done" / "report.jsonl").read_text().splitlines()[0])
    assert report["seeds"] == [seen[4]]
    assert request_in(tmp_path / "done" / "photo.png", capsys)["seed"] == seen[4]


def test_a_model_without_a_ranker_is_refused_in_words(
    tiny_folder: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ("--mask", MASK, "--provider", "cpu", "--prompt", "a", "-o", str(tmp_path / "out.png"))
    assert main(["inpaint", str(photo), "--model", str(tiny_folder), *common, "--best-of", "3"]) != 0
    assert "no ranker" in capsys.readouterr().err
    assert not (tmp_path / "out.png").exists()
    assert main(["inpaint", str(photo), "--model", str(tiny_folder), *common]) == 0


def test_a_fix_list_tells_the_seed_that_was_kept(
    model: Path, photo: Path, tmp_path: Path, seen: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    plan, out = tmp_path / "plan.toml", tmp_path / "fixed.png"
    plan.write_text('[[region]]\nmask = "rect 40,30 50x40"\nprompt = "a"\nseed = 5\ncount = 2\nbest_of = 3\n')
    words = ["fix", str(photo), str(plan), "--model", str(model), "--provider", "cpu", "-o", str(out), "--json"]
    for _ in range(2):
        assert main([*words, "--force"]) == 0
        lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
        assert [line["seed"] for line in lines if "candidate" in line] == [6, 9], "also where they were made before"
    assert seen == [5, 6, 7, 8, 9, 10]
