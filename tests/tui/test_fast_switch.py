"""The switch of the fast preset: what it says, what it gives way to, and where it is kept."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from textual.widgets import Checkbox, Input, Select, Static

from retouch_tui.engine import Draft
from retouch_tui.fixlist import FixList, own_options
from retouch_tui.screens.details import recipe_rows
from tui_support.app import make_app
from tui_support.journey import drag, generated, ready, until
from tui_support.pictures import landscape

NORMAL = (120, 36)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "hill.png"
    Image.fromarray(landscape(96, 64)).save(path)
    return path


async def test_fast_says_what_it_stands_for_and_gives_way_to_what_is_set_beside_it(picture: Path) -> None:
    app = make_app(picture)
    async with app.run_test(size=NORMAL) as pilot:
        editor = await ready(pilot)
        fast, steps = editor.query_one("#field-fast", Checkbox), editor.query_one("#field-steps", Input)

        def chosen(name: str) -> str:
            return str(editor.query_one(f"#field-{name} SelectCurrent #label", Static).content)

        async def is_fast(value: bool) -> bool:
            await until(pilot, lambda: editor.workspace.draft.request.fast is value)
            await pilot.pause()
            return value

        assert str(fast.label) == "off"
        assert (fast.value, steps.placeholder, chosen("sampler")) == (False, "4", "dpmpp_2m (model)")
        fast.focus()
        await pilot.press("space")
        assert await is_fast(True)
        assert (steps.placeholder, chosen("sampler")) == ("3", "dpmpp_2m_linear (fast)")
        assert (chosen("schedule"), str(fast.label)) == ("fitted (fast)", "on")
        steps.value = "9"
        await until(pilot, lambda: editor.workspace.draft.request.steps == 9)
        await pilot.pause()
        assert (chosen("sampler"), str(fast.label)) == ("dpmpp_2m (fast)", "untested"), "the fitted levels are out"
        steps.value = ""
        await until(pilot, lambda: editor.workspace.draft.request.steps is None)
        editor.query_one("#field-model", Select).value = "big"
        await until(pilot, lambda: editor.workspace.draft.model == "big")
        assert await is_fast(True)
        assert (steps.placeholder, str(fast.label)) == ("12", "untested"), "two steps in five of its thirty"
        fast.focus()
        await pilot.press("space")
        assert not await is_fast(False)
        assert (steps.placeholder, str(fast.label)) == ("30", "off")


async def test_a_fast_result_says_so_and_gives_its_options_back(picture: Path) -> None:
    app = make_app(picture)
    async with app.run_test(size=NORMAL) as pilot:
        editor = await ready(pilot)
        fast = editor.query_one("#field-fast", Checkbox)
        fast.value = True
        await until(pilot, lambda: editor.workspace.draft.request.fast)
        await pilot.press("5")
        await drag(pilot, [(20, 20), (40, 30), (60, 28)])
        await generated(pilot, lambda: pilot.press("f5"))
        entry = editor.workspace.history.entries["1"]
        assert ("Fast", "on") in recipe_rows(entry, [entry])
        fast.value = False
        await until(pilot, lambda: not editor.workspace.draft.request.fast)
        await pilot.press("comma", "full_stop", "r")
        await until(pilot, lambda: editor.workspace.draft.request.fast)
        assert fast.value


async def test_a_number_that_is_being_typed_is_not_touched_when_another_option_changes_its_meaning(
    picture: Path,
) -> None:
    app = make_app(picture)
    async with app.run_test(size=NORMAL) as pilot:
        editor = await ready(pilot)
        guidance = editor.query_one("#field-guidance", Input)
        guidance.value = "3."
        editor.query_one("#field-fast", Checkbox).value = True
        await until(pilot, lambda: editor.workspace.draft.request.fast)
        await pilot.pause()
        assert guidance.value == "3."


def test_a_flaw_may_be_slow_where_all_others_are_fast() -> None:
    common = Draft().with_request(fast=True)
    fixes = FixList()
    fixes.add(np.full((2, 2), 255, np.uint8), "a")
    fixes.change(1, own=own_options(common, common.with_request(fast=False)))
    assert not fixes[1].draft(common).request.fast
    fixes.change(1, own=())
    assert fixes[1].draft(common).request.fast
