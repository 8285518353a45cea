"""Blind readings: the lots, the sheets that show no noun, and the count."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from recipes.pocket import blind
from recipes.pocket.judge_tasks import naming_name

NOUNS = [f"thing {number}" for number in range(40)]
BEFORE, AFTER = (200, 40, 40), (40, 40, 200)


@pytest.fixture
def laid(tmp_path: Path) -> Path:
    for name, colour in (("before", BEFORE), ("after", AFTER)):
        (tmp_path / name).mkdir()
        for noun in NOUNS:
            picture = np.full((16, 16, 3), colour, np.uint8)
            Image.fromarray(picture).save(tmp_path / name / f"{naming_name(noun, 0)}.png")
    blind.lay_out(NOUNS, tmp_path / "before", tmp_path / "after", tmp_path / "out", seed=3)
    return tmp_path / "out"


def key_of(out: Path) -> list[list[tuple[str, bool]]]:
    return [[(noun, after) for noun, after in tiles] for tiles in json.loads((out / blind.KEY).read_text())]


def answer(out: Path, right: dict[tuple[str, bool], int]) -> None:
    """Let the readers name a picture at the guess that is given for it, or not at all."""
    for reader, tiles in enumerate(key_of(out), start=1):
        answers = {}
        for number, tile in enumerate(tiles):
            guesses = ["fog"] * blind.GUESSES
            if tile in right:
                guesses[right[tile]] = tile[0]
            answers[str(number)] = guesses
        (out / f"reader-{reader}" / blind.ANSWERS).write_text(json.dumps(answers))


def test_a_reader_sees_each_noun_once_and_both_bundles(laid: Path) -> None:
    one, two = key_of(laid)
    assert sorted(noun for noun, _ in one) == sorted(noun for noun, _ in two) == sorted(NOUNS)
    assert {(noun, not after) for noun, after in one} == set(two)
    assert [noun for noun, _ in one] != [noun for noun, _ in two]
    for tiles in (one, two):
        assert 5 < sum(after for _, after in tiles) < 35


def test_the_sheets_show_the_pictures_of_the_key_by_number(laid: Path) -> None:
    for reader, tiles in enumerate(key_of(laid), start=1):
        sheets = [np.asarray(Image.open(laid / f"reader-{reader}" / f"sheet-{i}.png")) for i in range(2)]
        for number, (_, after) in enumerate(tiles):
            on, place = divmod(number, blind.COLUMNS * blind.ROWS)
            row, column = divmod(place, blind.COLUMNS)
            middle = row * (blind.TILE_PX + blind.LABEL_PX) + 98, column * blind.TILE_PX + 98
            assert tuple(sheets[on][middle]) == (AFTER if after else BEFORE)
        assert (sheets[1][-30:] == 255).all(), "no picture, no number"
    assert {path.name for path in (laid / "reader-1").iterdir()} == {"sheet-0.png", "sheet-1.png"}


def test_right_answers_are_counted_for_the_bundle_that_painted_them(laid: Path) -> None:
    old = {(noun, False): 0 for noun in NOUNS[:10]} | {(noun, False): 2 for noun in NOUNS[10:15]}
    new = {(noun, True): 0 for noun in NOUNS[5:12]}
    answer(laid, old | new)
    first, among = blind.compare(laid)
    assert first == blind.Comparison(nouns=40, before=10, after=7, won=2, lost=5)
    assert among == blind.Comparison(nouns=40, before=15, after=7, won=0, lost=8)
    assert first.error == pytest.approx(7**0.5 / 40)
    assert "| first | 25.0 % | 17.5 % | 2 won, 5 lost; error 6.6 points |" in blind.as_text(first, among)


def test_an_answer_that_is_missing_is_named(laid: Path) -> None:
    answer(laid, {})
    path = laid / "reader-2" / blind.ANSWERS
    answers = json.loads(path.read_text())
    del answers["17"]
    path.write_text(json.dumps(answers))
    with pytest.raises(ValueError, match="number 17 needs 3 guesses"):
        blind.compare(laid)


def test_a_bundle_that_was_not_judged_is_refused_before_anything_is_laid_out(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"run recipes\.pocket\.judge on both bundles first"):
        blind.lay_out(NOUNS, tmp_path / "before", tmp_path / "after", tmp_path / "out", seed=0)
    assert not (tmp_path / "out").exists()


def test_synonyms_are_of_nouns_that_the_judge_asks_for() -> None:
    synonyms = json.loads(blind.SYNONYMS.read_text())
    nouns = set(blind.judged_nouns(blind.read_artwork("judge", with_shapes=False)))
    assert set(synonyms) <= nouns
    assert blind.is_right("burger", "hamburger", synonyms)
    assert blind.is_right("burger", "burger", synonyms)
    assert not blind.is_right("burger", "dog", synonyms)
