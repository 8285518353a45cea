"""The recordings in the documentation: what was on the screen is in the cast, in the stills and in the moving SVG."""

import json
import re
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "docs"))

from screen_pictures import LAST_S, cut_to_length, moving_svg
from terminal_film import LONGEST_REST_S, Cell, Film, Frame, painted

SVG = "{http://www.w3.org/2000/svg}"
RED, BLUE = "ff0000", "0000ff"


def screen(text: str, back: str = "000000", columns: int = 6) -> list[list[Cell]]:
    """A screen of one row."""
    return [[Cell(letter, "ffffff", back) for letter in text.ljust(columns)]]


def test_a_film_holds_what_a_program_wrote(tmp_path: Path) -> None:
    half = "\\033[38;2;255;0;0;48;2;0;0;255m\\342\\226\\200\\033[0m"
    script = f"printf 'asked: \\033[c'; read -r answer; printf '{half} done'; sleep 5"
    with Film(["bash", "-c", script], columns=20, rows=3, folder=tmp_path) as film:
        film.until("asked")
        film.press("enter")
        film.until("done")
        cells = [cell for line in film.screen for cell in line if cell.text == "▀"]
        assert [(cell.front, cell.back) for cell in cells] == [(RED, BLUE)]
        film.cast(tmp_path / "a.cast", "a film")
        with pytest.raises(RuntimeError, match="in vain"):
            film.until("never", limit_s=0.1)
    head, *events = [json.loads(line) for line in (tmp_path / "a.cast").read_text().splitlines()]
    assert (head["version"], head["width"], head["height"]) == (2, 20, 3)
    assert "done" in "".join(text for _, kind, text in events if kind == "o")
    assert [at for at, _, _ in events] == sorted(at for at, _, _ in events)


def test_rests_are_cut_and_equal_screens_shown_once() -> None:
    frames = [Frame(0.0, screen("a")), Frame(0.3, screen("a")), Frame(60.0, screen("b")), Frame(60.01, screen("c"))]
    kept = cut_to_length(frames)
    assert [frame.screen[0][0].text for frame in kept] == ["a", "c"], "what is seen too shortly gives way"
    assert kept[1].at == pytest.approx(0.3 + LONGEST_REST_S)


def test_the_svg_paints_only_what_changed_and_ends_with_the_last_frame(tmp_path: Path) -> None:
    path = tmp_path / "film.svg"
    frames = [Frame(0.0, screen("one")), Frame(1.0, screen("one", columns=6)), Frame(1.1, screen("oneX"))]
    frames += [Frame(2.0, [[Cell("▀", RED, BLUE), *frames[2].screen[0][1:]]])]
    moving_svg(frames, path, "a < b")
    tree = ET.parse(path)
    layers = tree.getroot().findall(f"{SVG}g")
    assert ["".join(text.text or "" for text in layer.iter(f"{SVG}text")) for layer in layers] == ["one", "X", ""]
    boxes = {box.get("fill"): box.get("d") for box in layers[2].iter(f"{SVG}path")}
    assert boxes == {f"#{RED}": "M0 0h9v9h-9z", f"#{BLUE}": "M0 9h9v9h-9z"}
    style = "".join(tree.getroot().find(f"{SVG}style").itertext())  # type: ignore[union-attr]
    shares = [float(share) for share in re.findall(r"([\d.]+)%\{visibility:visible", style)]
    length = 2.0 + LAST_S
    assert shares == pytest.approx([110 / length, 200 / length], abs=0.01)
    moving_svg(frames, path, "still", until_s=1.5)
    assert len(ET.parse(path).getroot().findall(f"{SVG}g")) == 2
    assert "animation" not in path.read_text()


def test_a_painted_screen_is_the_screen(tmp_path: Path) -> None:
    text = painted(screen("ab▀", back=BLUE))
    assert text.count("ab▀") == 1
    assert "48;2;0;0;255" in text
