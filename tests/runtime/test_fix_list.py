"""Fix lists: what may stand in one, where mistakes are, and what is made anew when a choice changes."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from PIL import Image

from retouch.arrays import RGB, Mask
from retouch.errors import PictureError, UsageError
from retouch.fix_choices import STATE
from retouch.fix_list import FixList, parse_fix_list
from retouch.fix_run import Candidate, Fixed, FixRun
from retouch.image_io import load_picture
from retouch.picture import Picture
from retouch.pipeline import Inpainter
from retouch.recipe import ModelFact, Recipe
from retouch.recipe_text import recipe_texts
from retouch.request import InpaintRequest
from retouch.result import InpaintResult
from retouch_models.bundle import Bundle
from support import pictures

LIST = """\
[defaults]
steps = 2
guidance = 1.5

[[region]]
name = "left"
mask = "rect 4,4 20x20"
prompt = "red"
seed = 11

[[region]]
mask = "rect 40,4 20x20"
prompt = "owl"
count = 2
seed = 5
steps = 3

[[region]]
mask = "rect 10,40 30x20"
prompt = "sky"
seed = 9
"""
MASKS = ("4,4 20x20", "40,4 20x20", "10,40 30x20")

RunOf = Callable[[str], FixRun]


class Seeded(Inpainter):
    """Paints the seed into the red channel: the tiny model alone gives every seed the same picture."""

    def run(self, image: RGB, mask: Mask, request: InpaintRequest, *more: Any, **named: Any) -> InpaintResult:
        result = super().run(image, mask, request, *more, **named)
        picture = result.image.copy()
        picture[mask > 0, 0] = request.seed % 256
        return replace(result, image=picture)


@pytest.fixture(scope="module")
def engine(tiny: Bundle) -> Iterator[Inpainter]:
    opened = Seeded(tiny, provider="cpu", threads=1)
    yield opened
    opened.close()


@pytest.fixture
def run_of(engine: Inpainter, tmp_path: Path) -> RunOf:
    """Builds the run of a list, always on the same picture and in the same folder."""
    picture = Picture(pixels=pictures.rgb(72, 72))

    def build(text: str) -> FixRun:
        fixes = parse_fix_list(text, tmp_path, "plan.toml")
        return FixRun(
            engine=engine,
            picture=picture,
            fixes=fixes,
            folder=tmp_path / "work",
            texts=lambda edit, *_: recipe_texts(Recipe(request=edit.result.request, model=ModelFact(name="tiny"))),
        )

    return build


def ran(run: FixRun) -> tuple[Fixed, list[Candidate]]:
    told: list[Candidate] = []
    return run.run(on_candidate=told.append), told


def parsed(text: str) -> FixList:
    return parse_fix_list(text, Path(), "plan.toml")


def test_defaults_reach_every_region_and_each_may_say_otherwise() -> None:
    fixes = parsed(LIST)
    assert [r.number for r in fixes.regions] == [1, 2, 3]
    assert [r.line for r in fixes.regions] == [5, 11, 18]
    assert [r.request.steps for r in fixes.regions] == [2, 3, 2]
    assert [r.request.prompt for r in fixes.regions] == ["red", "owl", "sky"]
    assert [r.count for r in fixes.regions] == [1, 2, 1]
    assert fixes[1].title == "region 1 (left)"


def test_the_example_of_the_page_is_a_list() -> None:
    page = (Path(__file__).parents[2] / "docs" / "fix-lists.md").read_text(encoding="utf-8")
    fixes = parsed(page.partition("```toml\n")[2].partition("```")[0])
    assert [(r.count, r.take, r.request.steps) for r in fixes.regions] == [(3, 2, 20), (1, 1, 20)]


def test_options_may_be_written_as_on_the_command_line() -> None:
    (region,) = parsed('[[region]]\nmask="all"\nnegative-prompt="text"\nwork-size=[64, 32]\n').regions
    assert region.request.negative_prompt == "text"
    assert region.request.work_size == (64, 32)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no regions"),
        ("[[region]\nmask=1", "line 1"),
        ('mask = "all"', "starts with a line"),
        ("[[region]]\n", "line 1, region 1 has no mask"),
        (
            '\n[[region]]\nmask = "all"\nstrenght = 0.5',
            "line 2, region 1: 'strenght' is unknown. Did you mean 'strength'",
        ),
        ('[[region]]\nmask="all"\n[[region]]\nmask="all"\nstrength=2', "line 3, region 2: --strength must be"),
        ('[[region]]\nmask="all"\nsteps="many"', "steps must be a whole number"),
        ('[[region]]\nmask="circle 3"', "region 1: mask, column 1"),
        ('[[region]]\nmask="nothing.here"', "neither a file nor a mask expression"),
        ("[[region]]\nmask=3", "mask must be text"),
        ('[[region]]\nmask="all"\ncount=0', "count must be"),
        ('[[region]]\nmask="all"\ncount=2\ntake=3', "candidates 1 to 2"),
        ("[defaults]\nmask='all'\n[[region]]\nmask='all'", r"\[defaults\]: 'mask' is unknown"),
        ("region = 3", "no regions"),
        ("region = [1]", "must be a table"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        parsed(text)


KEYS = st.sampled_from(
    ["mask", "prompt", "strength", "steps", "count", "take", "seed", "blend", "work_size", "nonsense"]
)
VALUES = st.one_of(
    st.integers(-3, 300).map(str),
    st.floats(allow_nan=False, allow_infinity=False, width=16).map(str),
    st.sampled_from(['"all"', '"rect 1,1 5x5"', "[64, 64]", "true", "{}", '"', "inf", "nan"]),
    st.text("abc ()[]|", max_size=8).map(json.dumps),
)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(KEYS, VALUES), max_size=5), st.text(max_size=10))
def test_any_text_is_a_list_or_a_usage_error(lines: list[tuple[str, str]], tail: str) -> None:
    text = "[[region]]\n" + "\n".join(f"{key} = {value}" for key, value in lines) + "\n# " + tail
    try:
        fixes = parsed(text)
    except UsageError:
        return
    assert 1 <= fixes[1].take <= fixes[1].count


def test_regions_are_mended_one_after_another_and_the_rest_is_untouched(run_of: RunOf) -> None:
    run = run_of(LIST)
    fixed, told = ran(run)
    assert [(c.region.number, c.number, c.seed, c.taken) for c in told] == [
        (1, 1, 11, True),
        (2, 1, 5, True),
        (2, 2, 6, False),
        (3, 1, 9, True),
    ]
    before, after = run.picture.pixels, fixed.picture.pixels
    outside = np.ones((72, 72), bool)
    for text in MASKS:
        (x, y), (w, h) = (map(int, part.split(sign)) for part, sign in zip(text.split(), ",x", strict=True))
        outside[y : y + h, x : x + w] = False
        assert (after[y : y + h, x : x + w] != before[y : y + h, x : x + w]).any()
    assert_array_equal(after[outside], before[outside])
    assert [step.request.prompt for step in fixed.steps] == ["red", "owl", "sky"]


def test_an_interrupted_run_goes_on_where_it_stopped(run_of: RunOf) -> None:
    def stop(candidate: Candidate) -> None:
        if candidate.region.number == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_of(LIST).run(on_candidate=stop)
    resumed, told = ran(run_of(LIST))
    assert [c.reused for c in told] == [True, True, False, False]
    fresh = run_of(LIST)
    fresh.folder = fresh.folder.with_name("fresh")
    assert_array_equal(resumed.picture.pixels, ran(fresh)[0].picture.pixels)


def test_another_candidate_makes_only_what_comes_after_it_anew(run_of: RunOf) -> None:
    ran(run_of(LIST))
    run = run_of(LIST)
    run.take(2, 2)
    fixed, told = ran(run)
    assert [c.reused for c in told] == [True, True, True, False]
    assert [c.number for c in told if c.taken] == [1, 2, 1]
    assert fixed.steps[1].request.seed == 6
    again, told = ran(run_of(LIST))
    assert all(c.reused for c in told)
    assert_array_equal(again.picture.pixels, fixed.picture.pixels)


def test_a_retry_has_new_seeds_and_keeps_the_old_files(run_of: RunOf) -> None:
    _, first = ran(run_of(LIST))
    run = run_of(LIST)
    run.retry(2)
    _, told = ran(run)
    assert [c.seed for c in told] == [11, 7, 8, 9]
    assert all(c.path.exists() for c in first)


def test_a_skipped_region_stays_as_it_was_until_it_is_taken(run_of: RunOf) -> None:
    run = run_of(LIST)
    run.skip(2)
    fixed, told = ran(run)
    assert [c.region.number for c in told] == [1, 3]
    assert_array_equal(fixed.picture.pixels[4:24, 40:60], run.picture.pixels[4:24, 40:60])
    assert [c.region.number for c in ran(run_of(LIST))[1]] == [1, 3]
    run = run_of(LIST)
    run.take(2, 1)
    assert [c.region.number for c in ran(run)[1]] == [1, 2, 2, 3]


def test_an_edited_list_makes_the_edited_region_and_those_after_it_anew(run_of: RunOf) -> None:
    ran(run_of(LIST))
    _, told = ran(run_of(LIST.replace('"owl"', '"cat"')))
    assert [c.reused for c in told] == [True, False, False, False]
    _, told = ran(run_of(LIST.replace("count = 2", "count = 2\ntake = 2")))
    assert [c.number for c in told if c.taken] == [1, 2, 1], "the list was edited, so it counts again"


def test_a_drawn_seed_is_remembered(run_of: RunOf) -> None:
    text = '[[region]]\nmask = "rect 4,4 20x20"\n[defaults]\nsteps = 1\n'
    seeds = {ran(run_of(text))[1][0].seed for _ in range(2)}
    assert len(seeds) == 1


def test_masks_are_drawn_on_the_picture_as_it_came(run_of: RunOf) -> None:
    run = run_of(LIST)
    colour = "#{:02x}{:02x}{:02x}".format(*run.picture.pixels[10, 10])
    text = LIST + f'\n[[region]]\nmask = "color {colour} 0"\nseed = 1\n'
    fixed, _ = ran(run_of(text))
    assert (fixed.picture.pixels[10, 10] != run.picture.pixels[10, 10]).any()


def test_files_of_masks_are_looked_for_beside_the_list(run_of: RunOf, tmp_path: Path) -> None:
    grey = np.zeros((72, 72), np.uint8)
    grey[4:24, 4:24] = 255
    Image.fromarray(grey).save(tmp_path / "my mask.png")
    one = ran(run_of('[[region]]\nmask = "my mask.png"\nseed = 1\nsteps = 1'))[0]
    two = ran(run_of('[[region]]\nmask = "rect 4,4 20x20"\nseed = 1\nsteps = 1'))[0]
    assert_array_equal(one.picture.pixels, two.picture.pixels)


@pytest.mark.parametrize(
    ("region", "kind", "told"),
    [
        ('mask = "rect 500,500 5x5"', PictureError, "line 1, region 1: the mask is empty"),
        ('mask = "lost.png"', PictureError, "lost.png"),
        ('mask = "all"\nsampler = "eulr"', UsageError, "line 1, region 1: unknown sampler 'eulr'"),
        ('mask = "all"\nprompt = "a cat)"', UsageError, "line 1, region 1: prompt, character"),
    ],
    ids=["empty", "lost", "sampler", "prompt"],
)
def test_what_is_wrong_is_found_before_anything_runs(
    region: str, kind: type[Exception], told: str, run_of: RunOf, tmp_path: Path
) -> None:
    with pytest.raises(kind, match=told):
        run_of(f"[[region]]\n{region}\n{LIST[LIST.index('[[region]]') :]}")
    assert not (tmp_path / "work").exists()


def test_choices_outside_the_list_are_refused(run_of: RunOf) -> None:
    run = run_of(LIST)
    with pytest.raises(UsageError, match="1 to 3"):
        run.skip(4)
    with pytest.raises(UsageError, match="1 to 2"):
        run.take(2, 3)
    with pytest.raises(UsageError, match="1 to 3"):
        run.retry(0)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"choices": {"1": {"seed": "x"}}}', '{"choices": {"x": {}}}'])
def test_damaged_choices_are_told(text: str, run_of: RunOf, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / STATE).write_text(text)
    with pytest.raises(UsageError, match=r"state\.json is damaged"):
        run_of(LIST)


def test_the_choices_are_json_that_people_can_read(run_of: RunOf, tmp_path: Path) -> None:
    ran(run_of(LIST))
    data = json.loads((tmp_path / "work" / STATE).read_text())
    assert data["choices"]["2"]["seed"] == 5
    names = {p.name for p in (tmp_path / "work").iterdir()}
    assert len(names) == 5, "four candidates and the choices; nothing half-written"
    assert load_picture(next((tmp_path / "work").glob("region-1-*.png"))).size == (72, 72)
