"""What this terminal can do, decided from its answers and its environment, each with the reason."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, TypeAlias, TypeVar

from retouch.errors import UsageError
from retouch_tui.terminal.cells import GlyphMode
from retouch_tui.terminal.colour import ColourDepth
from retouch_tui.terminal.probe import Replies

Environment: TypeAlias = Mapping[str, str]

SLOW_S = 0.15
"""A round trip beyond this asks for fewer frames and no animations."""


class Mouse(StrEnum):
    """How exactly the pointer is known."""

    PIXEL = "pixel"
    CELL = "cell"
    OFF = "off"


class Graphics(StrEnum):
    """How real pixels reach the terminal."""

    KITTY = "kitty"
    ITERM2 = "iterm2"
    SIXEL = "sixel"
    NONE = "none"


class Finding(NamedTuple):
    """A decision: what, its value, why, and how to decide otherwise."""

    what: str
    value: str
    why: str
    cure: str


@dataclass(frozen=True, kw_only=True)
class Overrides:
    """What the user decided; None leaves it to what the terminal answers."""

    colours: ColourDepth | None = None
    glyphs: GlyphMode | None = None
    mouse: Mouse | None = None
    graphics: Graphics | None = None
    probe: bool = True


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What the app may rely on."""

    colours: ColourDepth
    glyphs: GlyphMode
    mouse: Mouse
    graphics: Graphics
    name: str
    multiplexer: str | None = None
    cell_px: tuple[int, int] | None = None
    tells_sizes: bool = False
    """Whether the terminal reports each change of its size in pixels (mode 2048), so that Textual counts in them."""
    background: tuple[int, int, int] | None = None
    round_trip_s: float | None = None
    acknowledges: bool = False
    sync_output: bool = False
    kitty_keyboard: bool = False
    findings: tuple[Finding, ...] = ()

    @property
    def own_pixels(self) -> bool:
        """Whether the pixel mouse is ours to switch on and to read: Textual does it only with mode 2048."""
        return self.mouse is Mouse.PIXEL and not self.tells_sizes and self.cell_px is not None

    @property
    def slow(self) -> bool:
        """Whether the terminal is far away."""
        return self.round_trip_s is not None and self.round_trip_s > SLOW_S

    def settings(self) -> dict[str, str]:
        """Return the environment variables Textual must find when it is imported.

        It would otherwise take 256 colours where ssh dropped COLORTERM, and take cell coordinates for
        pixels where a multiplexer reports sizes but no pixel mouse.
        """
        system = {ColourDepth.TRUECOLOUR: "truecolor", ColourDepth.PALETTE: "256", ColourDepth.ANSI: "standard"}
        chosen = {} if self.colours is ColourDepth.NONE else {"TEXTUAL_COLOR_SYSTEM": system[self.colours]}
        if self.colours is ColourDepth.NONE:
            chosen["NO_COLOR"] = "1"
        if self.mouse is not Mouse.PIXEL or self.own_pixels:
            chosen["TEXTUAL_SMOOTH_SCROLL"] = "0"
        if self.slow:
            chosen |= {"TEXTUAL_FPS": "30", "TEXTUAL_ANIMATIONS": "none"}
        return chosen


PLAIN = Capabilities(
    colours=ColourDepth.TRUECOLOUR,
    glyphs=GlyphMode.HALF,
    mouse=Mouse.CELL,
    graphics=Graphics.NONE,
    name="unknown",
)
"""Half-blocks in full colour and nothing else: what tests and exports assume."""

TRUECOLOUR_NAMES = re.compile(
    r"kitty|ghostty|wezterm|foot|iterm|konsole|contour|alacritty|rio|mintty|vte|xterm\.js|windows terminal"
    r"|warp|tabby|blackbox|mlterm|zellij|bobcat|wayst",
    re.IGNORECASE,
)
TRUECOLOUR_TERMS = re.compile(r"-direct$|kitty|ghostty|alacritty|foot|wezterm|contour|iterm2|mintty|konsole|rio$|vte-")
ITERM2_NAMES = re.compile(r"iterm|wezterm|mintty|tabby|vscode", re.IGNORECASE)
KITTY_NAMES = re.compile(r"kitty|ghostty|^rio", re.IGNORECASE)


def decide(replies: Replies, environment: Environment, overrides: Overrides) -> Capabilities:
    """Decide what may be relied on; pure, so that every terminal's answers can be tried."""
    multiplexer = _multiplexer(replies, environment)
    colours = _colours(replies, environment, overrides, multiplexer)
    mouse = _mouse(replies, environment, overrides, multiplexer)
    graphics = _graphics(replies, environment, overrides, multiplexer)
    glyphs = GlyphMode.HALF if overrides.glyphs is None else overrides.glyphs
    glyph_why = "two true colours a cell" if overrides.glyphs is None else "you chose it"
    return Capabilities(
        colours=ColourDepth(colours.value),
        glyphs=glyphs,
        mouse=Mouse(mouse.value),
        graphics=Graphics(graphics.value),
        name=_brand(replies, environment),
        multiplexer=multiplexer,
        cell_px=replies.cell_px,
        tells_sizes=replies.resize_mode in (1, 2, 3),
        background=replies.background,
        round_trip_s=replies.round_trip_s,
        acknowledges=replies.cursor_report,
        sync_output=replies.sync_mode in (1, 2, 3),
        kitty_keyboard=replies.kitty_keyboard,
        findings=(
            colours,
            Finding("glyphs", glyphs, glyph_why, "--glyphs half|quad"),
            mouse,
            graphics,
        ),
    )


