"""Journeys: a whole edit by mouse, a whole edit by keyboard alone, and what can go wrong on the way."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from textual import events
from textual.widgets import Input, Select, TextArea

from retouch_tui.messages import PromptEdited
from retouch_tui.raster import Side, Tint
from retouch_tui.screens.compare import CompareScreen
from retouch_tui.screens.details import DetailsScreen
from retouch_tui.screens.fixes import FixScreen
from retouch_tui.screens.frame import FrameScreen
from retouch_tui.screens.help import HelpScreen
from retouch_tui.screens.script import ScriptScreen
from retouch_tui.screens.settings import SettingsScreen
from retouch_tui.screens.still import StillScreen
from retouch_tui.session import resumable
from retouch_tui.settings import load_settings
from retouch_tui.widgets.prompt import PromptBox, PromptLine
from tui_support.app import make_app
from tui_support.engine import seed_colour
from tui_support.journey import cell_of, click, drag, generated, move, ready, until
from tui_support.pictures import landscape

NORMAL, SMALL = (120, 36), (80, 24)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "hill.png"
    Image.fromarray(landscape(96, 64)).save(path)
    return path


async def test_a_whole_edit_by_mouse(picture: Path, tmp_path: Path) -> None:
    app = make_app(picture)
    async with app.run_test(size=NORMAL) as pilot:
        editor = await ready(pilot)
        document = editor.document
        original = document.picture.copy()
        await drag(pilot, [(20, 20), (40, 30), (50, 30)])
        assert document.masked_share > 0
        assert editor.status.plan is None or editor.status.plan.cells
        painted = document.mask.copy()
        await drag(pilot, [(50, 30), (40, 28)], button=3)
        assert np.count_nonzero(document.mask) < np.count_nonzero(painted), "the right button erases"
        await pilot.click("#prompt")
        await pilot.press(*"a bird")
        assert editor.workspace.draft.request.prompt == "a bird"
        await generated(pilot, lambda: pilot.click("#generate"))
        assert editor.shown_key == "1"
        mask = document.mask.copy()
        await pilot.press("a")
        assert editor.workspace.history.base == "1"
        np.testing.assert_array_equal(document.mask, mask)
        np.testing.assert_array_equal(document.picture[mask == 0], original[mask == 0])
        assert (document.picture != original).any()
        await pilot.press("f10")
        await pilot.pause()
        await pilot.app.screen.query_one(Input).action_submit()
        await until(pilot, lambda: (tmp_path / "hill-retouched.png").exists())
        with Image.open(tmp_path / "hill-retouched.png") as saved:
            np.testing.assert_array_equal(np.asarray(saved.convert("RGB")), document.picture)
            assert "a bird" in saved.text["retouch options"]  # type: ignore[attr-defined]


async def test_a_whole_edit_by_keyboard_alone_on_a_small_screen(picture: Path, tmp_path: Path) -> None:
    app = make_app(picture)
    async with app.run_test(size=SMALL) as pilot:
        editor = await ready(pilot)
        document = editor.document
        original = document.picture.copy()
        await pilot.press("g", "q", "w", "enter")
        corner = editor.cursor.at
        assert corner[0] < 48
        await pilot.press("u", "space", "shift+right", "down", "down", "down", "space")
        assert document.lines[-1].startswith("+ rect")
        await pilot.press("b", "2", "p", "right", "right", "right", "p")
        assert document.lines[-1].startswith("+ brush 4 ")
        assert not editor.pen_down
        await pilot.press("z")
        assert len(document.lines) == 1
        await pilot.press("Z", "greater_than_sign")
        assert document.lines[-1] == "| expand 4"
        await pilot.press("j", "p")
        assert isinstance(editor.focused, PromptLine)
        await pilot.press(*"a red heart")
        await generated(pilot, lambda: pilot.press("enter"))
        assert editor.query_one(PromptBox).text == "a red heart"
        assert editor.focused is editor.canvas, "the keys of the canvas act on what came"
        await pilot.press("a")
        mask = document.mask
        np.testing.assert_array_equal(document.picture[mask == 0], original[mask == 0])
        seed = editor.workspace.draft.request.seed
        y, x = np.argwhere(mask == 255)[0]
        assert tuple(document.picture[y, x]) == seed_colour(seed)
        await pilot.press("f10")
        await pilot.pause()
        await pilot.press("tab", "tab", "tab")
        await pilot.app.screen.query_one(Input).action_submit()
        await until(pilot, lambda: (tmp_path / "hill-retouched.png").exists())


async def test_an_existing_file_is_replaced_only_after_a_yes(picture: Path) -> None:
    before = picture.read_bytes()
    app = make_app(picture)
    async with app.run_test(size=NORMAL) as pilot:
        editor = await ready(pilot)
        await drag(pilot, [(20, 20), (40, 30)])
        await generated(pilot, lambda: pilot.press("f5"))
        await pilot.press("a")
        editor._save_to(picture)
        await pilot.pause()
        await pilot.press("n")
        assert picture.read_bytes() == before
        editor._save_to(picture)
        await pilot.pause()
        await pilot.press("y")
        await until(pilot, lambda: picture.read_bytes() != before)


async def test_nothing_masked_and_errors_are_told_and_the_app_lives(picture: Path) -> None:
    app = make_app(picture)
    async with app.run_test(size=NORMAL, notifications=True) as pilot:
        editor = await ready(pilot)
        await pilot.press("f5")
        assert not editor.workspace.busy
        assert any("nothing is masked" in n.message for n in app._notifications)
        await drag(pilot, [(20, 20), (40, 30)])
        editor.workspace.draft = editor.workspace.draft.with_request(prompt="fail")
        await pilot.press("f5")
        await until(pilot, lambda: any("out of paint" in n.message for n in app._notifications))
        assert not editor.workspace.busy
        editor.workspace.draft = editor.workspace.draft.with_request(prompt="")
        await generated(pilot, lambda: pilot.press("f5"))


async def test_results_can_be_browsed_compared_reused_and_branched_from(picture: Path) -> None:
    app = make_app(picture)
    async with app.run_test(size=NORMAL) as pilot:
        editor = await ready(pilot)
        workspace = editor.workspace
        await drag(pilot, [(20, 20), (40, 30)])
        await generated(pilot, lambda: pilot.press("f5"))
        await generated(pilot, lambda: pilot.press("f5"))
        assert editor.shown_key == "2"
        assert editor.look.tint is Tint.OFF, "a result is looked at without the tint of the mask"
        await pilot.press("comma")
        assert editor.shown_key == "1"
        await pilot.press("f7")
        assert isinstance(app.screen, CompareScreen)
        await pilot.press("right", "o", "escape")
        assert app.screen is editor
        await pilot.press("a")
        await generated(pilot, lambda: pilot.press("f5"))
        assert workspace.history.entries["3"].parent == "1"
        await pilot.press("comma", "comma", "comma", "a")
        assert workspace.history.base == "0", "back to the first picture"
        await pilot.press("full_stop", "r")
        assert workspace.draft.request.seed == workspace.history.entries["1"].seed
        assert workspace.draft.seed_locked
        await pilot.press("f3", "left", "d")
        await until(pilot, lambda: isinstance(app.screen, DetailsScreen))
        await pilot.press("escape")


async def test_a_result_can_be_seen_over_the_whole_screen(picture: Path) -> None:
    app = make_app(picture)
    async with app.run_test(size=SMALL) as pilot:
        editor = await ready(pilot)
        await drag(pilot, [(20, 20), (40, 30)])
        await generated(pilot, lambda: pilot.press("f5"))
        await pilot.press("s")
        assert isinstance(app.screen, StillScreen)
        await pilot.press("o", "escape")
        await until(pilot, lambda: app.screen is editor)


async def test_the_state_is_said_in_words(picture: Path) -> None:
    app = make_app(picture)
    async with app.run_test(size=NORMAL) as pilot:
        editor = await ready(pilot)
        await pilot.press("question_mark")
        assert "nothing masked" in editor.status.hint
        await drag(pilot, [(20, 20), (40, 30)])
        await pilot.press("question_mark")
        assert "% in " in editor.status.hint


async def test_the_mask_can_be_edited_as_lines(picture: Path) -> None:
    app = make_app(picture)
    async with app.run_test(size=NORMAL) as pilot:
        editor = await ready(pilot)
        await pilot.press("v")
        screen = app.screen
        assert isinstance(screen, ScriptScreen)
        text = screen.query_one(TextArea)
        text.text = "+ rect 10,10 20x20\n- elipse 20,20 4,4"
        await pilot.press("f5")
        assert app.screen is screen, "a mistake is shown, not applied"
        text.text = "+ rect 10,10 20x20\n- ellipse 20,20 4,4"
        await pilot.press("f5")
        await until(pilot, lambda: app.screen is editor)
        assert editor.document.mask[12, 12] == 255
        assert editor.document.mask[20, 20] == 0
        await pilot.press("z")
        assert not editor.document.mask.any()


async def test_a_dragged_frame_follows_the_hand_though_the_view_shrinks(picture: Path) -> None:
    app = make_app(picture)
    async with app.run_test(size=NORMAL) as pilot:
        editor = await ready(pilot)
        await pilot.press("c")
        zoom = editor.canvas.view.zoom
        start = cell_of(editor, (80, 32))
        await move(pilot, start, events.MouseMove, 0)
        await move(pilot, start, events.MouseDown, 1)
        for step in range(1, 11):
            await move(pilot, (start[0] + step, start[1]), events.MouseMove, 1)
            assert editor.frame is not None
            assert editor.frame.right == pytest.approx(96 + step / zoom, abs=1)
        await move(pilot, (start[0] + 10, start[1]), events.MouseUp, 1)
        assert editor.frame is not None
        assert editor.frame.left == editor.frame.top == 0


async def test_room_is_made_by_a_drag_or_by_numbers_and_is_masked(picture: Path) -> None:
    app = make_app(picture)
    async with app.run_test(size=NORMAL) as pilot:
        editor = await ready(pilot)
        old = editor.document.picture.copy()
        await pilot.press("c", "c")
        assert isinstance(app.screen, FrameScreen)
        app.screen.query_one("#right", Input).value = "25%"
        app.screen.query_one("#top", Input).value = "16"
        await pilot.pause()
        await pilot.press("f5")
        await until(pilot, lambda: app.screen is editor)
        document = editor.document
        assert document.size == (120, 80)
        np.testing.assert_array_equal(document.picture[16:, :96], old)
        assert document.mask[:, 96:].all()
        assert document.mask[:16].all()
        assert not document.mask[16:, :96].any()
        await generated(pilot, lambda: pilot.press("f5"))
        await pilot.press("a")
        np.testing.assert_array_equal(editor.document.picture[16:, :96], old)
        await pilot.press("z")
        assert editor.document.size == (96, 64), "the new canvas can be undone"
        assert editor.workspace.history.base == "0"


async def test_the_fix_list_takes_areas_and_runs_them_in_order(picture: Path) -> None:
    app = make_app(picture)
    async with app.run_test(size=NORMAL) as pilot:
        editor = await ready(pilot)
        await pilot.press("u")
        await drag(pilot, [(5, 5), (20, 20)])
        await drag(pilot, [(60, 30), (80, 50)])
        await pilot.press("f6")
        assert isinstance(app.screen, FixScreen)
        await pilot.press("s")
        await until(pilot, lambda: len(editor.workspace.fixes) == 2)
        await until(pilot, lambda: isinstance(app.screen, FixScreen))
        assert not editor.document.mask.any()
        await pilot.press("enter", *"a bird", "enter", "f5")
        await until(pilot, lambda: [r.state for r in editor.workspace.fixes] == ["done", "done"])
        await until(pilot, lambda: not editor.workspace.busy)
        assert editor.workspace.fixes[1].prompt == "a bird"
        assert editor.workspace.history.base == editor.workspace.fixes[2].result


async def test_a_lost_terminal_loses_nothing(picture: Path, tmp_path: Path) -> None:
    app = make_app(picture)
    async with app.run_test(size=NORMAL) as pilot:
        editor = await ready(pilot)
        await drag(pilot, [(20, 20), (40, 30)])
        await pilot.click("#prompt")
        await pilot.press(*"a bird")
        mask = editor.document.mask.copy()
        app.autosave_now()
    found = resumable(tmp_path / "state")
    again = make_app(resume=found[0])
    async with again.run_test(size=SMALL) as pilot:
        editor = await ready(pilot)
        np.testing.assert_array_equal(editor.document.mask, mask)
        assert editor.query_one(PromptLine).value == "a bird"
        assert editor.workspace.source == str(picture)
        await generated(pilot, lambda: pilot.press("f5"))


async def test_the_session_saves_itself_when_nothing_is_done_for_a_moment(picture: Path) -> None:
    app = make_app(picture)
    async with app.run_test(size=NORMAL) as pilot:
        editor = await ready(pilot)
        await drag(pilot, [(20, 20), (40, 30)])
        session = editor.workspace.session
        await until(pilot, lambda: session.exists and session.load().mask.any())


async def test_the_view_shows_tints_before_and_mask_only(picture: Path) -> None:
    app = make_app(picture)
    async with app.run_test(size=NORMAL) as pilot:
        editor = await ready(pilot)
        await drag(pilot, [(20, 20), (40, 30)])
        await pilot.press("t")
        assert editor.look.tint is Tint.RED
        await pilot.press("m")
        assert editor.look.mask_only
        await generated(pilot, lambda: pilot.press("f5"))
        await pilot.press("m", "o")
        assert editor.tint is Tint.RED
        assert editor.look.side is Side.BEFORE
        zoom = editor.canvas.view.zoom
        await pilot.press("plus")
        assert editor.canvas.view.zoom > zoom
        await pilot.press("0")
        assert editor.canvas.view.zoom == zoom


async def test_options_are_checked_as_they_are_typed_and_follow_the_model(picture: Path) -> None:
    app = make_app(picture)
    async with app.run_test(size=NORMAL) as pilot:
        editor = await ready(pilot)
        steps = editor.query_one("#field-steps", Input)
        assert steps.placeholder == "4", "the model's own default"
        steps.value = "many"
        await pilot.pause()
        assert steps.has_class("-wrong")
        assert editor.workspace.draft.request.steps is None
        steps.value = "7"
        await pilot.pause()
        assert not steps.has_class("-wrong")
        assert editor.workspace.draft.request.steps == 7
        steps.focus()
        await pilot.press("up")
        assert editor.workspace.draft.request.steps == 8


async def test_options_come_back_with_their_model_and_the_prompt_stays(picture: Path) -> None:
    app = make_app(picture)
    async with app.run_test(size=NORMAL) as pilot:
        editor = await ready(pilot)
        editor.query_one("#field-steps", Input).value = "7"
        editor.query_one(PromptBox).text = "a bird"
        await pilot.pause()
        model = editor.query_one("#field-model", Select)
        model.value = "big"
        await until(pilot, lambda: editor.workspace.draft.model == "big")
        editor.query_one("#field-steps", Input).value = "9"
        await pilot.pause()
        model.value = "pocket"
        await until(pilot, lambda: editor.workspace.draft.model == "pocket")
        assert editor.workspace.draft.request.steps == 7
        assert editor.workspace.draft.request.prompt == "a bird"
        model.value = "big"
        await until(pilot, lambda: editor.workspace.draft.request.steps == 9)


async def test_help_explains_the_panel_that_has_the_focus(picture: Path) -> None:
    app = make_app(picture)
    async with app.run_test(size=SMALL) as pilot:
        editor = await ready(pilot)
        assert editor.panel_name() == "canvas"
        await pilot.press("f2")
        assert editor.panel_name() == "options"
        await pilot.press("f1")
        assert isinstance(app.screen, HelpScreen)
        await pilot.press("escape", "escape")
        assert editor.panel_name() == "canvas"


async def test_a_moved_key_works(picture: Path, tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "keymap.toml").write_text('[keys]\nwand = "q"\n', encoding="utf-8")
    app = make_app(picture)
    async with app.run_test(size=NORMAL) as pilot:
        editor = await ready(pilot)
        await pilot.press("w")
        assert editor.hand.tool_name == "brush"
        await pilot.press("q")
        assert editor.hand.tool_name == "wand"


async def test_a_large_picture_is_edited_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "large.png"
    Image.fromarray(landscape(96, 64)).save(path)
    monkeypatch.setattr("retouch_tui.turns.AT_ONCE_PX", 100)
    app = make_app(path)
    async with app.run_test(size=NORMAL) as pilot:
        editor = await ready(pilot)
        document = editor.document
        await pilot.press("w")
        await click(pilot, (72, 16))
        await until(pilot, lambda: bool(document.mask.any()))
        assert document.lines[-1].startswith("+ flood ")
        await pilot.press("V")
        await until(pilot, lambda: document.lines[-1] == "| invert")
        await generated(pilot, lambda: pilot.press("f5"))
        await pilot.press("a")
        assert editor.workspace.history.base == "1"
        await pilot.press("z", "z")
        assert not document.mask.any()


async def test_a_dropped_path_opens_the_picture(picture: Path, tmp_path: Path) -> None:
    other = tmp_path / "other picture.png"
    Image.fromarray(landscape(40, 40)).save(other)
    app = make_app(picture)
    async with app.run_test(size=NORMAL) as pilot:
        editor = await ready(pilot)
        from textual import events

        editor.canvas.post_message(events.Paste(f"'{other}'"))
        await until(pilot, lambda: editor.document.size == (40, 40))


@pytest.mark.parametrize("tool", ["n", "d", "l", "w", "k"], ids=["line", "ellipse", "lasso", "wand", "colour"])
async def test_each_tool_works_by_mouse_and_can_be_undone(picture: Path, tool: str) -> None:
    app = make_app(picture)
    async with app.run_test(size=NORMAL) as pilot:
        editor = await ready(pilot)
        await pilot.press(tool)
        await drag(pilot, [(20, 20), (40, 20), (40, 40), (22, 38)])
        assert len(editor.document.timeline) == 1
        await pilot.press("z")
        assert not editor.document.mask.any()
        assert len(editor.document.timeline) == 0


async def test_polygon_and_fill_work_by_clicks(picture: Path) -> None:
    app = make_app(picture)
    async with app.run_test(size=NORMAL) as pilot:
        editor = await ready(pilot)
        await pilot.press("y")
        for corner in [(10.0, 10.0), (60.0, 10.0), (60.0, 50.0), (10.0, 50.0)]:
            await click(pilot, corner)
        await pilot.press("enter")
        assert editor.document.mask[30, 30] == 255
        await pilot.press("e", "9")
        await click(pilot, (35, 30))
        assert editor.document.mask[30, 35] == 0


@pytest.mark.parametrize(("size", "kind"), [(NORMAL, PromptBox), (SMALL, PromptLine)], ids=["box", "line"])
async def test_old_news_of_the_prompt_do_not_undo_what_was_typed_since(
    picture: Path, size: tuple[int, int], kind: type[PromptBox] | type[PromptLine]
) -> None:
    app = make_app(picture)
    async with app.run_test(size=size) as pilot:
        editor = await ready(pilot)
        box = editor.query_one(kind)
        box.focus()
        await pilot.pause()
        await pilot.press(*"a red", "space", *"heart")
        editor.prompted(PromptEdited("a red"))  # news that were long on their way, as on a busy machine
        await pilot.pause()
        assert (box.text if isinstance(box, PromptBox) else box.value) == "a red heart"
        await pilot.press("s")
        assert editor.workspace.draft.request.prompt == "a red hearts"
        assert editor.query_one(PromptBox).text == editor.query_one(PromptLine).value == "a red hearts"


async def test_settings_are_kept_for_the_next_start(picture: Path, tmp_path: Path) -> None:
    app = make_app(picture)
    async with app.run_test(size=NORMAL) as pilot:
        await ready(pilot)
        await pilot.press("f9")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
        app.screen.query_one("#graphics", Select).value = "sixel"
        app.screen.query_one("#mouse", Select).value = "cell"
        await pilot.click("#keep")
        await until(pilot, lambda: not isinstance(app.screen, SettingsScreen))
    found, problems = load_settings(tmp_path / "config")
    assert (found.graphics, found.mouse, found.colors, problems) == ("sixel", "cell", "auto", ())
