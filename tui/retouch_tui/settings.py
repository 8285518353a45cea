"""What a person sets once: look, mouse and glyphs in `settings.toml`, and the options last used with each model."""

import json
import re
import tomllib
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from retouch.errors import OutputError, UsageError
from retouch_tui.engine import Draft, draft_from_data

FILE = "settings.toml"
MOST_RECENT = 12


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings that outlive a session."""

    theme: str = "retouch-dark"
    mouse: str = "auto"
    glyphs: str = "auto"
    colors: str = "auto"
    graphics: str = "auto"
    model: str = ""
    pace: float = 1.0
    """How long runs take here against what was foretold."""
    toured: bool = False
    """Whether the first-start tour was seen."""
    recent: tuple[str, ...] = ()
    """Pictures opened lately, the latest first."""

    def with_recent(self, path: str) -> "Settings":
        """Put a path in front."""
        rest = tuple(p for p in self.recent if p != path)
        return replace(self, recent=(path, *rest)[:MOST_RECENT])


def load_settings(folder: Path) -> tuple[Settings, tuple[str, ...]]:
    """Read the settings and say in words what could not be used."""
    path = folder / FILE
    if not path.exists():
        return Settings(), ()
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return Settings(), (f"{path}: not read, the built-in settings are used ({error})",)
    plain, problems = Settings(), []
    found: dict[str, Any] = {}
    for field in fields(Settings):
        value = data.get(field.name, getattr(plain, field.name))
        value = tuple(str(v) for v in value) if isinstance(value, list) else value
        if type(value) is type(getattr(plain, field.name)):
            found[field.name] = value
        else:
            problems.append(f"{path}: {field.name} has the wrong kind of value and is ignored")
    return Settings(**found), tuple(problems)


def save_settings(folder: Path, settings: Settings) -> None:
    """Write the settings whole or not at all."""
    lines = [f"{f.name} = {_toml(getattr(settings, f.name))}\n" for f in fields(settings)]
    _write(folder / FILE, "".join(lines))


def load_draft(folder: Path, model: str) -> Draft | None:
    """Return the options last used with a model; None when there are none that still make sense."""
    path = _draft_path(folder, model)
    try:
        return draft_from_data(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, UsageError):
        return None


def save_draft(folder: Path, draft: Draft) -> None:
    """Keep the options for the next session with this model."""
    _write(_draft_path(folder, draft.model), json.dumps(draft.to_data(), ensure_ascii=False, indent=1) + "\n")


def _draft_path(folder: Path, model: str) -> Path:
    return folder / "models" / f"{re.sub(r'[^A-Za-z0-9._-]', '_', model) or 'default'}.json"


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False)


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(path.name + ".partial")
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error}); check the folder's permissions") from None
