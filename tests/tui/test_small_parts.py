"""Laws of the smaller parts: cursor, settings, options, files."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retouch.errors import UsageError
from retouch.geometry import Box, Size
from retouch_tui.cursor import FASTEST, GRID_KEYS, HOPS, Cursor, Field
from retouch_tui.engine import Draft, draft_from_data
from retouch_tui.fields import FIELDS, field_named
from retouch_tui.files import free_name, open_mask, open_picture, save_mask, save_result, seen
from retouch_tui.screens.frame import frame_of, margins_of
from retouch_tui.settings import Settings, load_draft, load_settings, save_draft, save_settings
from retouch_tui.terminal.colour import ColourDepth
from retouch_tui.themes import THEMES, themes
from retouch_tui.tools import TOOLS, tool_names
from tui_support.pictures import landscape


def test_four_keys_reach_every_two_pixels_of_512() -> None:
    for target in [(0.5, 0.5), (511.5, 511.5), (317.2, 44.9)]:
        field = Field.of(Box(0, 0, 512, 512))
        for _ in range(HOPS):
            gaps = [
                abs(field.part(i).middle[0] - target[0]) + abs(field.part(i).middle[1] - target[1])
                for i in range(len(GRID_KEYS))
            ]
            narrowed = field.narrowed(GRID_KEYS[gaps.index(min(gaps))])
            assert narrowed is not None
            field = narrowed
        assert abs(field.middle[0] - target[0]) <= 1
        assert abs(field.middle[1] - target[1]) <= 1


def test_an_unknown_key_hops_nowhere() -> None:
    assert Field(0, 0, 8, 8).narrowed("ß") is None


def test_a_held_arrow_speeds_up_and_a_pause_slows_down() -> None:
    cursor, size = Cursor((5000, 5000)), Size(10_000, 10_000)

    def stride(now: float) -> float:
        before = cursor.at[0]
        return cursor.step(1, 0, far=False, zoom=1, now=now, size=size)[0] - before

    held = [stride(n * 0.05) for n in range(40)]
    assert held[0] == 1
    assert held == sorted(held)
    assert held[-1] == FASTEST
    assert stride(10.0) == 1


def test_the_cursor_never_leaves_the_picture() -> None:
    cursor = Cursor()
    assert cursor.step(-1, -1, far=True, zoom=0.1, now=0, size=Size(20, 10)) == (0.5, 0.5)
    assert cursor.go((99, 99), Size(20, 10)) == (19.5, 9.5)


def test_settings_come_back(tmp_path: Path) -> None:
    settings = Settings(theme="retouch-light", toured=True).with_recent('/a "b".png').with_recent("/c.png")
    save_settings(tmp_path, settings)
    assert load_settings(tmp_path) == (settings, ())


@pytest.mark.parametrize("text", ["theme = 3\n", "theme = [\n"], ids=["kind", "syntax"])
def test_bad_settings_are_told_and_replaced(tmp_path: Path, text: str) -> None:
    (tmp_path / "settings.toml").write_text(text, encoding="utf-8")
    settings, problems = load_settings(tmp_path)
    assert settings.theme == Settings().theme
    assert len(problems) == 1


def test_options_are_kept_for_each_model(tmp_path: Path) -> None:
    one = Draft(model="one/x", candidates=3).with_request(steps=7, prompt="ä")
    save_draft(tmp_path, one)
    save_draft(tmp_path, Draft(model="two"))
    assert load_draft(tmp_path, "one/x") == one
    assert load_draft(tmp_path, "three") is None


def test_a_draft_survives_json() -> None:
    draft = Draft(model="m", provider="cpu", seed_locked=True).with_request(feather=0.0, padding=None, seed=2**63)
    assert draft_from_data(draft.to_data()) == draft


@pytest.mark.parametrize("field", FIELDS, ids=lambda f: f.name)
def test_every_option_reads_what_it_shows(field) -> None:
    draft = Draft()
    if field.kind in {"whole", "number", "text"}:
        assert field.read(field.shown(draft)) == field.value(draft)
        if field.kind != "text":
            with pytest.raises(UsageError, match="number"):
                field.read("seven")
            with pytest.raises(UsageError, match="from"):
                field.read(str(field.high * 2 + 2))
    assert field.tip.endswith(".")


def test_an_empty_option_is_left_to_the_model() -> None:
    field = field_named("steps")
    assert field.changed(Draft(), field.read("")).request.steps is None


def test_every_tool_has_a_key_words_and_a_place() -> None:
    from retouch_tui.actions import NAMES

    assert set(tool_names()) == set(TOOLS.names())
    for name in tool_names():
        assert name in NAMES
        assert TOOLS[name].help


def test_a_frame_is_its_margins() -> None:
    size, frame = Size(100, 60), Box(-10, 5, 130, 60)
    assert frame_of(margins_of(frame, size), size) == frame


def test_saving_keeps_the_metadata_and_every_untouched_byte(tmp_path: Path) -> None:
    source = tmp_path / "in.png"
    exif = Image.Exif()
    exif[0x010E] = "a hill"
    Image.fromarray(landscape()).save(source, exif=exif)
    picture, empty = open_picture(source)
    assert empty is None
    pixels = seen(picture).copy()
    pixels[5:9, 5:9] = 200
    save_result(tmp_path / "out.png", pixels, picture, {"parameters": "x"}, force=False)
    with Image.open(tmp_path / "out.png") as saved:
        np.testing.assert_array_equal(np.asarray(saved.convert("RGB")), pixels)
        assert saved.getexif()[0x010E] == "a hill"
        assert saved.text["parameters"] == "x"  # type: ignore[attr-defined]


def test_a_transparent_part_becomes_the_mask_and_is_opaque_when_painted(tmp_path: Path) -> None:
    source = tmp_path / "in.png"
    rgba = np.dstack([landscape(), np.full((64, 96), 255, np.uint8)])
    rgba[:, 80:, 3] = 0
    Image.fromarray(rgba).save(source)
    picture, empty = open_picture(source)
    assert empty is not None
    np.testing.assert_array_equal(empty[:, 80:], 255)
    assert not empty[:, :80].any()
    pixels = seen(picture).copy()
    pixels[:, 80:] = (1, 2, 3)
    save_result(tmp_path / "out.png", pixels, picture, {}, force=False)
    with Image.open(tmp_path / "out.png") as saved:
        assert (np.asarray(saved.convert("RGBA"))[:, 80:] == (1, 2, 3, 255)).all()


def test_a_mask_file_reads_back(tmp_path: Path) -> None:
    mask = np.zeros((64, 96), np.uint8)
    mask[10:20, 30:50] = 255
    save_mask(tmp_path / "mask.png", mask, force=False)
    np.testing.assert_array_equal(open_mask(tmp_path / "mask.png", Size(96, 64)), mask)


def test_a_suggested_name_is_free(tmp_path: Path) -> None:
    first = free_name(str(tmp_path / "hill.jpg"), tmp_path)
    assert first.name == "hill-retouched.png"
    first.touch()
    assert free_name(str(tmp_path / "hill.jpg"), tmp_path).name == "hill-retouched-2.png"


def test_with_sixteen_colours_no_word_is_as_dark_as_the_ground() -> None:
    for theme in themes(ColourDepth.ANSI):
        ground = 0 if theme.dark else 255
        assert {t.name for t in themes(ColourDepth.ANSI)} == {t.name for t in THEMES}
        for name in ("border", "text-muted", "text-disabled", "footer-description-foreground"):
            grey = int(theme.variables[name][1:3], 16)
            assert abs(grey - ground) >= 0x7F, (theme.name, name)
    assert themes(ColourDepth.TRUECOLOUR) is THEMES
