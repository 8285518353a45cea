"""The keymap file: `keymap.toml` in the config directory, one line for each action to put elsewhere.

[keys]
brush = "b"
generate = ["ctrl+g", "f5"]
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from textual.keys import _character_to_key

from retouch_tui.actions import ACTIONS, NAMES, spelled

FILE = "keymap.toml"

LOST_KEYS = {
    "ctrl+i": "tab",
    "ctrl+m": "enter",
    "ctrl+h": "backspace",
    "ctrl+j": "enter",
    "ctrl+left_square_bracket": "escape",
}
"""Keys that terminals send as other keys."""


@dataclass(frozen=True)
class Keymap:
    """Keys by action name, and what was wrong with the file, in words."""

    keys: Mapping[str, tuple[str, ...]]
    problems: tuple[str, ...] = ()

    def textual(self) -> dict[str, str]:
        """Return what `App.set_keymap` takes."""
        defaults = default_keys()
        changed = {name: keys for name, keys in self.keys.items() if keys != defaults[name]}
        return {name: ",".join(spelled(keys)) for name, keys in changed.items()}


def normal(key: str) -> str:
    """Write a key as Textual names it: `[` becomes `left_square_bracket`, letters keep their case."""
    *modifiers, last = key.split("+") if key != "+" and not key.endswith("++") else (*key[:-1].split("+")[:-1], "+")
    if not modifiers and len(last) == 1 and last.isalnum():
        return last
    name = _character_to_key(last) if len(last) == 1 and not last.isalnum() else last
    return "+".join((*(m.lower() for m in modifiers), name if len(name) == 1 and name.isupper() else name.lower()))


def default_keys() -> dict[str, tuple[str, ...]]:
    """Return the built-in keys."""
    return {a.name: tuple(normal(k) for k in a.keys) for a in ACTIONS}


def load_keymap(path: Path) -> Keymap:
    """Read a keymap file; what cannot be used is left out and reported, never fatal."""
    if not path.exists():
        return Keymap(default_keys())
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return Keymap(default_keys(), (f"{path}: not read, the built-in keys are used ({error})",))
    table = data.get("keys")
    if not isinstance(table, dict):
        return Keymap(default_keys(), (f'{path}: has no table [keys]; write lines like brush = "b" under [keys]',))
    return _merged(table, path.name)


def _merged(table: Mapping[str, object], where: str) -> Keymap:
    keys, problems = default_keys(), []
    chosen: dict[str, tuple[str, ...]] = {}
    for name, value in table.items():
        if name not in keys:
            near = get_close_matches(name, NAMES, n=1, cutoff=0.5)
            problems.append(f"{where}: there is no action {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
            continue
        wanted = (value,) if isinstance(value, str) else value
        if not isinstance(wanted, (list, tuple)) or not all(isinstance(k, str) and k for k in wanted):
            problems.append(f'{where}: {name} must be a key such as "b" or a list of keys')
            continue
        chosen[name] = tuple(normal(k) for k in wanted)
        problems += [
            f"{where}: {name}: terminals send {k} as {LOST_KEYS[k]}; choose another key"
            for k in chosen[name]
            if k in LOST_KEYS
        ]
    return _settled(keys, chosen, problems, where)


def _settled(
    keys: dict[str, tuple[str, ...]], chosen: dict[str, tuple[str, ...]], problems: list[str], where: str
) -> Keymap:
    """Give every key to one action: the user's choice wins over a built-in key, the first line over later ones."""
    owner: dict[str, str] = {}
    for name, wanted in chosen.items():
        free = []
        for key in wanted:
            if owner.setdefault(key, name) == name:
                free.append(key)
            else:
                problems.append(f"{where}: {key} is given to both {owner[key]} and {name}; only {owner[key]} gets it")
        keys[name] = tuple(free)
    for name, own in keys.items():
        if name not in chosen:
            lost = [k for k in own if k in owner]
            keys[name] = tuple(k for k in own if k not in owner)
            if lost and not keys[name]:
                problems.append(f"{where}: {name} has no key left, {lost[0]} went to {owner[lost[0]]}")
    return Keymap(keys, tuple(problems))


_SHOWN = {
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
    "greater_than_sign": ">",
    "less_than_sign": "<",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
    "comma": ",",
    "full_stop": ".",
    "colon": ":",
    "escape": "Esc",
    "enter": "Enter",
    "space": "Space",
    "left": "←",
    "right": "→",
    "up": "↑",
    "down": "↓",
}


def shown(key: str) -> str:
    """Write a key for people: `left_square_bracket` as `[`, `f5` as `F5`."""
    *modifiers, last = key.split("+")
    name = _SHOWN.get(last, last.upper() if last[:1] == "f" and last[1:].isdigit() else last)
    return "+".join((*modifiers, name))
