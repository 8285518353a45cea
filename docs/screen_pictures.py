"""Draws what a film of a terminal shows: stills as pictures, and a moving SVG that needs no script."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from xml.sax.saxutils import escape

from PIL import Image, ImageDraw, ImageFont
from terminal_film import BACKGROUND, LONGEST_REST_S, Cell, Frame, Screen

FONTS = Path("/usr/share/fonts/truetype/dejavu")

ACROSS, DOWN = 9, 18
"""Pixels of a cell in a still."""

HALVES = {"▀": (0.0, 0.5), "▄": (0.5, 1.0), "█": (0.0, 1.0)}
"""Glyphs that are drawn as boxes: from where to where down the cell they are inked."""


def still(screen: Screen, margin: int = 8) -> Image.Image:
    """Draw a screen."""
    high, wide = len(screen), len(screen[0])
    image = Image.new("RGB", (wide * ACROSS + 2 * margin, high * DOWN + 2 * margin), f"#{BACKGROUND}")
    draw = ImageDraw.Draw(image)
    fonts = [ImageFont.truetype(str(FONTS / name), 15) for name in ("DejaVuSansMono.ttf", "DejaVuSansMono-Bold.ttf")]
    for row, line in enumerate(screen):
        for column, cell in enumerate(line):
            x, y = margin + column * ACROSS, margin + row * DOWN
            draw.rectangle((x, y, x + ACROSS - 1, y + DOWN - 1), fill=f"#{cell.back}")
            if cell.text in HALVES:
                top, bottom = (round(part * DOWN) for part in HALVES[cell.text])
                draw.rectangle((x, y + top, x + ACROSS - 1, y + bottom - 1), fill=f"#{cell.front}")
    for row, line in enumerate(screen):
        for column, cell in enumerate(line):
            if cell.text not in HALVES and cell.text != " ":
                x, y = margin + column * ACROSS, margin + row * DOWN
                draw.text((x, y), cell.text, fill=f"#{cell.front}", font=fonts[cell.bold])
    return image


SHORTEST_S = 0.05
"""Screens that follow each other faster become one."""
LAST_S = 2.5
"""How long the last one stays before the film begins again."""

Colours = dict[str, list[str]]


def cut_to_length(frames: Sequence[Frame]) -> list[Frame]:
    """Leave out what lasts too long, what lasts too short to be seen, and what looks like the frame before."""
    kept: list[Frame] = []
    at = last = 0.0
    for frame in frames:
        at, last = at + min(frame.at - last, LONGEST_REST_S), frame.at
        if kept and frame.screen == kept[-1].screen:
            continue
        if kept and at - kept[-1].at < SHORTEST_S:
            kept[-1] = Frame(kept[-1].at, frame.screen)
        else:
            kept.append(Frame(at, frame.screen))
    return kept


def moving_svg(frames: Sequence[Frame], path: Path, title: str, until_s: float | None = None) -> None:
    """Write frames as an SVG that moves by itself in a browser: no script, one layer for what each frame changed.

    Layers become visible one after another and stay, so a program that shows no animation shows the last frame.
    With until_s it does not move and shows that moment.
    """
    kept = cut_to_length(frames)
    length = kept[-1].at + LAST_S
    shown = kept if until_s is None else [frame for frame in kept if frame.at <= until_s]
    high, wide = len(shown[0].screen), len(shown[0].screen[0])
    layers, rules = [_layer(None, shown[0].screen, "")], []
    for number, (before, frame) in enumerate(pairwise(shown), start=1):
        layers.append(_layer(before.screen, frame.screen, f' id="f{number}"'))
        if until_s is None:
            share = f"{frame.at / length * 100:.3f}".rstrip("0").rstrip(".")
            rules.append(
                f"@keyframes k{number}{{0%{{visibility:hidden}}{share}%{{visibility:visible}}}}"
                f"#f{number}{{animation:k{number} {length:.2f}s step-end infinite}}"
            )
    style = (
        "text{font:15px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace}.b{font-weight:bold}"
        "path{shape-rendering:crispEdges}"
    )
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-8 -8 {wide * ACROSS + 16} {high * DOWN + 16}" role="img">'
        f"<title>{escape(title)}</title><style>{style}{''.join(rules)}</style>"
        f'<rect x="-8" y="-8" width="100%" height="100%" rx="6" fill="#{BACKGROUND}"/>'
    )
    path.write_text(head + "\n" + "\n".join(layers) + "\n</svg>\n", encoding="utf-8")


def _layer(before: Screen | None, after: Screen, name: str) -> str:
    """Everything that differs between two screens, as one group."""
    changed = [
        [before is None or before[row][column] != cell for column, cell in enumerate(line)]
        for row, line in enumerate(after)
    ]
    paths = "".join(
        f'<path fill="#{colour}" d="{"".join(boxes)}"/>' for colour, boxes in _boxes(after, changed).items()
    )
    return f"<g{name}>{paths}{_words(after, changed)}</g>"


def _halves(cell: Cell) -> tuple[str, str]:
    """The colours of the upper and the lower half of a cell, without its glyph."""
    if cell.text not in HALVES:
        return cell.back, cell.back
    top, bottom = HALVES[cell.text]
    return cell.front if top == 0.0 else cell.back, cell.front if bottom == 1.0 else cell.back


def _boxes(screen: Screen, changed: Sequence[Sequence[bool]]) -> Colours:
    """Boxes of one colour, by colour: runs of half-cells, joined with equal ones in the rows above."""
    found: Colours = {}
    open_: dict[tuple[int, int, str], int] = {}

    def close(run: tuple[int, int, str], bottom: int) -> None:
        start, end, colour = run
        top = open_.pop(run)
        wide, high = (end - start) * ACROSS, (bottom - top) * DOWN // 2
        found.setdefault(colour, []).append(f"M{start * ACROSS} {top * DOWN // 2}h{wide}v{high}h-{wide}z")

    for half in range(2 * len(screen)):
        runs: list[tuple[int, int, str]] = []
        for column, cell in enumerate(screen[half // 2]):
            if not changed[half // 2][column]:
                continue
            colour = _halves(cell)[half % 2]
            if runs and runs[-1][1] == column and runs[-1][2] == colour:
                runs[-1] = (runs[-1][0], column + 1, colour)
            else:
                runs.append((column, column + 1, colour))
        for run in [run for run in open_ if run not in runs]:
            close(run, half)
        for run in runs:
            open_.setdefault(run, half)
    for run in list(open_):
        close(run, 2 * len(screen))
    return found


def _words(screen: Screen, changed: Sequence[Sequence[bool]]) -> str:
    """The characters, word by word, each as wide as its cells whatever font there is."""
    found = []
    for row, line in enumerate(screen):
        column = 0
        while column < len(line):
            first = column
            look = (line[first].front, line[first].bold)
            while (
                column < len(line)
                and changed[row][column]
                and line[column].text not in HALVES
                and line[column].text != " "
                and (line[column].front, line[column].bold) == look
            ):
                column += 1
            if column == first:
                column += 1
                continue
            word = "".join(cell.text for cell in line[first:column])
            bold = ' class="b"' if look[1] else ""
            found.append(
                f'<text x="{first * ACROSS}" y="{row * DOWN + 14}" fill="#{look[0]}"{bold}'
                f' textLength="{(column - first) * ACROSS}" lengthAdjust="spacingAndGlyphs">{escape(word)}</text>'
            )
    return "".join(found)
