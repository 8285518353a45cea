"""Side by side with transformers: the bundled vocabulary and OpenAI's of 49,408 entries."""

import gzip
import json
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import pytest

from retouch.tokenizer import Tokenizer
from retouch_models.manifest import TokenizerSpec

transformers = pytest.importorskip("transformers")
pytestmark = pytest.mark.torch

ROOT = Path(__file__).parents[2]
POCKET = ROOT / "models/retouch_models/bundled/pocket/tokenizer"
STRINGS = [
    text
    for text, _ in json.loads(gzip.decompress((ROOT / "tests/golden/tokenizer/golden.json.gz").read_bytes()))["rows"]
]


def openai_merges() -> list[str]:
    """The merges of OpenAI's CLIP, which the wheel of open_clip_torch carries."""
    try:
        listed = files("open_clip_torch") or []
    except PackageNotFoundError:
        listed = []
    found = [Path(str(file.locate())) for file in listed if file.name == "bpe_simple_vocab_16e6.txt.gz"]
    if not found:
        pytest.skip("needs the vocabulary in open_clip_torch: pip install --no-deps open_clip_torch")
    lines = gzip.decompress(found[0].read_bytes()).decode("utf-8").split("\n")
    return lines[1 : 49152 - 256 - 2 + 1]


@pytest.fixture
def openai(tmp_path: Path) -> Path:
    """A folder with vocab.json and merges.txt as Stable Diffusion 1, 2 and XL have them."""
    merges = openai_merges()
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    symbols = [chr(byte) for byte in printable] + [chr(0x100 + n) for n in range(256 - len(printable))]
    entries = [*symbols, *(symbol + "</w>" for symbol in symbols), *("".join(line.split()) for line in merges)]
    entries += ["<|startoftext|>", "<|endoftext|>"]
    (tmp_path / "vocab.json").write_text(json.dumps({e: n for n, e in enumerate(entries)}), encoding="utf-8")
    (tmp_path / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n", encoding="utf-8")
    return tmp_path


def compare(folder: Path, spec: TokenizerSpec, pad_token: str) -> None:
    theirs = transformers.CLIPTokenizer.from_pretrained(folder, pad_token=pad_token, model_max_length=spec.tokens)
    assert theirs.fix_text is None, "ftfy changes the text; run this without it"
    ours = Tokenizer.load(folder, spec)
    for text in STRINGS:
        ids = theirs.convert_tokens_to_ids(theirs.tokenize(text))
        assert ours.tokens(text) == ids, repr(text)
        assert ours.text_of(ids) == theirs.convert_tokens_to_string(theirs.convert_ids_to_tokens(ids)), repr(text)
        framed = theirs(text, padding="max_length", truncation=True)["input_ids"]
        assert ours.frame(ids[: ours.capacity]).tolist() == framed, repr(text)


def test_the_bundled_vocabulary() -> None:
    spec = TokenizerSpec(folder="tokenizer", tokens=32, bos=3627, eos=3628, pad=3628)
    compare(POCKET, spec, "<|endoftext|>")


@pytest.mark.parametrize(("pad", "pad_token"), [(49407, "<|endoftext|>"), (0, "!")], ids=["SD 1", "SD 2 and XL"])
def test_the_vocabulary_of_stable_diffusion(openai: Path, pad: int, pad_token: str) -> None:
    spec = TokenizerSpec(folder="tokenizer", tokens=77, bos=49406, eos=49407, pad=pad)
    assert Tokenizer.load(openai, spec).tokens("a photo of a cat") == [320, 1125, 539, 320, 2368]
    compare(openai, spec, pad_token)
