"""Make the pictures of docs/tui.md with the bundled model: `python docs/make_tui_pictures.py [NAME ...]`.

A real edit in a terminal made of software: the editor runs on a pty, keys and mouse are those a person would use, and
a VT emulator tells what is on the screen. `film` makes edit.svg (README) and edit.cast (asciinema play); the other
names are groups of stills. Without names everything is made, in a minute or two. Needs the fonts DejaVu Sans Mono.
"""

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))

from screen_pictures import moving_svg, still
from terminal_film import Film

from retouch_models.store import sample_folder
from retouch_tui.engine import Draft

IMAGES = Path(__file__).parent / "images" / "tui"
SEED = 11
TITLE = "retouch: paint over it, say what should be there, press F5"
SMALL, NORMAL = (80, 24), (120, 36)


@contextmanager
def editor(
    *arguments: str,
    size: tuple[int, int] = NORMAL,
    toured: bool = True,
    prepare: Callable[[Path], None] = lambda _: None,
) -> Iterator[Film]:
    """Start the editor with folders of its own, on a copy of the sample picture called photo.png."""
    with tempfile.TemporaryDirectory() as folder:
        config, work = Path(folder) / "config", Path(folder) / "work"
        (config / "models").mkdir(parents=True)
        work.mkdir()
        draft = Draft(model="pocket", seed_locked=True).with_request(seed=SEED)
        (config / "models" / "pocket.json").write_text(json.dumps(draft.to_data()))
        # Without what this machine has learnt so far the editor would foretell times of a busy afternoon.
        (config / "settings.toml").write_text(f"toured = {str(toured).lower()}\npace = 1.0\n")
        shutil.copy(sample_folder() / "picture.png", work / "photo.png")
        prepare(work)
        environment = {
            "RETOUCH_CONFIG_DIR": str(config),
            "RETOUCH_STATE_DIR": str(Path(folder) / "state"),
            "OPENBLAS_NUM_THREADS": "1",  # on a busy machine two threads wait for each other: "~2 min" for a second
        }
        command = [sys.executable, "-m", "retouch", "tui", *arguments]
        with Film(command, columns=size[0], rows=size[1], environment=environment, folder=work) as film:
            yield film


class Canvas:
    """Where the picture lies on the screen while all of it is seen."""

    def __init__(self, left: int, top: int, columns: int, rows: int, picture: tuple[int, int]) -> None:
        """The cells of the canvas, and the size of the picture in pixels."""
        self._zoom = min(columns / picture[0], rows * 2 / picture[1])
        self._left = left + columns / 2 - picture[0] * self._zoom / 2
        self._top = top + rows / 2 - picture[1] * self._zoom / 4

    def cell(self, x: float, y: float) -> tuple[int, int]:
        """The cell that shows a pixel of the picture."""
        return int(self._left + x * self._zoom), int(self._top + y * self._zoom / 2)

    def path(self, *points: tuple[float, float], step: float = 12.0) -> list[tuple[int, int]]:
        """Cells on the way through some pixels, as a hand moves."""
        cells = [self.cell(*points[0])]
        for (x0, y0), (x1, y1) in pairwise(points):
            count = max(int(max(abs(x1 - x0), abs(y1 - y0)) / step), 1)
            for part in range(1, count + 1):
                cell = self.cell(x0 + (x1 - x0) * part / count, y0 + (y1 - y0) * part / count)
                if cell != cells[-1]:
                    cells.append(cell)
        return cells


def thing() -> tuple[float, float, float, float]:
    """The box around the thing in the sample picture that is to go, in pixels."""
    with Image.open(sample_folder() / "mask.png") as mask:
        left, top, right, bottom = mask.convert("L").point(lambda v: 255 * (v > 127)).getbbox() or (0, 0, 1, 1)
    return float(left), float(top), float(right), float(bottom)


def paint_thing(film: Film, canvas: Canvas, *, pause: float = 0.05) -> None:
    """Paint over it with a brush of 64 pixels, to and fro."""
    left, top, right, bottom = thing()
    rows = [top + 12, top + 62, bottom - 62, bottom - 12]
    inside = 20
    points = []
    for number, row in enumerate(rows):
        ends = [(left + inside, row), (right - inside, row)]
        points += ends if number % 2 == 0 else ends[::-1]
    film.drag(canvas.path(*points), pause=pause)


def small_canvas() -> Canvas:
    """The canvas at 80x24, below the line of tools."""
    return Canvas(0, 1, 80, 20, (768, 512))


def film() -> None:
    """A whole edit at 80x24: paint, say, generate, look, take, compare."""
    with editor("photo.png", size=SMALL) as film:
        film.until("photo|masked")
        film.press("7", pause=1.5)
        film.mouse(35, *small_canvas().cell(150, 90))
        film.wait(0.5)
        film.cut()
        film.wait(0.8)
        paint_thing(film, small_canvas(), pause=0.06)
        film.wait(1.0)
        film.click(12, 22)
        film.type("a red heart", pause=0.09)
        film.wait(0.6)
        film.press("f5")
        film.until("a takes it")
        film.wait(1.2)
        film.press("o", pause=0.9)
        film.press("o", pause=0.9)
        film.press("a", pause=1.2)
        film.press("f7", pause=0.9)
        film.press(*["left"] * 9, *["right"] * 18, *["left"] * 9, pause=0.06)
        film.wait(0.4)
        film.press("escape", pause=0.6)
        film.press("C", pause=1.5)
        film.cast(IMAGES / "edit.cast", TITLE)
        moving_svg(film.frames, IMAGES / "edit.svg", TITLE)


