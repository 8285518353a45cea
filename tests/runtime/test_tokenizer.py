"""The tokenizer gives the ids that CLIPTokenizer gives; goldens in tests/golden/tokenizer."""

import gzip
import json
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retouch.errors import BundleError
from retouch.tokenizer import Tokenizer, merged
from retouch_models.manifest import TokenizerSpec

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests/golden/tokenizer/golden.json.gz"
FOLDER = ROOT / "models/retouch_models/bundled/pocket/tokenizer"
SPEC = TokenizerSpec(folder="tokenizer", tokens=32, bos=3627, eos=3628, pad=3628)
POCKET = Tokenizer.load(FOLDER, SPEC)


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(gzip.decompress(GOLDEN.read_bytes()))
    return data


def test_a_thousand_strings_have_the_ids_of_clip_tokenizer(golden: dict[str, Any]) -> None:
    rows = golden["rows"]
    assert len(rows) == 1000
    wrong = [text for text, ids in rows if POCKET.tokens(text) != ids]
    assert wrong == []


def test_where_the_exclamation_mark_pads_each_one_is_a_padding_token(golden: dict[str, Any]) -> None:
    exclaiming = Tokenizer.load(FOLDER, replace(SPEC, pad=golden["exclamation"]))
    rows = golden["rows_where_exclamation_pads"]
    assert len(rows) == 60
    assert [text for text, ids in rows if exclaiming.tokens(text) != ids] == []
    assert exclaiming.tokens("wow!!") != POCKET.tokens("wow!!")


def test_frame_is_start_text_end_padding() -> None:
    framed = POCKET.frame([5, 6, 7])
    assert framed.dtype == np.int64
    assert framed.tolist() == [3627, 5, 6, 7, 3628] + [3628] * 27


def test_frame_pads_with_what_the_spec_says() -> None:
    framed = Tokenizer.load(FOLDER, replace(SPEC, pad=0)).frame([5])
    assert framed.tolist() == [3627, 5, 3628] + [0] * 29


def test_a_full_frame_ends_with_the_end_token_and_one_more_is_refused() -> None:
    assert POCKET.capacity == 30
    assert POCKET.frame([9] * 30).tolist() == [3627, *[9] * 30, 3628]
    with pytest.raises(ValueError, match="31 tokens"):
        POCKET.frame([9] * 31)


@pytest.mark.parametrize(
    "text",
    ["an owl, cartoon style", "café 猫 1 2 3", "the dog ' s bone", "!", "👍🏽"],
    ids=["words", "unicode", "spaced", "mark", "emoji"],
)
def test_text_of_gives_the_text_back(text: str) -> None:
    back = POCKET.text_of(POCKET.tokens(text))
    assert back.replace(" ", "") == text.replace(" ", "")


def test_text_of_half_a_character_is_marked_not_refused() -> None:
    assert "\ufffd" in POCKET.text_of(POCKET.tokens("猫")[:1])


@settings(deadline=None)  # other work may share the machine
@given(st.text())
def test_any_text_gives_known_ids_and_stays_the_same_when_read_back(text: str) -> None:
    lower = unicodedata.normalize("NFC", text.lower())  # what cleaning leaves alone when it sees it again
    ids = POCKET.tokens(lower)
    assert all(0 <= number < 3629 for number in ids)
    assert POCKET.tokens(POCKET.text_of(ids)) == ids


def test_words_do_not_depend_on_what_stands_around_them() -> None:
    assert POCKET.tokens("red  Heart\n") == POCKET.tokens("red") + POCKET.tokens("heart")


class CountingRanks(dict[tuple[str, str], int]):
    """Counts how often a pair is looked up."""

    lookups = 0

    def __contains__(self, pair: object) -> bool:
        self.lookups += 1
        return super().__contains__(pair)


@pytest.mark.parametrize("length", [10, 1000, 50_000])
def test_work_on_a_page_without_a_space_grows_with_its_length_not_its_square(length: int) -> None:
    ranks = CountingRanks({("a", "b"): 0, ("ab", "ab"): 1, ("abab", "abab"): 2, ("b", "a"): 3})
    parts = merged(["a", "b"] * (length // 2), ranks)
    assert "".join(parts) == "ab" * (length // 2)
    assert ranks.lookups <= 3 * length


def test_the_comma_is_known() -> None:
    assert POCKET.tokens("a, b")[1] == POCKET.comma


@pytest.mark.parametrize("case", ["missing", "damaged", "other vocabulary", "broken merges"])
def test_a_damaged_folder_is_refused_with_the_cure(tmp_path: Path, case: str) -> None:
    spec = replace(SPEC, bos=0, eos=1, pad=1)
    (tmp_path / "vocab.json").write_text('{"<|startoftext|>": 0, "<|endoftext|>": 1}', encoding="utf-8")
    (tmp_path / "merges.txt").write_text("#version: 0.2\na b</w>\n", encoding="utf-8")
    Tokenizer.load(tmp_path, spec)
    if case == "missing":
        (tmp_path / "vocab.json").unlink()
    elif case == "damaged":
        (tmp_path / "vocab.json").write_bytes(b'{"a": \xff')
    elif case == "other vocabulary":
        spec = replace(spec, eos=49407)
    else:
        (tmp_path / "merges.txt").write_text("#version: 0.2\nab</w>\n", encoding="utf-8")
    with pytest.raises(BundleError, match="export the model again"):
        Tokenizer.load(tmp_path, spec)
