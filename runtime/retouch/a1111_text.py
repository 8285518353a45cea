"""The quoting of `parameters` texts: one line of `Name: value` pairs, values with a comma, colon or line break in
JSON quotes, as Stable Diffusion web UI (A1111) writes and reads them."""

import json
import re
from collections.abc import Iterable

_NAME = re.compile(r"\s*(\w[\w \-/]*):\s*")
_DECODER = json.JSONDecoder(strict=False)
_OPENERS = ('"', "[", "{")


def quoted(value: object) -> str:
    """The value as it stands in the line: plain where that is unambiguous, else as a JSON string."""
    text = str(value)
    needs_quotes = text == "" or text != text.strip() or re.search(r'[,:\n\r"\\]', text)
    return json.dumps(text, ensure_ascii=False) if needs_quotes else text


def joined(fields: Iterable[tuple[str, object]]) -> str:
    """One line of `Name: value` pairs."""
    return ", ".join(f"{name}: {quoted(value)}" for name, value in fields)


def split_fields(line: str) -> dict[str, str]:
    """The pairs of such a line, unquoted; what is no pair is skipped, so another kind of line gives few or none.

    A value in quotes that is no JSON string is kept as it stands, one in `[]` or `{}` is kept whole.
    """
    fields: dict[str, str] = {}
    at = 0
    while at < len(line):
        name = _NAME.match(line, at)
        start = at if name is None else name.end()
        end, value = _value(line, start)
        if name is not None:
            fields.setdefault(name[1].strip(), value)
        at = end + 1
    return fields


def _value(line: str, start: int) -> tuple[int, str]:
    """Where the value at `start` ends, and the value."""
    if line[start : start + 1] in _OPENERS:
        try:
            value, end = _DECODER.raw_decode(line, start)
        except (ValueError, RecursionError):
            end = start
        if end > start and line[end : end + 1] in ("", ","):
            return end, value if isinstance(value, str) else line[start:end]
    comma = line.find(",", start)
    end = len(line) if comma < 0 else comma
    return end, line[start:end].strip()
