"""Styles, named pieces of prompts, and named sets of undesired content, from TOML files."""

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from retouch.errors import UnknownName, UsageError
from retouch.prompt.error import PromptError
from retouch.prompt.grammar import parse

T = TypeVar("T")

FILE = "styles.toml"
CONFIG_VARIABLE = "RETOUCH_CONFIG_DIR"
PLACE = "{prompt}"
"""Where a style puts the user's prompt; without it the style follows the prompt after a comma."""


class Styled(NamedTuple):
    """A prompt and its undesired content with styles and a preset worked in."""

    prompt: str
    negative: str


@dataclass(frozen=True, kw_only=True)
class Style:
    """A named piece of prompt, in the grammar of prompts."""

    prompt: str = PLACE
    negative: str = ""


@dataclass(frozen=True)
class Styles:
    """Everything that `--style` and `--preset` can name; names are found in any case."""

    styles: Mapping[str, Style]
    undesired: Mapping[str, str]

    def apply(self, prompt: str, negative: str, names: Sequence[str] = (), preset: str = "none") -> Styled:
        """Work styles into a prompt, in order, and a preset behind the undesired content.

        The user's own undesired content comes first, since the end is cut where a model takes few tokens. For a literal
        prompt pass `escape(prompt)` and read the result as weighted. UnknownName for names that nothing has.
        """
        unwanted = [negative]
        for name in names:
            style = _named("style", name, self.styles)
            prompt = _worked_in(style.prompt, prompt)
            unwanted.append(style.negative)
        unwanted.append(_named("undesired content preset", preset, self.undesired))
        return Styled(prompt, ", ".join(text for text in unwanted if text.strip()))


def load_styles(path: Path | None = None) -> Styles:
    """Built-in styles with those of a file over them; by default the user's `styles.toml`, if there is one.

    UsageError names the file, the line and the key that is wrong.
    """
    built_in = _read((files("retouch.prompt") / "builtin.toml").read_text(encoding="utf-8"), "builtin.toml")
    if path is None:
        path = user_styles_path()
        if not path.exists():
            return built_in
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read as a text file ({error}); correct or remove it") from None
    own = _read(text, str(path))
    return Styles(_over(built_in.styles, own.styles), _over(built_in.undesired, own.undesired))


def user_styles_path() -> Path:
    """Where the user's own styles are looked for; `RETOUCH_CONFIG_DIR` moves the folder."""
    import platformdirs

    given = os.environ.get(CONFIG_VARIABLE)
    folder = Path(given) if given else platformdirs.user_config_path("retouch", appauthor=False)
    return folder / FILE


def _named(kind: str, name: str, among: Mapping[str, T]) -> T:
    for known, value in among.items():
        if known.casefold() == name.casefold():
            return value
    raise UnknownName(kind, name, among)


def _over(base: Mapping[str, T], own: Mapping[str, T]) -> dict[str, T]:
    """Both together; a name of the second replaces the same name of the first, in any case."""
    replaced = {name.casefold() for name in own}
    return {name: value for name, value in base.items() if name.casefold() not in replaced} | dict(own)


def _worked_in(style: str, prompt: str) -> str:
    if PLACE not in style:
        style = f"{PLACE}, {style}"
    return style.replace(PLACE, prompt) if prompt.strip() else style.replace(PLACE, "").strip(" ,")


def _read(text: str, where: str) -> Styles:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{where} is not TOML: {error}") from None
    file = _File(text, where)
    file.only(data, ("style", "undesired"))
    styles = {}
    for name, table in file.table(data, "style").items():
        file.only(file.mapping(table, "style", name), ("prompt", "negative"), "style", name)
        styles[name] = Style(**{key: file.prompt(value, "style", name, key) for key, value in table.items()})
    presets = file.table(data, "undesired").items()
    return Styles(styles, {name: file.prompt(value, "undesired", name) for name, value in presets})


@dataclass(frozen=True)
class _File:
    """The text of a file, to say in which line something is wrong."""

    text: str
    where: str

    def table(self, data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        return self.mapping(data.get(key, {}), key)

    def mapping(self, value: object, *keys: str) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise self.error("must be a table", *keys)
        return value

    def only(self, table: Mapping[str, Any], known: Sequence[str], *keys: str) -> None:
        """Refuse other keys, so that a slip of the pen is never passed over."""
        for key in table:
            if key not in known:
                near = get_close_matches(key, known, n=1)
                hint = f"did you mean {near[0]}?" if near else f"use {' or '.join(known)}"
                raise self.error(f"is unknown; {hint}", *keys, key)

    def prompt(self, value: object, *keys: str) -> str:
        """Take a string that can be read as a prompt."""
        if not isinstance(value, str):
            raise self.error('must be text in "quotes"', *keys)
        try:
            parse(value.replace(PLACE, ""))
        except PromptError as error:
            raise self.error(f"cannot be read as a prompt: {error.problem}", *keys) from None
        return value

    def error(self, problem: str, *keys: str) -> UsageError:
        return UsageError(f"{self.where}, line {self._line(keys)}: {'.'.join(keys)} {problem}")

    def _line(self, keys: tuple[str, ...]) -> int:
        """Line of a key, or of the table that holds it when it is written in a form that is not found."""
        table: tuple[str, ...] = ()
        nearest = 1
        for number, line in enumerate(self.text.splitlines(), start=1):
            if header := re.match(r"\s*\[+(.*?)\]", line):
                table = _parts(header[1])
                if keys[: len(table)] == table:
                    nearest = number
            elif (setting := re.match(r"([^=#]+)=", line)) and table + _parts(setting[1]) == keys:
                return number
        return nearest


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))
