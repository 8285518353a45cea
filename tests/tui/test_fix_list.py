"""Every flaw of the fix list has options of its own, keeps them, and travels to `retouch fix` and back."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from textual.widgets import DataTable, Input

from retouch.errors import OutputError, UsageError
from retouch.fix_list import load_fix_list
from retouch.picture import Picture
from retouch_tui.engine import Draft
from retouch_tui.fix_file import read_fix_file, write_fix_file
from retouch_tui.fixlist import FixList, own_options
from retouch_tui.screens.fixes import FixScreen, own_words
from retouch_tui.session import SessionFolder
from retouch_tui.workspace import Workspace
from tui_support.app import make_app
from tui_support.journey import drag, ready, until
from tui_support.pictures import landscape
from tui_support.runner import AtOnce

COMMON = Draft().with_request(steps=20, strength=0.9, seed=4)


def listed(*boxes: tuple[int, int, int, int]) -> FixList:
    """A list with a flaw for each box, on a picture of 96x64."""
    fixes = FixList()
    for left, top, right, bottom in boxes:
        mask = np.zeros((64, 96), np.uint8)
        mask[top:bottom, left:right] = 255
        fixes.add(mask, "a bird")
    return fixes


@pytest.fixture
def fixes() -> FixList:
    return listed((5, 5, 20, 20), (50, 30, 70, 50))


def test_a_flaw_follows_the_panel_in_all_it_has_not_for_itself(fixes: FixList) -> None:
    edited = fixes[1].draft(COMMON).with_request(strength=0.6, negative_prompt="text")
    fixes.change(1, own=own_options(COMMON, edited))
    assert fixes[1].own == (("negative_prompt", "text"), ("strength", 0.6))
    later = fixes[1].draft(COMMON.with_request(steps=30, strength=0.2))
    assert (later.request.steps, later.request.strength) == (30, 0.6)
    assert (later.request.prompt, later.request.negative_prompt) == ("a bird", "text")


def test_a_flaw_may_have_more_candidates_and_say_which_to_take(fixes: FixList) -> None:
    fixes.change(1, own=(("candidates", 3),), take=2)
    assert fixes[1].draft(COMMON).candidates == 3
    assert own_words(fixes[1]) == "candidates 3 · take 2"
    assert fixes[2].draft(COMMON).candidates == 1


def test_options_that_cannot_be_meant_are_refused(fixes: FixList) -> None:
    fixes.change(1, own=(("strength", 7),))
    with pytest.raises(UsageError, match="strength"):
        fixes[1].draft(COMMON)


def test_a_skipped_flaw_waits_for_nothing(fixes: FixList) -> None:
    fixes.change(1, state="skipped")
    waiting = fixes.next_waiting()
    assert waiting is not None
    assert waiting.number == 2


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    found = Workspace(SessionFolder(tmp_path / "session"), AtOnce())
    found.open(landscape(), "")
    return found


def run_all(workspace: Workspace) -> None:
    """Run the list as the editor does."""
    while workspace.run_next_fix() is not None:
        while workspace.busy:
            for _, entry in workspace.progress():
                if entry is not None and workspace.goes_on_from(entry.key):
                    workspace.take(entry.key)


def test_the_list_goes_on_from_the_candidate_to_be_taken(workspace: Workspace, fixes: FixList) -> None:
    workspace.fixes = fixes
    fixes.change(1, own=(("candidates", 3), ("seed", 10)), take=2)
    run_all(workspace)
    history = workspace.history
    assert [r.state for r in fixes] == ["done", "done"]
    assert history.entries[fixes[1].result].seed == 11
    assert history.entries[fixes[2].result].parent == fixes[1].result
    assert len(history) == 5, "the other candidates are kept"


def test_a_flaw_that_runs_again_gets_a_new_seed_unless_it_has_its_own(workspace: Workspace, fixes: FixList) -> None:
    workspace.fixes = fixes
    fixes.change(2, own=(("seed", 9),))
    run_all(workspace)
    seeds = [workspace.history.entries[r.result].seed for r in fixes]
    for number in (1, 2):
        fixes.change(number, state="waiting")
    run_all(workspace)
    again = [workspace.history.entries[r.result].seed for r in fixes]
    assert seeds[0] != again[0]
    assert seeds[1] == again[1] == 9


def test_options_of_flaws_outlive_the_session(workspace: Workspace, fixes: FixList) -> None:
    workspace.fixes = fixes
    fixes.change(1, own=(("strength", 0.6), ("sampler", "ddim"), ("candidates", 2)), take=2, state="skipped")
    workspace.write_pictures()
    workspace.session.save(workspace.saved())
    back = workspace.session.load().regions
    assert back == tuple(fixes)


def test_a_list_goes_to_a_file_for_the_command_line_and_comes_back(tmp_path: Path, fixes: FixList) -> None:
    fixes.change(1, own=(("strength", 0.6), ("steps", 9), ("candidates", 3), ("seed", 0)), take=2)
    fixes.change(2, prompt='a "red" bird', state="skipped")
    path = tmp_path / "plan.toml"
    write_fix_file(path, fixes, (64, 96))
    listed = load_fix_list(path)
    assert [(r.request.prompt, r.count, r.take, r.skip) for r in listed.regions] == [
        ("a bird", 3, 2, False),
        ('a "red" bird', 1, 1, True),
    ]
    assert (listed[1].request.strength, listed[1].request.steps, listed[1].seeded) == (0.6, 9, True)
    back = read_fix_file(path, Picture(pixels=landscape()))
    assert [(r.prompt, r.state, r.take, dict(r.own)) for r in back] == [
        (r.prompt, r.state, r.take, dict(r.own)) for r in fixes
    ]
    for one, other in zip(back, fixes, strict=True):
        np.testing.assert_array_equal(one.mask(64, 96), other.mask(64, 96))


def test_options_that_only_some_requests_store_travel_too(tmp_path: Path, fixes: FixList) -> None:
    fixes.change(1, own=own_options(COMMON, COMMON.with_request(fast=True, steps=None)))
    fixes.change(2, own=own_options(COMMON, COMMON.with_request(sigmas=(9.0, 2.0), steps=None)))
    path = tmp_path / "plan.toml"
    write_fix_file(path, fixes, (64, 96))
    listed = load_fix_list(path)
    assert [(r.request.fast, r.request.sigmas) for r in listed.regions] == [(True, None), (False, (9.0, 2.0))]
    back = [dict(r.own) for r in read_fix_file(path, Picture(pixels=landscape()))]
    assert back == [{"fast": True}, {"sigmas": [9.0, 2.0]}]


def test_writing_a_list_replaces_nothing(tmp_path: Path, fixes: FixList) -> None:
    taken = tmp_path / "plan-2.png"
    taken.write_bytes(b"mine")
    with pytest.raises(OutputError, match="exists"):
        write_fix_file(tmp_path / "plan.toml", fixes, (64, 96))
    assert taken.read_bytes() == b"mine"
    assert not (tmp_path / "plan.toml").exists()


async def test_rows_are_edited_on_the_screen(tmp_path: Path) -> None:
    path = tmp_path / "hill.png"
    Image.fromarray(landscape(96, 64)).save(path)
    app = make_app(path)
    async with app.run_test(size=(120, 36)) as pilot:
        editor = await ready(pilot)
        for points in ([(20.0, 20.0), (25.0, 22.0)], [(60.0, 40.0), (65.0, 42.0)]):
            await drag(pilot, points)
            await pilot.press("N")
        fixes = editor.workspace.fixes
        await pilot.press("f6", "down")
        screen = app.screen
        assert isinstance(screen, FixScreen)
        strength = screen.query_one("#field-strength", Input)
        strength.focus()
        strength.value = "0.5"
        candidates = screen.query_one("#field-candidates", Input)
        candidates.value = "2"
        await pilot.pause()
        assert fixes[2].own == (("strength", 0.5), ("candidates", 2))
        assert fixes[1].own == ()
        candidates.value = "200"
        await pilot.pause()
        assert dict(fixes[2].own)["candidates"] == 2, "what cannot be meant is not taken over"
        candidates.value = "2"
        await pilot.press("escape")
        assert isinstance(screen.focused, DataTable)
        await pilot.press("t")
        assert fixes[2].take == 2
        await pilot.press("up")
        await pilot.pause()
        assert strength.value == "1", "the panel shows the row it stands on"
        await pilot.press("x")
        assert fixes[1].state == "skipped"
        await pilot.press("f5")
        await until(pilot, lambda: fixes[2].state == "done" and not editor.workspace.busy)
        history = editor.workspace.history
        assert history.base == fixes[2].result
        assert len(history) == 3
        await pilot.press("f6", "down", "u")
        assert fixes[2].own == ()
