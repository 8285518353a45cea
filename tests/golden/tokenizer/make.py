"""Write golden.json.gz: varied strings and the ids that CLIPTokenizer of transformers gives for them.

    python tests/golden/tokenizer/make.py models/retouch_models/bundled/pocket/tokenizer

Run in the environment of the `export` extra, without ftfy. The same versions give the same file, byte for byte.
"""

import gzip
import json
import random
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

from transformers import CLIPTokenizer

HERE = Path(__file__).parent
COUNT = 1000

WRITTEN = """\
|a|a red heart|A RED HEART|an owl, cartoon style, green hills under a blue sky|slice of pizza
a car, flat style
it's the dog's bone|they're we've I'm she'll he'd don't can't|O'Neill's 'tis 'twas rock 'n' roll
's 't 're 've 'm 'll 'd
'S 'T 'RE 'VE 'M 'LL 'D|'\u017f 'sam 'tom|l\u2019\u00e9t\u00e9 dog\u2019s|''s |'''|a'b'c|x's's's
"quoted" \u201ccurly\u201d
123|1 2 3|3.14159|1,000,000|2nd 3rd 4th|4k 8k 1080p|\u00bd \u00be \u00b2 \u2163 \u2460|\u0661\u0662\u0663
7\u202f000|0x1F|v2.0b1
!|!!|!!!!!!!!|...|\u2026|?!?!|a,b;c:d|,,,,|--- ---|___|a_b_c|(a) [b] {c} <d>|a/b\\c|50% off|a & b|#tag @name
$5 \u20ac5 \u00a35|*bold*
<|endoftext|>|<|startoftext|>|a <|endoftext|> b|<|EndOfText|>|<|STARTOFTEXT|>x
x<|endoftext|>y<|startoftext|>|!<|ENDOFTEXT|>
<|endoftext|><|endoftext|>|<|endoftext|<|endoftext|>>|<|end of text|>|<|\u017ftartoftext|>
caf\u00e9|cafe\u0301|na\u00efve|nai\u0308ve|\u00c5ngstr\u00f6m|A\u030angstro\u0308m|\u212b|o\u0302\u0323
\u1ed9|\u1e9b\u0323|\u0345a|a\u0345b
Z\u0351\u036b\u0343a\u0300\u0301\u0302\u0303l\u0334go|\ufb01ne \ufb02y|\uff21\uff22\uff23
STRASSE \u00df \u1e9e|\u0130stanbul \u0131|\u039f\u03b4\u03c5\u03c3\u03c3\u03b5\u03cd\u03c2 \u03a3\u03a3
\u01c5 \u01c4
\u732b|\u8d64\u3044\u5fc3\u81d3\u3001\u9752\u3044\u7a7a|\u65e5\u672c\u8a9e\u3068English|\u4e00\u4e8c\u4e09
\u3400\u4dbf|\uf900|\U00020000\U0002a6df|\U0002b740|\u30a8\u30f4\u30a1|\uff76\uff9e|\uace0\uc591\uc774
\u1100\u1161\u11a8
\u0642\u0637\u0629 \u062d\u0645\u0631\u0627\u0621|\u0645\u064e\u0631\u0652\u062d\u064e\u0628\u064b\u0627
\u05e9\u05b8\u05dc\u05d5\u05b9\u05dd|\u0939\u093f\u0928\u094d\u0926\u0940
\u0e41\u0e21\u0e27\u0e2a\u0e35\u0e41\u0e14\u0e07
\u043a\u0440\u0430\u0441\u043d\u044b\u0439 \u043a\u043e\u0442|\u0439|\u0438\u0306
\u10e5\u10d0\u10e0\u10d7\u10e3\u10da\u10d8
\u2764|\u2764\ufe0f|\U0001f600|\U0001f44b\U0001f3fd
\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466|\U0001f3f3\ufe0f\u200d\U0001f308
\U0001f1e9\U0001f1ea|1\ufe0f\u20e3|a\U0001f600b|\U0001f9d1\U0001f3ff\u200d\U0001f680!
\ta\tb|a\u00a0b|a\u2003b\u2009c|a\u3000b|a\u200bb|a\u2028b\u2029c|a\u0085b|a\u000bb\u000cc|a\u1680b|\ufeffa
   spaces   |a\u2060b|a\u00adb
\u0000|a\u0000b|a\u0007b\u001b[31m|\u007f|\ufffd|a\ufffdb|\ue000|\ud800|\udcffa|\U000e0041|\u0378|a\u061cb
\u202eabc\u202c"""

