"""Styles and presets: how they are worked in, and what is said about a file that is wrong."""

from pathlib import Path

import pytest

from retouch.errors import UnknownName, UsageError
from retouch.prompt import escape, parse
from retouch.prompt.styles import Styles, load_styles, user_styles_path
from retouch.tokenizer import Tokenizer
from retouch_models.manifest import TokenizerSpec

FOLDER = Path(__file__).parents[2] / "models/retouch_models/bundled/pocket/tokenizer"


@pytest.fixture(autouse=True)
def user_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the user's file would be; there is none."""
    monkeypatch.setenv("RETOUCH_CONFIG_DIR", str(tmp_path / "config"))
    return tmp_path / "config" / "styles.toml"


def load(folder: Path, text: str) -> Styles:
    path = folder / "styles.toml"
    path.write_text(text, encoding="utf-8")
    return load_styles(path)


def test_without_styles_nothing_changes() -> None:
    assert load_styles().apply("a (red) cat ", "dog") == ("a (red) cat ", "dog")


def test_the_presets_are_none_light_heavy_human() -> None:
    assert sorted(load_styles().undesired) == ["heavy", "human", "light", "none"]


def test_every_built_in_text_can_be_read_and_presets_fit_the_smallest_model() -> None:
    built_in = load_styles()
    spec = TokenizerSpec(folder="tokenizer", tokens=32, bos=3627, eos=3628, pad=3628)
    pocket = Tokenizer.load(FOLDER, spec)
    for preset in built_in.undesired:
        text = built_in.apply("", "", preset=preset).negative
        assert parse(text).plain
        assert len(pocket.tokens(text)) <= pocket.capacity, preset
    for style in built_in.styles:
        assert "a cat" in built_in.apply("a cat", "", [style]).prompt


def test_styles_wrap_in_order_and_ones_without_a_place_follow(tmp_path: Path) -> None:
    styles = load(
        tmp_path,
        '[style.oil]\nprompt = "oil painting of {prompt}"\nnegative = "photo"\n[style.dark]\nprompt = "at night"\n',
    )
    assert styles.apply("a cat", "dog", ["oil", "dark"]) == ("oil painting of a cat, at night", "dog, photo")
    assert styles.apply("a cat", "dog", ["dark", "oil"]) == ("oil painting of a cat, at night", "dog, photo")
    assert styles.apply("", "", ["dark"]) == ("at night", "")


def test_the_place_typed_by_the_user_is_not_filled_again(tmp_path: Path) -> None:
    styles = load(tmp_path, '[style.a]\nprompt = "A {prompt}"\n[style.b]\nprompt = "B {prompt}"\n')
    assert styles.apply("{prompt}", "", ["a", "b"]).prompt == "B A {prompt}"


def test_the_user_s_undesired_content_stands_before_the_preset() -> None:
    negative = load_styles().apply("a", "my words", preset="light").negative
    assert negative.startswith("my words, blurry")


def test_a_literal_prompt_stays_literal_inside_a_style(tmp_path: Path) -> None:
    styles = load(tmp_path, '[style.a]\nprompt = "(big:1.2) {prompt}"\n')
    prompt = parse(styles.apply(escape("a (b) :: {c}"), "", ["a"]).prompt)
    assert [(p.text, p.weight) for p in prompt.sections[0]] == [("big", 1.2), (" a (b) :: {c}", 1.0)]


def test_names_are_found_in_any_case_and_a_file_replaces_built_in_ones(tmp_path: Path) -> None:
    styles = load(tmp_path, '[style.Cartoon]\nprompt = "{prompt}!"\n[undesired]\nLIGHT = "x"\nown = "y"\n')
    assert styles.apply("a", "", ["cartoon"], "Light") == ("a!", "x")
    assert styles.apply("a", "", [], "Heavy").negative
    assert styles.apply("a", "", [], "own").negative == "y"


@pytest.mark.parametrize(("names", "preset", "meant"), [(["cartoom"], "none", "cartoon"), ([], "hevy", "heavy")])
def test_unknown_names_say_which_one_was_meant(names: list[str], preset: str, meant: str) -> None:
    with pytest.raises(UnknownName, match=f"Did you mean '{meant}'"):
        load_styles().apply("a", "", names, preset)


def test_the_user_s_file_is_found_in_the_configuration_folder(user_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user_file.parent.mkdir()
    user_file.write_bytes('\ufeff[style.own]\nprompt = "own {prompt}"\n'.encode())
    assert load_styles().apply("a", "", ["own"]).prompt == "own a"
    monkeypatch.delenv("RETOUCH_CONFIG_DIR")
    assert user_styles_path().name == "styles.toml"
    assert user_styles_path().parent.name == "retouch"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[style.a]\nprompt = 3", "line 2: style.a.prompt must be text"),
        (
            '[style.a]\nprompt = "x"\n\n[style.b]\nprompt = "(x"',
            "line 5: style.b.prompt cannot be read as a prompt: ( is never",
        ),
        ('[style.a]\nprompts = "x"', "line 2: style.a.prompts is unknown; did you mean prompt?"),
        ('[styles.a]\nprompt = "x"', "line 1: styles is unknown; did you mean style?"),
        ('style = "x"', "line 1: style must be a table"),
        ('[style]\na = "x"', "line 2: style.a must be a table"),
        ('[undesired]\n"my own" = ["x"]', "line 2: undesired.my own must be text"),
        ('# x\n[undesired]\nlight = "{"', "line 3: undesired.light cannot be read"),
        ("[style.a\n", "is not TOML"),
        ('[style.a]\nprompt = "x"\nprompt = "y"', "is not TOML"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_with_its_line_and_key(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, text)
    assert says in str(caught.value)
    assert "styles.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["missing", "folder", "not text"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "mine.toml"
    if kind == "folder":
        path.mkdir()
    elif kind == "not text":
        path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match=r"mine\.toml cannot be read"):
        load_styles(path)
