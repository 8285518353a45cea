"""The looks: neutral greys that survive 256 colours, and one accent."""

from dataclasses import replace

from textual.theme import Theme

from retouch_tui.terminal.colour import ColourDepth

DARK = Theme(
    name="retouch-dark",
    primary="#ffaf5f",
    secondary="#a8a8a8",
    accent="#ffaf5f",
    warning="#ffd75f",
    error="#ff8787",
    success="#87d787",
    foreground="#dadada",
    background="#121212",
    surface="#1c1c1c",
    panel="#262626",
    boost="#303030",
    dark=True,
    variables={
        "border": "#4e4e4e",
        "border-blurred": "#3a3a3a",
        "footer-background": "#1c1c1c",
        "footer-key-foreground": "#ffaf5f",
        "footer-description-foreground": "#a8a8a8",
        "input-selection-background": "#585858",
        "block-cursor-background": "#ffaf5f",
        "block-cursor-foreground": "#121212",
        "scrollbar": "#4e4e4e",
        "scrollbar-background": "#1c1c1c",
        "scrollbar-corner-color": "#1c1c1c",
    },
)

LIGHT = Theme(
    name="retouch-light",
    primary="#af5f00",
    secondary="#585858",
    accent="#af5f00",
    warning="#875f00",
    error="#af0000",
    success="#005f00",
    foreground="#262626",
    background="#eeeeee",
    surface="#e4e4e4",
    panel="#dadada",
    boost="#d0d0d0",
    dark=False,
    variables={
        "border": "#b2b2b2",
        "border-blurred": "#c6c6c6",
        "footer-background": "#dadada",
        "footer-key-foreground": "#af5f00",
        "footer-description-foreground": "#4e4e4e",
        "input-selection-background": "#c6c6c6",
        "block-cursor-background": "#af5f00",
        "block-cursor-foreground": "#ffffff",
        "scrollbar": "#b2b2b2",
        "scrollbar-background": "#e4e4e4",
        "scrollbar-corner-color": "#e4e4e4",
    },
)

CONTRAST = Theme(
    name="retouch-contrast",
    primary="#ffff00",
    secondary="#ffffff",
    accent="#ffff00",
    warning="#ffff00",
    error="#ff5f5f",
    success="#5fff5f",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#000000",
    boost="#303030",
    dark=True,
    variables={
        "border": "#ffffff",
        "border-blurred": "#bcbcbc",
        "footer-background": "#000000",
        "footer-key-foreground": "#ffff00",
        "footer-description-foreground": "#ffffff",
        "input-selection-background": "#585858",
        "block-cursor-background": "#ffff00",
        "block-cursor-foreground": "#000000",
        "scrollbar": "#ffffff",
        "scrollbar-background": "#000000",
        "scrollbar-corner-color": "#000000",
    },
)

THEMES = (DARK, LIGHT, CONTRAST)
"""All looks, the default first."""

FEW_DARK = {
    "border": "#808080",
    "border-blurred": "#808080",
    "text-muted": "#c0c0c0",
    "text-disabled": "#808080",
    "footer-description-foreground": "#c0c0c0",
}
FEW_LIGHT = {
    "border": "#808080",
    "border-blurred": "#808080",
    "text-muted": "#000000",
    "text-disabled": "#808080",
    "footer-description-foreground": "#000000",
}


def themes(depth: ColourDepth) -> tuple[Theme, ...]:
    """Return all looks for a terminal; with 16 colours the greys are those that are not black there."""
    if depth is not ColourDepth.ANSI:
        return THEMES
    return tuple(replace(t, variables={**t.variables, **(FEW_DARK if t.dark else FEW_LIGHT)}) for t in THEMES)