ALPHABETS = {
    "letters": "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "latin": "".join(map(chr, [*range(0xC0, 0xD7), *range(0xD8, 0xF7), *range(0xF8, 0x180)])),
    "greek": "".join(map(chr, [*range(0x391, 0x3A2), *range(0x3A3, 0x3CA), 0x3CC, 0x3CD, 0x3CE])),
    "cyrillic": "".join(map(chr, range(0x400, 0x482))),
    "arabic": "".join(map(chr, [*range(0x621, 0x63B), *range(0x641, 0x653), *range(0x660, 0x66A)])),
    "hebrew": "".join(map(chr, [*range(0x5B0, 0x5BE), *range(0x5D0, 0x5EB)])),
    "devanagari": "".join(map(chr, range(0x904, 0x94E))),
    "thai": "".join(map(chr, [*range(0xE01, 0xE3B), *range(0xE40, 0xE5A)])),
    "kana": "".join(map(chr, [*range(0x3041, 0x3097), *range(0x3099, 0x3100)])),
    "han": "".join(map(chr, [*range(0x4E00, 0x4F00), *range(0x3400, 0x3420), *range(0x20000, 0x20020)])),
    "hangul": "".join(map(chr, [*range(0xAC00, 0xAD00), *range(0x1100, 0x1113), *range(0x1161, 0x1176)])),
    "marks": "aeiouAEIOU" + "".join(map(chr, range(0x300, 0x370))),
    "digits": "0123456789\u00b2\u00bd\u0664\u096a\u2167",
    "punctuation": "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\u2013\u2014\u2018\u2019\u00ab\u00bb\u00bf\u3002",
    "spaces": "ab \t\n\r\u00a0\u1680\u2000\u2003\u2009\u2028\u202f\u3000",
    "controls": "ab\u0000\u0001\u0008\u000b\u000c\u001b\u001f\u007f\u0085\u00ad\u200b\u200e\u202a\u2066\ufeff\ufffd",
    "symbols": "".join(map(chr, [*range(0x2190, 0x2200), *range(0x25A0, 0x2600)])),
    "emoji": "".join(map(chr, [*range(0x1F300, 0x1F320), *range(0x1F600, 0x1F640), *range(0x2600, 0x2620)])),
}
PEOPLE = "\U0001f468\U0001f469\U0001f9d1\U0001f467\U0001f466\U0001f44b\U0001f44d\u270b"
TONES = ["", *map(chr, range(0x1F3FB, 0x1F400))]
VOCABULARY = """red heart owl cartoon style hills under a an the blue sky dog's cat isn't 2 night, car; "flat" wooden
house beach birthday cake sunglasses smiling face with rocket-ship (small) [old] {big} 100% 3d unbelievably
photorealistic Supercalifragilistic it's they'd <|endoftext|> !!! naïve café"""


def run(choose: random.Random) -> str:
    """Letters of one alphabet."""
    alphabet = ALPHABETS[choose.choice(sorted(ALPHABETS))]
    return "".join(choose.choices(alphabet, k=choose.randint(1, 12)))


def sentence(choose: random.Random) -> str:
    """Words, sometimes in capitals or glued together, from none to far more than any model reads."""
    words = VOCABULARY.split()
    spell = [str.upper, str.title, str.lower, str]
    drawn = [choose.choice(spell)(choose.choice(words)) for _ in range(choose.choice([1, 3, 8, 20, 60]))]
    return choose.choice([" ", "  ", ", ", "", "\n"]).join(drawn)


def mixture(choose: random.Random) -> str:
    """Runs of several alphabets."""
    return choose.choice(["", " "]).join(run(choose) for _ in range(choose.randint(1, 6)))


def family(choose: random.Random) -> str:
    """Emoji with skin tones, joiners and variation selectors."""
    people = [choose.choice(PEOPLE) + choose.choice(TONES) for _ in range(choose.randint(1, 4))]
    return choose.choice(["a ", ""]) + "\u200d".join(people) + choose.choice(["\ufe0f", "", " x"])


def normalised(choose: random.Random) -> str:
    """A mixture in one of the four normal forms."""
    return unicodedata.normalize(choose.choice(["NFC", "NFD", "NFKC", "NFKD"]), mixture(choose))


def strings() -> list[str]:
    """Return the 1,000 strings: the written ones, then drawn ones."""
    choose = random.Random(20261123)
    kinds: list[Callable[[random.Random], str]] = [sentence, sentence, mixture, mixture, family, normalised]
    written = [text for line in WRITTEN.split("\n") for text in _fields(line)]
    found = dict.fromkeys([*written, "z" * 400, "ab" * 300, "\u00e9" * 90, "1" * 90, "!" * 90, "a b " * 90])
    while len(found) < COUNT:
        found[choose.choice(kinds)(choose)] = None
    return list(found)


def _fields(line: str) -> list[str]:
    """Split at bars, but not at those of <|special|> texts."""
    held = line.replace("<|", "\x02").replace("|>", "\x03")
    return [field.replace("\x02", "<|").replace("\x03", "|>") for field in held.split("|")]


def main(folder: str) -> None:
    """Tokenise with transformers and write the file."""
    ordinary = CLIPTokenizer.from_pretrained(folder)
    exclaiming = CLIPTokenizer.from_pretrained(folder, pad_token="!")
    if ordinary.fix_text is not None:
        sys.exit("ftfy is installed and would change the text; use an environment without it")
    rows = [[text, _ids(ordinary, text)] for text in strings()]
    padded = [[text, _ids(exclaiming, text)] for text in strings() if "!" in text][:60]
    vocabulary = ordinary.get_vocab()
    data = {"rows": rows, "rows_where_exclamation_pads": padded, "exclamation": vocabulary["!"]}
    text = json.dumps(data, separators=(",", ":"))
    (HERE / "golden.json.gz").write_bytes(gzip.compress(text.encode("ascii"), mtime=0))
    print(f"{len(rows)} strings, {sum(len(ids) for _, ids in rows)} ids, {len(padded)} with another padding")  # noqa: T201


def _ids(tokenizer: CLIPTokenizer, text: str) -> list[int]:
    return tokenizer.convert_tokens_to_ids(tokenizer.tokenize(text))


if __name__ == "__main__":
    main(sys.argv[1])
