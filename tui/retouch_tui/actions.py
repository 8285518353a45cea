"""Everything a key can do, in one table: bindings, footer, help, command palette and keymap file come from it."""

from dataclasses import dataclass
from typing import Literal

from textual.binding import Binding

Scope = Literal["canvas", "editor"]


@dataclass(frozen=True, kw_only=True)
class Action:
    """One thing to do. `keys` are Textual's names; letters act only while the canvas has the focus."""

    name: str
    """The name in the keymap file."""
    keys: tuple[str, ...]
    call: str
    """Textual action, run by the editor screen."""
    label: str
    help: str
    group: str
    scope: Scope = "canvas"
    footer: bool = False
    palette: bool = True


def _tool(name: str, key: str, label: str) -> Action:
    return Action(
        name=name,
        keys=(key,),
        call=f"tool('{name}')",
        label=label,
        help=f"choose the tool {label.lower()}",
        group="Tools",
    )


def _move(name: str, key: str, dx: int, dy: int, far: bool) -> Action:
    return Action(
        name=name,
        keys=(key,),
        call=f"cursor({dx}, {dy}, {far})",
        label="move",
        help=f"move the cursor {'far ' if far else ''}{name.removeprefix('far-')}; it speeds up while held",
        group="Cursor",
        palette=False,
    )


def _moves() -> tuple[Action, ...]:
    ways = (("left", -1, 0), ("right", 1, 0), ("up", 0, -1), ("down", 0, 1))
    near = tuple(_move(name, name, dx, dy, far=False) for name, dx, dy in ways)
    return near + tuple(_move(f"far-{name}", f"shift+{name}", dx, dy, far=True) for name, dx, dy in ways)


def _presets() -> tuple[Action, ...]:
    return tuple(
        Action(
            name=f"size-{n}",
            keys=(str(n),),
            call=f"preset({n})",
            label=f"size {n}",
            help=f"brush size preset {n}",
            group="Brush",
            palette=False,
        )
        for n in range(1, 10)
    )


def _canvas(name: str, keys: str, call: str, label: str, help: str, group: str, *, footer: bool = False) -> Action:
    return Action(name=name, keys=tuple(keys.split()), call=call, label=label, help=help, group=group, footer=footer)


def _editor(name: str, keys: str, call: str, label: str, help: str, group: str, *, footer: bool = False) -> Action:
    return Action(
        name=name,
        keys=tuple(keys.split()),
        call=call,
        label=label,
        help=help,
        group=group,
        scope="editor",
        footer=footer,
    )


