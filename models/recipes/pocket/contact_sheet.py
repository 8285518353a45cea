"""A sheet of small pictures with their names: what a model draws, none picked."""

import random
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from recipes.pocket.gallery import Painted
from recipes.pocket.judge_scores import noun_of

COLUMNS, TILE_PX, LABEL_PX = 8, 128, 14
SHEET_SEED = 64


def nouns_of_sheet(nouns: Sequence[str], count: int = 64) -> list[str]:
    """Nouns drawn once by a fixed seed, in alphabetical order."""
    return sorted(random.Random(SHEET_SEED).sample(list(nouns), count))


def draw_sheet(painted: Sequence[Painted], path: Path) -> None:
    """Write one picture of all answers with their nouns below, as JPEG or whatever the name says."""
    rows = -(-len(painted) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * TILE_PX, rows * (TILE_PX + LABEL_PX)), "white")
    pen = ImageDraw.Draw(sheet)
    for i, answer in enumerate(painted):
        left, top = i % COLUMNS * TILE_PX, i // COLUMNS * (TILE_PX + LABEL_PX)
        sheet.paste(Image.fromarray(answer.result).resize((TILE_PX, TILE_PX), Image.Resampling.LANCZOS), (left, top))
        pen.text((left + 3, top + TILE_PX + 1), noun_of(answer.task)[:21], fill="black")
    sheet.save(path, quality=88)
