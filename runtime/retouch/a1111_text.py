"""The quoting of `parameters` texts: one line of `Name: value` pairs, values with a comma, colon or line break in
JSON quotes, as Stable Diffusion web UI (A1111) writes and reads them."""

import json
import re
from collections.abc import Iterable

_NAME = re.compile(r"\s*(\w[\w \-/]*):\s*")
_QUOTED = re.compile(r'"(?:\\.|[^\\"])*"')


def quoted(value: object) -> str:
    """The value as it stands in the line: plain where that is unambiguous, else as a JSON string."""
    text = str(value)
    needs_quotes = text == "" or text != text.strip() or re.search(r'[,:\n\r"\\]', text)
    return json.dumps(text, ensure_ascii=False) if needs_quotes else text


def joined(fields: Iterable[tuple[str, object]]) -> str:
    """One line of `Name: value` pairs."""
    return ", ".join(f"{name}: {quoted(value)}" for name, value in fields)


def split_fields(line: str) -> dict[str, str] | None:
    """The pairs of such a line, unquoted; None when the line is something else.

    A value that has quotes but is no valid JSON string is kept as it stands.
    """
    fields: dict[str, str] = {}
    at = 0
    while at < len(line):
        name = _NAME.match(line, at)
        if name is None:
            return None
        value = _QUOTED.match(line, name.end())
        if value is None or line[value.end() : value.end() + 1] not in ("", ","):
            end = (line + ",").index(",", name.end())
            fields[name[1].strip()] = line[name.end() : end].strip()
        else:
            end = value.end()
            fields[name[1].strip()] = _unquoted(value[0])
        at = end + 1
    return fields or None


def _unquoted(text: str) -> str:
    try:
        return str(json.loads(text, strict=False))
    except ValueError:
        return text
