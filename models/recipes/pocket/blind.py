"""Ask readers who are no networks of ours which of two bundles draws better, without telling whose picture is whose.

`python -m recipes.pocket.blind sheets BEFORE AFTER OUT` lays what the judge had both bundles paint on numbered
sheets, for two readers. Of each noun's two pictures a reader gets one, by lot: nobody sees a noun twice, and both
readers see both bundles. A reader (a person, or a general vision model) looks at `OUT/reader-N/sheet-*.png` alone
and writes `OUT/reader-N/answers.json`: for each number three guesses, the likeliest first, as in
`{"0": ["dog", "cat", "bear"]}`. `python -m recipes.pocket.blind count OUT` prints the table.
"""

import argparse
import json
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from recipes.pocket.gallery import home_of
from recipes.pocket.judge_tasks import naming_name
from recipes.pocket.sprites import read_artwork
from recipes.pocket.train_judge import judged_nouns
from retouch_models.bundle import open_bundle

READERS, GUESSES = 2, 3
COLUMNS, ROWS, TILE_PX, LABEL_PX = 8, 4, 196, 18
SYNONYMS = Path(__file__).parent / "words" / "synonyms.json"
"""Other right answers by noun, alike for every bundle."""
KEY, ANSWERS = "key.json", "answers.json"

Guesses = dict[str, list[str]]
"""By the number of the picture."""


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One numbered picture of a reader."""

    noun: str
    after: bool
    """Painted by the second bundle, not the first."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How often each bundle was read right, over nouns that both painted."""

    nouns: int
    before: int
    after: int
    won: int
    """Nouns that only the second bundle got right."""
    lost: int
    """Nouns that only the first got right."""

    @property
    def error(self) -> float:
        """One standard error of the difference of the shares (McNemar: only nouns that differ tell)."""
        return math.sqrt(self.won + self.lost) / self.nouns


def main() -> None:
    """Make sheets, or count answers."""
    parser = argparse.ArgumentParser(description="Blind readings of what two bundles painted.")
    commands = parser.add_subparsers(dest="command", required=True)
    sheets = commands.add_parser("sheets", help="lay the judge's pictures out for the readers")
    sheets.add_argument("before", type=Path, help="bundle that the judge has judged")
    sheets.add_argument("after", type=Path, help="another one")
    sheets.add_argument("output", type=Path)
    sheets.add_argument("--seed", type=int, default=0, help="decides the lots; take another one for another reading")
    sheets.add_argument("--cache", type=Path, default=Path("build/pocket"))
    count = commands.add_parser("count", help="count the readers' answers")
    count.add_argument("output", type=Path)
    options = parser.parse_args()
    if options.command == "count":
        print(as_text(*compare(options.output)))  # noqa: T201
        return
    nouns = list(judged_nouns(read_artwork("judge", with_shapes=False)))
    homes = [home_of(open_bundle(b).manifest, options.cache / "gallery") for b in (options.before, options.after)]
    lay_out(nouns, homes[0], homes[1], options.output, options.seed)


def lay_out(nouns: Sequence[str], before: Path, after: Path, output: Path, seed: int) -> None:
    """Write the readers' sheets and the key, which they must not see; FileNotFoundError if the judge was not there."""
    pictures = {Tile(noun=n, after=home == after): _picture(home, n) for home in (before, after) for n in nouns}
    lots = random.Random(seed)
    first = {noun: lots.random() < 0.5 for noun in nouns}
    key = []
    for reader in range(READERS):
        order = lots.sample(list(nouns), len(nouns))
        tiles = [Tile(noun=noun, after=first[noun] == (reader == 0)) for noun in order]
        folder = output / f"reader-{reader + 1}"
        folder.mkdir(parents=True, exist_ok=True)
        for start in range(0, len(tiles), COLUMNS * ROWS):
            paths = [pictures[tile] for tile in tiles[start : start + COLUMNS * ROWS]]
            _sheet(paths, start).save(folder / f"sheet-{start // (COLUMNS * ROWS)}.png")
        key.append([[tile.noun, tile.after] for tile in tiles])
    (output / KEY).write_text(json.dumps(key) + "\n", encoding="utf-8")


def compare(output: Path) -> tuple[Comparison, Comparison]:
    """Count right first guesses, and right ones among three; ValueError names an answer that is missing."""
    key = json.loads((output / KEY).read_text(encoding="utf-8"))
    synonyms = json.loads(SYNONYMS.read_text(encoding="utf-8"))
    right: dict[tuple[str, bool], tuple[bool, bool]] = {}
    for reader, tiles in enumerate(key, start=1):
        path = output / f"reader-{reader}" / ANSWERS
        answers: Guesses = json.loads(path.read_text(encoding="utf-8"))
        for number, (noun, after) in enumerate(tiles):
            guesses = answers.get(str(number), [])
            if len(guesses) != GUESSES:
                raise ValueError(f"{path}: number {number} needs {GUESSES} guesses; let the reader look at it again")
            right[noun, after] = is_right(noun, guesses[0], synonyms), any(is_right(noun, g, synonyms) for g in guesses)
    nouns = sorted({noun for noun, _ in right})
    return _compared(nouns, right, 0), _compared(nouns, right, 1)


def is_right(noun: str, guess: str, synonyms: Mapping[str, Sequence[str]]) -> bool:
    """Whether a guess names the noun."""
    return guess == noun or guess in synonyms.get(noun, ())


def as_text(first: Comparison, among: Comparison) -> str:
    """The table as Markdown."""
    lines = [f"| blind reading of {first.nouns} nouns | before | after | |", "|---|---|---|---|"]
    for name, found in (("first", first), (f"among {GUESSES}", among)):
        shares = " | ".join(f"{100 * right / found.nouns:.1f} %" for right in (found.before, found.after))
        lines.append(
            f"| {name} | {shares} | {found.won} won, {found.lost} lost; error {100 * found.error:.1f} points |"
        )
    return "\n".join(lines)


def _compared(nouns: Sequence[str], right: Mapping[tuple[str, bool], tuple[bool, bool]], place: int) -> Comparison:
    pairs = [(right[noun, False][place], right[noun, True][place]) for noun in nouns]
    return Comparison(
        nouns=len(nouns),
        before=sum(before for before, _ in pairs),
        after=sum(after for _, after in pairs),
        won=sum(after and not before for before, after in pairs),
        lost=sum(before and not after for before, after in pairs),
    )


def _picture(home: Path, noun: str) -> Path:
    path = home / f"{naming_name(noun, 0)}.png"
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: run recipes.pocket.judge on both bundles first")
    return path


def _sheet(paths: Sequence[Path], start: int) -> Image.Image:
    """Numbered pictures in rows."""
    sheet = Image.new("RGB", (COLUMNS * TILE_PX, ROWS * (TILE_PX + LABEL_PX)), "white")
    pen = ImageDraw.Draw(sheet)
    for i, path in enumerate(paths):
        left, top = i % COLUMNS * TILE_PX, i // COLUMNS * (TILE_PX + LABEL_PX)
        sheet.paste(Image.open(path).resize((TILE_PX, TILE_PX), Image.Resampling.LANCZOS), (left, top))
        pen.text((left + 4, top + TILE_PX + 2), str(start + i), fill="black")
    return sheet


if __name__ == "__main__":
    main()
