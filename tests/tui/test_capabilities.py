"""Which terminal gets what, for the environments and answers of the terminals people use."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from retouch.errors import UsageError
from retouch_tui.terminal import detect
from retouch_tui.terminal.capabilities import Capabilities, Graphics, Mouse, Overrides, decide
from retouch_tui.terminal.cells import GlyphMode
from retouch_tui.terminal.colour import ColourDepth
from retouch_tui.terminal.probe import SILENT, Replies

XTERM = {"TERM": "xterm-256color"}
PIXELS = Replies(complete=True, pixel_mouse_mode=2, resize_mode=2, cursor_report=True)
FULL, PALETTE, ANSI, NONE = ColourDepth.TRUECOLOUR, ColourDepth.PALETTE, ColourDepth.ANSI, ColourDepth.NONE

TERMINALS: dict[str, tuple[dict[str, str], Replies, tuple[ColourDepth, Mouse, Graphics]]] = {
    "kitty over ssh": (
        {"TERM": "xterm-kitty"},
        replace(PIXELS, name="kitty(0.40.1)", kitty_graphics=True, truecolour=True),
        (FULL, Mouse.PIXEL, Graphics.KITTY),
    ),
    "ghostty": (
        {"TERM": "xterm-ghostty", "COLORTERM": "truecolor"},
        replace(PIXELS, name="ghostty 1.2.0", kitty_graphics=True),
        (FULL, Mouse.PIXEL, Graphics.KITTY),
    ),
    "wezterm answers kitty but shows it badly": (
        XTERM,
        Replies(complete=True, name="WezTerm 20240203", kitty_graphics=True, attributes=(65, 4, 6)),
        (FULL, Mouse.CELL, Graphics.ITERM2),
    ),
    "konsole answers kitty but has no use for it": (
        {**XTERM, "COLORTERM": "truecolor"},
        Replies(complete=True, name="Konsole 24.08", kitty_graphics=True, attributes=(62, 1, 4)),
        (FULL, Mouse.CELL, Graphics.SIXEL),
    ),
    "iterm2 over ssh": (
        XTERM,
        Replies(complete=True, name="iTerm2 3.5.10", attributes=(64, 4)),
        (FULL, Mouse.CELL, Graphics.ITERM2),
    ),
    "iterm2 here does not report sizes well": (
        {**XTERM, "TERM_PROGRAM": "iTerm.app", "COLORTERM": "truecolor"},
        replace(PIXELS, name="iTerm2 3.5.10"),
        (FULL, Mouse.CELL, Graphics.ITERM2),
    ),
    "foot": (
        {"TERM": "foot"},
        replace(PIXELS, name="foot(1.20.2)", attributes=(62, 4, 22)),
        (FULL, Mouse.PIXEL, Graphics.SIXEL),
    ),
    "windows terminal": (
        {**XTERM, "WT_SESSION": "1"},
        Replies(complete=True, attributes=(61, 4, 6, 7)),
        (FULL, Mouse.CELL, Graphics.SIXEL),
    ),
    "terminal.app lies": (
        {**XTERM, "TERM_PROGRAM": "Apple_Terminal", "COLORTERM": "truecolor"},
        Replies(complete=True, attributes=(1, 2)),
        (PALETTE, Mouse.CELL, Graphics.NONE),
    ),
    "tmux": (
        {"TERM": "tmux-256color", "TMUX": "/tmp/tmux-0/default,1,0"},
        Replies(complete=True, name="tmux 3.3a", attributes=(1, 2, 4)),
        (FULL, Mouse.CELL, Graphics.NONE),
    ),
    "ssh inside tmux shows itself by name": (
        {"TERM": "tmux-256color"},
        Replies(complete=True, name="tmux 3.5"),
        (FULL, Mouse.CELL, Graphics.NONE),
    ),
    "zellij": (
        {**XTERM, "ZELLIJ": "0"},
        replace(PIXELS, name="Zellij(0.41)"),
        (FULL, Mouse.CELL, Graphics.NONE),
    ),
    "ssh dropped COLORTERM, colour given back": (
        XTERM,
        Replies(complete=True, truecolour=True),
        (FULL, Mouse.CELL, Graphics.NONE),
    ),
    "ssh dropped COLORTERM, nothing told": (XTERM, SILENT, (PALETTE, Mouse.CELL, Graphics.NONE)),
    "old gnome": ({**XTERM, "VTE_VERSION": "3405"}, SILENT, (PALETTE, Mouse.CELL, Graphics.NONE)),
    "gnome": ({**XTERM, "VTE_VERSION": "7600"}, SILENT, (FULL, Mouse.CELL, Graphics.NONE)),
    "linux console": ({"TERM": "linux"}, SILENT, (ANSI, Mouse.CELL, Graphics.NONE)),
    "vt220": ({"TERM": "vt220"}, SILENT, (NONE, Mouse.CELL, Graphics.NONE)),
    "dumb": ({"TERM": "dumb", "COLORTERM": "truecolor"}, SILENT, (NONE, Mouse.CELL, Graphics.NONE)),
    "no colour wanted": (
        {**XTERM, "COLORTERM": "truecolor", "NO_COLOR": ""},
        SILENT,
        (NONE, Mouse.CELL, Graphics.NONE),
    ),
    "nothing known": ({}, SILENT, (ANSI, Mouse.CELL, Graphics.NONE)),
    "sizes reported but no pixels": (
        {**XTERM, "COLORTERM": "truecolor"},
        Replies(complete=True, resize_mode=2, pixel_mouse_mode=0),
        (FULL, Mouse.CELL, Graphics.NONE),
    ),
}


@pytest.mark.parametrize(("environment", "replies", "expected"), TERMINALS.values(), ids=TERMINALS)
def test_each_terminal_gets_what_it_can_show(
    environment: dict[str, str], replies: Replies, expected: tuple[ColourDepth, Mouse, Graphics]
) -> None:
    found = decide(replies, environment, Overrides())
    assert (found.colours, found.mouse, found.graphics) == expected
    assert [finding.what for finding in found.findings] == ["colours", "glyphs", "mouse", "graphics"]
    assert all(finding.why and finding.cure for finding in found.findings)


@pytest.mark.parametrize(("environment", "replies", "_"), TERMINALS.values(), ids=TERMINALS)
def test_what_the_user_chose_wins(environment: dict[str, str], replies: Replies, _: object) -> None:
    chosen = Overrides(colours=ANSI, glyphs=GlyphMode.QUADRANT, mouse=Mouse.OFF, graphics=Graphics.SIXEL)
    found = decide(replies, environment, chosen)
    assert (found.colours, found.glyphs, found.mouse, found.graphics) == (
        ANSI,
        GlyphMode.QUADRANT,
        Mouse.OFF,
        Graphics.SIXEL,
    )
    assert {finding.why for finding in found.findings} == {"you chose it"}


def test_pixels_cannot_be_chosen_where_the_terminal_has_none() -> None:
    found = decide(SILENT, XTERM, Overrides(mouse=Mouse.PIXEL))
    assert found.mouse is Mouse.CELL
    assert "does not report pixels" in found.findings[2].why


def test_a_pixel_mouse_without_reports_of_sizes_is_ours_if_the_size_of_a_cell_is_known() -> None:
    pixels = replace(PIXELS, resize_mode=0)
    assert decide(pixels, XTERM, Overrides()).mouse is Mouse.CELL
    found = decide(replace(pixels, cell_px=(9, 18)), XTERM, Overrides())
    assert (found.mouse, found.own_pixels) == (Mouse.PIXEL, True)
    assert found.settings()["TEXTUAL_SMOOTH_SCROLL"] == "0", "Textual must not switch it on a second time"
    assert not decide(replace(PIXELS, cell_px=(9, 18)), XTERM, Overrides()).own_pixels


def settings(**changes: object) -> dict[str, str]:
    return replace(decide(PIXELS, {**XTERM, "COLORTERM": "truecolor"}, Overrides()), **changes).settings()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"TEXTUAL_COLOR_SYSTEM": "truecolor"}),
        ({"colours": PALETTE}, {"TEXTUAL_COLOR_SYSTEM": "256"}),
        ({"colours": ANSI}, {"TEXTUAL_COLOR_SYSTEM": "standard"}),
        ({"colours": NONE}, {"NO_COLOR": "1"}),
        ({"mouse": Mouse.CELL}, {"TEXTUAL_COLOR_SYSTEM": "truecolor", "TEXTUAL_SMOOTH_SCROLL": "0"}),
        (
            {"round_trip_s": 0.3},
            {"TEXTUAL_COLOR_SYSTEM": "truecolor", "TEXTUAL_FPS": "30", "TEXTUAL_ANIMATIONS": "none"},
        ),
    ],
    ids=["all", "256", "16", "none", "cell mouse", "far away"],
)
def test_textual_is_told_before_it_is_imported(changes: dict[str, object], expected: dict[str, str]) -> None:
    assert settings(**changes) == expected


def test_a_setting_of_the_user_is_kept() -> None:
    environment = {"TEXTUAL_COLOR_SYSTEM": "256"}
    detect.apply(decide(PIXELS, {"COLORTERM": "truecolor"}, Overrides()), environment)
    assert environment["TEXTUAL_COLOR_SYSTEM"] == "256"


@pytest.mark.parametrize(
    ("flags", "environment", "configured", "expected"),
    [
        ({"mouse": "off"}, {"RETOUCH_MOUSE": "cell"}, {"mouse": "pixel"}, Mouse.OFF),
        ({"mouse": None}, {"RETOUCH_MOUSE": "cell"}, {"mouse": "pixel"}, Mouse.CELL),
        ({}, {}, {"mouse": "pixel"}, Mouse.PIXEL),
        ({}, {}, {}, None),
        ({"mouse": "auto"}, {}, {"mouse": "off"}, None),
    ],
    ids=["flag", "environment", "configuration", "nothing", "automatic again"],
)
def test_a_flag_beats_the_environment_beats_the_configuration(
    monkeypatch: pytest.MonkeyPatch,
    flags: Mapping[str, str | None],
    environment: Mapping[str, str],
    configured: Mapping[str, str],
    expected: Mouse | None,
) -> None:
    monkeypatch.delenv("RETOUCH_MOUSE", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert detect.overrides(flags, configured).mouse is expected


def test_an_unknown_word_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"--colors is '12bit'; use auto, truecolor, 256, 16, none"):
        detect.overrides({"colors": "12bit"}, {})


def test_decisions_need_no_terminal_library() -> None:
    found = decide(SILENT, {}, Overrides())
    assert isinstance(found, Capabilities)
    assert not found.acknowledges
