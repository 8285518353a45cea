"""Laws of the keymap: every action can be moved, and every mistake is told in words."""

from pathlib import Path

import pytest

from retouch_tui.actions import ACTIONS, bindings
from retouch_tui.keymap import LOST_KEYS, default_keys, load_keymap, shown
from retouch_tui.screens.help import GROUPS


def keymap_of(tmp_path: Path, text: str):
    path = tmp_path / "keymap.toml"
    path.write_text(text, encoding="utf-8")
    return load_keymap(path)


def test_no_two_actions_share_a_built_in_key() -> None:
    owners: dict[str, str] = {}
    for name, keys in default_keys().items():
        for key in keys:
            assert owners.setdefault(key, name) == name


def test_every_action_with_a_control_key_has_another_key_too() -> None:
    by_call: dict[str, set[str]] = {}
    for action in ACTIONS:
        by_call.setdefault(action.call, set()).update(action.keys)
    for keys in by_call.values():
        assert not all(k.startswith("ctrl+") for k in keys), keys


def test_no_built_in_key_is_one_that_terminals_lose() -> None:
    assert not {k for keys in default_keys().values() for k in keys} & LOST_KEYS.keys()


def test_a_missing_file_means_the_built_in_keys(tmp_path: Path) -> None:
    keymap = load_keymap(tmp_path / "none.toml")
    assert keymap.keys == default_keys()
    assert not keymap.problems
    assert keymap.textual() == {}


def test_a_moved_key_reaches_textual(tmp_path: Path) -> None:
    keymap = keymap_of(tmp_path, '[keys]\nbrush = "q"\nlarger = ["+", "f7"]\ninvert = "I"\n')
    assert keymap.textual()["brush"] == "q"
    assert keymap.textual()["larger"] == "plus,f7"
    assert keymap.textual()["invert"] == "I,shift+i"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[keys]\nbrsh = 'q'\n", "no action 'brsh'; did you mean 'brush'?"),
        ("[keys]\nbrush = 'q'\neraser = 'q'\n", "q is given to both brush and eraser; only brush gets it"),
        ("[keys]\nbrush = 'e'\n", "eraser has no key left, e went to brush"),
        ("[keys]\nbrush = 5\n", "must be a key"),
        ("[keys]\ngenerate = 'ctrl+m'\n", "terminals send ctrl+m as enter"),
        ("keys = 3\n", "no table [keys]"),
        ("[keys\n", "not read"),
    ],
    ids=["unknown", "twice", "taken", "number", "lost", "table", "syntax"],
)
def test_a_mistake_is_told_and_the_rest_works(tmp_path: Path, text: str, words: str) -> None:
    keymap = keymap_of(tmp_path, text)
    assert any(words in p for p in keymap.problems), keymap.problems
    assert keymap.keys.keys() == default_keys().keys()
    assert keymap.keys["help"] == ("f1",)


def test_every_binding_can_be_moved_and_explains_itself() -> None:
    for scope in ("canvas", "editor"):
        for binding in bindings(scope):  # type: ignore[arg-type]
            assert binding.id
            assert binding.tooltip


@pytest.mark.parametrize(
    ("key", "text"), [("left_square_bracket", "["), ("f5", "F5"), ("shift+left", "shift+←"), ("b", "b"), ("f", "f")]
)
def test_keys_are_written_for_people(key: str, text: str) -> None:
    assert shown(key) == text


def test_help_shows_every_action() -> None:
    assert {a.group for a in ACTIONS} == set(GROUPS)