def shoot(film: Film, name: str) -> None:
    """Keep the screen as a picture."""
    film.wait(0.6)
    still(film.screen).save(IMAGES / f"{name}.png", optimize=True)


def tall_canvas() -> Canvas:
    """The canvas at 120x36 before there are results."""
    return Canvas(19, 1, 68, 32, (768, 512))


def low_canvas() -> Canvas:
    """The canvas at 120x36 above the results."""
    return Canvas(19, 1, 68, 25, (768, 512))


def leave(film: Film) -> None:
    """Move the mouse off the canvas."""
    film.mouse(35, 4, 33)
    film.wait(0.4)


def stills() -> None:
    """An edit at 120x36, and what can be done with its result."""
    with editor(toured=False) as film:
        film.until("any key")
        shoot(film, "start")
        film.press("escape", pause=0.6)
        film.press("7")
        paint_thing(film, tall_canvas())
        film.wait(1.0)
        shoot(film, "painting")
        film.press("f8", "p", pause=0.4)
        film.type("a red heart")
        film.press("f5")
        film.until("step [5-7]/")
        still(film.screen).save(IMAGES / "generating.png", optimize=True)
        film.until("a takes it")
        leave(film)
        shoot(film, "result")
        film.press("f7", pause=1.2)
        film.press("left", "left", "left", "left", pause=0.1)
        shoot(film, "compare")
        film.press("escape", pause=0.6)
        film.press("f3", "d", pause=0.8)
        shoot(film, "details")
        film.press("escape", "escape", pause=0.6)
        film.press("v", pause=0.8)
        shoot(film, "lines")
        film.press("escape", pause=0.6)


def fixes() -> None:
    """Two flaws with prompts and options of their own."""
    with editor("photo.png") as film:
        film.until("photo.png")
        film.wait(0.8)
        canvas = tall_canvas()
        film.press("u", pause=0.3)
        film.drag([canvas.cell(560, 24), canvas.cell(700, 130)])
        film.press("N", pause=0.5)
        film.drag([canvas.cell(110, 30), canvas.cell(300, 130)])
        film.press("N", pause=0.5)
        leave(film)
        film.press("f6")
        film.until("Its own options")
        film.wait(1.0)
        film.press("enter", pause=0.6)
        film.type("a moon")
        film.press("enter", "down", "enter", pause=0.6)
        film.type("a balloon")
        film.press("enter", pause=0.3)
        film.press("tab", "tab", pause=0.2)  # past the prompt, to the first option
        film.press("tab", "tab", "tab", "tab", "tab", "backspace", "0", ".", "8", pause=0.2)
        film.press("tab", "tab", "tab", "backspace", "3", pause=0.2)
        film.press("escape", "t", pause=0.3)
        shoot(film, "fix-list")


def frame() -> None:
    """A frame that makes room on the right."""
    with editor() as film:
        film.until("sample")
        film.wait(0.8)
        canvas = tall_canvas()
        film.press("c", pause=0.3)
        film.drag(canvas.path((540, 256), (768, 256)), pause=0.05)
        film.wait(0.5)
        leave(film)
        shoot(film, "frame")


def small() -> None:
    """80x24, with a result and with the drawer of options."""
    with editor(size=SMALL) as film:
        film.until("masked")
        film.wait(1.0)
        film.press("7")
        paint_thing(film, small_canvas())
        film.wait(0.8)
        shoot(film, "small")
        film.press("f2", pause=0.8)
        shoot(film, "small-options")


def looks() -> None:
    """The light theme, and a terminal without colours."""
    for name, arguments in (("light", ("--theme", "retouch-light")), ("no-colour", ("--colors", "none"))):
        with editor(*arguments) as film:
            film.until("sample")
            film.wait(1.0)
            film.press("7")
            paint_thing(film, tall_canvas())
            film.wait(1.0)
            shoot(film, name)


def sheet() -> None:
    """A folder as a contact sheet: parts of the sample picture stand for photos."""
    parts = {"house": (60, 180, 330, 400), "tree": (520, 180, 768, 420), "sun": (500, 10, 768, 190)}
    parts |= {"cloud": (60, 20, 320, 150), "thing": (280, 180, 520, 420), "meadow": (0, 330, 768, 512)}
    with editor("album", size=SMALL, prepare=lambda work: _album(work / "album", parts)) as film:
        film.until("pictures")
        film.wait(2.0)
        film.press("right", "right", "down", pause=0.2)
        shoot(film, "contact-sheet")


def _album(folder: Path, parts: dict[str, tuple[int, int, int, int]]) -> None:
    folder.mkdir()
    with Image.open(sample_folder() / "picture.png") as picture:
        picture.save(folder / "all.png")
        for name, box in parts.items():
            picture.crop(box).save(folder / f"{name}.png")


PICTURES: dict[str, Callable[[], None]] = {
    "film": film,
    "stills": stills,
    "fixes": fixes,
    "frame": frame,
    "small": small,
    "looks": looks,
    "sheet": sheet,
}


def main() -> None:
    """Make the pictures that are named, or all."""
    wanted = sys.argv[1:] or list(PICTURES)
    for name in wanted:
        PICTURES[name]()
        sys.stdout.write(f"{name}\n")


if __name__ == "__main__":
    main()