ACTIONS: tuple[Action, ...] = (
    _editor("help", "f1", "help", "Help", "what the keys do here", "Screens", footer=True),
    _editor("generate", "f5 ctrl+g", "generate", "Generate", "repaint the masked part", "Generate", footer=True),
    _editor("options", "f2", "panel('options')", "Options", "show or hide the options", "Screens", footer=True),
    _editor("history", "f3", "panel('history')", "History", "show or hide the results", "Screens", footer=True),
    _editor("open", "f4 ctrl+o", "open", "Open", "open a picture", "Files", footer=True),
    _editor("save", "f10 ctrl+s", "save", "Save", "save the picture worked on", "Files", footer=True),
    _editor("fixes", "f6", "fixes", "Fix list", "numbered flaws, each with its own prompt", "Screens"),
    _editor("compare", "f7", "compare", "Compare", "wipe between before and after", "Screens"),
    _editor("jump", "f8", "jump", "Jump", "jump to any panel by a letter", "Screens"),
    _editor("settings", "f9", "settings", "Settings", "theme, keys, terminal", "Screens"),
    _editor("undo", "ctrl+z", "undo", "Undo", "take the last stroke back", "Mask", footer=True),
    _editor("redo", "ctrl+y", "redo", "Redo", "do the undone stroke again", "Mask"),
    _editor("redraw", "f11 ctrl+l", "app.redraw", "Redraw", "paint the screen anew, if it looks wrong", "Screens"),
    _editor("quit", "ctrl+q f12", "leave", "Quit", "close; everything is kept for --resume", "Screens"),
    _tool("brush", "b", "Brush"),
    _tool("eraser", "e", "Eraser"),
    _tool("line", "n", "Line"),
    _tool("rectangle", "u", "Rectangle"),
    _tool("ellipse", "d", "Ellipse"),
    _tool("lasso", "l", "Lasso"),
    _tool("polygon", "y", "Polygon"),
    _tool("fill", "f", "Fill"),
    _tool("wand", "w", "Wand"),
    _tool("colour", "k", "Colour"),
    _tool("picker", "i", "Pick"),
    _tool("frame", "c", "Frame"),
    _tool("pan", "h", "Pan"),
    _canvas("smaller", "[", "size(-1)", "Smaller", "smaller brush", "Brush"),
    _canvas("larger", "]", "size(1)", "Larger", "larger brush", "Brush"),
    _canvas("swap", "x", "swap", "Swap", "paint or erase with the left button", "Brush"),
    _canvas("tolerance-less", "{", "tolerance(-8)", "Stricter wand", "the wand takes fewer colours", "Brush"),
    _canvas("tolerance-more", "}", "tolerance(8)", "Looser wand", "the wand takes more colours", "Brush"),
    *_presets(),
    _canvas("undo-letter", "z", "undo", "Undo", "take the last stroke back", "Mask"),
    _canvas("redo-letter", "Z", "redo", "Redo", "do the undone stroke again", "Mask"),
    _canvas("invert", "V", "refine('invert')", "Invert", "swap kept and repainted", "Mask"),
    _canvas("grow", ">", "refine('expand')", "Grow", "widen the mask by 4 pixels", "Mask"),
    _canvas("shrink", "<", "refine('shrink')", "Shrink", "narrow the mask by 4 pixels", "Mask"),
    _canvas("feather", "F", "refine('feather')", "Feather", "soften the mask's edge by 4 pixels", "Mask"),
    _canvas("fill-holes", "H", "refine('fill-holes')", "Fill holes", "mask what the mask surrounds", "Mask"),
    _canvas("drop-specks", "D", "refine('drop-specks')", "Drop specks", "forget tiny areas of mask", "Mask"),
    _canvas("clear", "C", "refine('clear')", "Clear", "forget the whole mask", "Mask"),
    _canvas("script", "v", "script", "Script", "the mask as lines of text, to read and edit", "Mask"),
    _canvas("tint", "t", "tint", "Tint", "mask blue, red or unseen", "View"),
    _canvas("mask-only", "m", "mask_only", "Mask only", "show the mask alone", "View"),
    _canvas("before", "o", "before", "Before", "see the picture before the last result", "View"),
    _canvas("zoom-in", "+ =", "zoom(1)", "Zoom in", "look closer", "View"),
    _canvas("zoom-out", "-", "zoom(-1)", "Zoom out", "see more", "View"),
    _canvas("fit", "0", "fit", "Fit", "see the whole picture", "View"),
    *_moves(),
    _canvas("stamp", "space", "stamp", "Stamp", "use the tool at the cursor", "Cursor"),
    _canvas("pen", "p", "pen", "Pen down", "draw while the cursor moves, until pressed again", "Cursor"),
    _canvas("close", "enter", "close", "Close", "finish the shape", "Cursor"),
    _canvas("cancel", "escape", "cancel", "Cancel", "drop the shape, or stop the run", "Cursor"),
    _canvas("grid", "g", "grid", "Grid", "reach any point in four keys", "Cursor"),
    _canvas("previous", ",", "browse(-1)", "Previous", "look at the result before", "Results"),
    _canvas("next", ".", "browse(1)", "Next", "look at the next result", "Results"),
    _canvas("take", "a", "take", "Take", "go on from the result you see; the mask stays", "Results"),
    _canvas("take-area", "A", "take_area", "Take area", "take only the area under the cursor", "Results"),
    _canvas("reuse", "r", "reuse", "Reuse", "set the options to those of this result", "Results"),
    _canvas("run", "R", "generate", "Generate", "repaint the masked part", "Generate"),
    _canvas("add-fix", "N", "add_fix", "Add to list", "make the mask a numbered flaw of the fix list", "Results"),
    _canvas("still", "s", "still", "Still", "see the picture in real pixels, where the terminal has them", "View"),
    _canvas("sharp", "X", "sharp", "Sharp", "real pixels while nothing moves, where the terminal has them", "View"),
    _canvas("load-mask", "L", "load_mask", "Load mask", "take the mask from a picture file", "Files"),
    _canvas("save-mask", "S", "save_mask", "Save mask", "write the mask to a picture file", "Files"),
    _canvas("copy", "Y", "copy('path')", "Copy path", "copy the path of the picture", "Files"),
    _canvas("say", "?", "say", "Say", "say in words where you are and what is masked", "Cursor"),
    _canvas("jump-letter", "j", "jump", "Jump", "jump to any panel by a letter", "Screens"),
    _canvas("palette", ":", "app.command_palette", "Commands", "search all commands", "Screens"),
    _canvas("quit-letter", "Q", "leave", "Quit", "close; everything is kept for --resume", "Screens"),
)
"""All actions in the order of the help screen."""

NAMES = tuple(a.name for a in ACTIONS)


def spelled(keys: tuple[str, ...]) -> tuple[str, ...]:
    """Add the spelling that terminals with the kitty keyboard protocol use for capital letters."""
    more = [f"shift+{k.lower()}" for k in keys if len(k) == 1 and k.isupper()]
    return (*keys, *more)


def footer_key(key: str) -> str:
    """Write a key for the footer: F5, ^z, b."""
    if key.startswith("ctrl+"):
        return "^" + key.removeprefix("ctrl+")
    return key.upper() if key[:1] == "f" and key[1:].isdigit() else key


def bindings(scope: Scope) -> list[Binding]:
    """Return the bindings of a scope with their default keys."""
    prefix = "" if scope == "editor" else "screen."
    return [
        Binding(
            ",".join("comma" if k == "," else k for k in spelled(a.keys)),
            a.call if "." in a.call.split("(")[0] else prefix + a.call,
            a.label,
            show=a.footer,
            key_display=footer_key(a.keys[0]),
            tooltip=a.help,
            id=a.name,
            priority=scope == "editor" and not a.call.startswith(("undo", "redo")),
        )
        for a in ACTIONS
        if a.scope == scope
    ]