Word = TypeVar("Word", ColourDepth, GlyphMode, Mouse, Graphics)


def word(kind: type[Word], text: str | None, name: str) -> Word | None:
    """Read a user's word for a choice; None and "auto" leave it open. Raises UsageError for another word."""
    if text is None or text == "auto":
        return None
    known = [str(member) for member in kind]
    if text not in known:
        raise UsageError(f"{name} is {text!r}; use auto, {', '.join(known)}")
    return kind(text)


def _brand(replies: Replies, environment: Environment) -> str:
    """Name of the terminal: its own, else what the environment tells."""
    if replies.name:
        return replies.name
    if environment.get("WT_SESSION"):
        return "Windows Terminal"
    return environment.get("TERM_PROGRAM") or environment.get("LC_TERMINAL") or environment.get("TERM") or "unknown"


def _multiplexer(replies: Replies, environment: Environment) -> str | None:
    if "tmux" in (replies.name or "").lower() or environment.get("TMUX"):
        return "tmux"
    if "zellij" in (replies.name or "").lower() or environment.get("ZELLIJ"):
        return "zellij"
    return "screen" if environment.get("STY") else None


def _colours(replies: Replies, environment: Environment, overrides: Overrides, multiplexer: str | None) -> Finding:
    """The first row that holds decides."""
    term, brand = environment.get("TERM", ""), _brand(replies, environment)
    apple = environment.get("TERM_PROGRAM") == "Apple_Terminal"
    full, palette, none = ColourDepth.TRUECOLOUR, ColourDepth.PALETTE, ColourDepth.NONE
    chosen = overrides.colours
    rows: list[tuple[bool, ColourDepth, str]] = [
        (chosen is not None, chosen or none, "you chose it"),
        ("NO_COLOR" in environment, none, "NO_COLOR is set"),
        (term == "dumb", none, "TERM is dumb"),
        (apple, palette, "Terminal.app says truecolor and shows 256"),
        (environment.get("COLORTERM") in ("truecolor", "24bit"), full, "COLORTERM says so"),
        (replies.truecolour, full, "the terminal gave back a 24-bit colour"),
        (multiplexer == "tmux", full, "tmux takes 24-bit colours and turns them into what its terminal has"),
        (bool(TRUECOLOUR_NAMES.search(brand)), full, f"{brand} is known to show it"),
        (bool(TRUECOLOUR_TERMS.search(term)), full, f"TERM={term} is known to show it"),
        (_modern_vte(environment), full, "VTE shows it"),
        ("256color" in term, palette, f"TERM={term}, and nothing told of more (ssh drops COLORTERM)"),
        (re.match(r"vt\d", term) is not None, none, f"TERM={term}"),
        (True, ColourDepth.ANSI, f"TERM={term or 'unset'} promises no more"),
    ]
    value, why = next((value, why) for holds, value, why in rows if holds)
    return Finding("colours", value, why, "--colors truecolor|256|16|none, or COLORTERM=truecolor")


def _modern_vte(environment: Environment) -> bool:
    version = environment.get("VTE_VERSION", "")
    return version.isdecimal() and int(version) >= 3600


def _mouse(replies: Replies, environment: Environment, overrides: Overrides, multiplexer: str | None) -> Finding:
    # Textual turns pixels on through mode 2048 and keeps away from it in iTerm2.
    iterm = environment.get("LC_TERMINAL") == "iTerm2" or environment.get("TERM_PROGRAM") == "iTerm.app"
    # Without that mode the size of a cell, as told, turns pixels into cells (`answers.QuietParser`).
    able = replies.pixel_mouse_mode in (1, 2, 3) and (replies.resize_mode in (1, 2, 3) or replies.cell_px is not None)
    chosen = overrides.mouse
    rows: list[tuple[bool, Mouse, str]] = [
        (chosen is Mouse.PIXEL and not able, Mouse.CELL, "you chose pixel, but the terminal does not report pixels"),
        (chosen is not None, chosen or Mouse.CELL, "you chose it"),
        (iterm, Mouse.CELL, "iTerm2's size reports are not reliable"),
        (able and multiplexer is None, Mouse.PIXEL, "the terminal reports pixels (mode 1016)"),
        (multiplexer is not None, Mouse.CELL, f"{multiplexer} passes cells only"),
        (True, Mouse.CELL, "the terminal did not say that it reports pixels (mode 1016)"),
    ]
    value, why = next((value, why) for holds, value, why in rows if holds)
    return Finding("mouse", value, why, "--mouse pixel|cell|off")


def _graphics(replies: Replies, environment: Environment, overrides: Overrides, multiplexer: str | None) -> Finding:
    brand = _brand(replies, environment)
    sixel = 4 in replies.attributes[1:]
    chosen, none = overrides.graphics, Graphics.NONE
    rows: list[tuple[bool, Graphics, str]] = [
        (chosen is not None, chosen or none, "you chose it"),
        (multiplexer is not None, none, f"{multiplexer} loses pictures; choose one to pass them through"),
        (
            replies.kitty_graphics and bool(KITTY_NAMES.search(brand)),
            Graphics.KITTY,
            "the terminal took a kitty picture",
        ),
        (bool(ITERM2_NAMES.search(brand)), Graphics.ITERM2, f"{brand} shows inline pictures"),
        (sixel, Graphics.SIXEL, "the terminal's attributes name sixel"),
        (True, none, "the terminal names no way to show pictures"),
    ]
    value, why = next((value, why) for holds, value, why in rows if holds)
    return Finding("graphics", value, why, "--graphics kitty|iterm2|sixel|none")
