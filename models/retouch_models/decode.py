"""Plain JSON values to frozen dataclasses and back, refusing what does not fit with the place where it stands."""

import dataclasses
import math
import types
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

LATER = {"later": True}
"""Metadata of a field that an earlier version does not know: left out while it has its default, so that this version's
files are read by that one unless they need it."""


class Misfit(ValueError):
    """A value that does not fit its type; the message names the place."""


def decode(kind: type[T], value: object, where: str = "") -> T:
    """Build `kind`, a dataclass, from a JSON object; unknown keys are refused, so that a typo is never ignored."""
    result: T = _decode(kind, value, where)
    return result


def encode(value: object) -> Any:
    """Turn a dataclass into plain JSON values, leaving out nothing but defaults of fields marked LATER."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        own = ((f, getattr(value, f.name)) for f in dataclasses.fields(value))
        return {f.name: encode(v) for f, v in own if not (f.metadata.get("later") and v == f.default)}
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [encode(item) for item in value]
    return value


def _decode(kind: Any, value: object, where: str) -> Any:
    if kind is Any:
        return value
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _decode_dataclass(kind, value, where)
    origin, args = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _decode_union(args, value, where)
    if origin is Literal:
        if value not in args:
            raise Misfit(f"{where or 'value'} is {value!r}; it must be one of {', '.join(map(str, args))}")
        return value
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            raise Misfit(f"{where} must be a list, not {_name(value)}")
        if len(args) == 2 and args[1] is Ellipsis:
            return tuple(_decode(args[0], item, f"{where}[{i}]") for i, item in enumerate(value))
        if len(args) != len(value):
            raise Misfit(f"{where} must have {len(args)} items, not {len(value)}")
        return tuple(_decode(a, item, f"{where}[{i}]") for i, (a, item) in enumerate(zip(args, value, strict=True)))
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            raise Misfit(f"{where} must be an object, not {_name(value)}")
        return {str(key): _decode(args[1], item, f"{where}.{key}") for key, item in value.items()}
    return _decode_plain(kind, value, where)


def _decode_dataclass(kind: type[Any], value: object, where: str) -> Any:
    if not isinstance(value, Mapping):
        raise Misfit(f"{where or 'the document'} must be an object, not {_name(value)}")
    hints = get_type_hints(kind)
    fields = {f.name: f for f in dataclasses.fields(kind)}
    prefix = f"{where}." if where else ""
    for key in value:
        if key not in fields:
            raise Misfit(f"{prefix}{key} is unknown")
    for name, field in fields.items():
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if required and name not in value:
            raise Misfit(f"{prefix}{name} is missing")
    return kind(**{key: _decode(hints[key], item, f"{prefix}{key}") for key, item in value.items()})


def _decode_union(args: tuple[Any, ...], value: object, where: str) -> Any:
    if value is None and type(None) in args:
        return None
    misfits = []
    for arg in args:
        if arg is not type(None):
            try:
                return _decode(arg, value, where)
            except Misfit as misfit:
                misfits.append(misfit)
    raise misfits[0]


def _decode_plain(kind: Any, value: object, where: str) -> Any:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise Misfit(f"{where or 'value'} must be {_word(kind)}, not {_name(value)}")
    if isinstance(value, float) and not math.isfinite(value):
        raise Misfit(f"{where or 'value'} must be a finite number, not {value}")
    return value


def _word(kind: type[object]) -> str:
    return {int: "a whole number", float: "a number", str: "text", bool: "true or false"}.get(kind, kind.__name__)


def _name(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
