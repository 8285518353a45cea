"""How a picture was made: the request and the facts of the run, as JSON-able values."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from retouch.errors import UsageError
from retouch.request import OPTIONS, InpaintRequest, request_from_data
from retouch_models.decode import Misfit, decode, encode

SCHEMA = 1
"""Raised when an older version could misread a recipe; added keys alone do not raise it."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class ModelFact:
    """The model that was used."""

    name: str
    hash: str | None = None
    """The bundle's digest, or what the other tool calls the model's hash."""


@dataclass(frozen=True, kw_only=True)
class PictureFact:
    """The picture that was worked on."""

    file: str | None = None
    sha256: str | None = None
    """Of its pixels, see `recipe_mask.pixels_hash`."""
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, kw_only=True)
class MaskFact:
    """The mask that was used, in every form that is known of it."""

    expression: str | None = None
    file: str | None = None
    sha256: str | None = None
    png: str | None = None
    """The mask itself as a grey PNG in base64, when it is small."""


@dataclass(frozen=True, kw_only=True)
class StrokesFact:
    """The colour strokes that the run started from."""

    sha256: str | None = None
    png: str | None = None
    """The layer itself as a PNG in base64, when it is small."""


@dataclass(frozen=True, kw_only=True)
class OutpaintFact:
    """How far the picture grew on each side, in its pixels."""

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0
    overlap: int | None = None
    fill: str = "edge"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What is needed to make a picture again, and what was measured when it was made."""

    request: InpaintRequest
    command: str = "inpaint"
    model: ModelFact | None = None
    picture: PictureFact | None = None
    mask: MaskFact | None = None
    strokes: StrokesFact | None = None
    outpaint: OutpaintFact | None = None
    steps: tuple[Mapping[str, Any], ...] | None = None
    """Of a result made in several steps: the recipe of each as data, in their order."""
    version: str | None = None
    """Version of the tool that made the picture."""
    provider: str | None = None
    proof: Mapping[str, Any] | None = None
    source: str = "retouch"
    """The tool that wrote the recipe."""
    unmapped: tuple[str, ...] = ()
    """What the other tool, or a newer version of this one, says and this one has nothing for: `name: value` each."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Keys of a newer version, kept as they are."""

    def to_data(self) -> dict[str, Any]:
        """Plain JSON values; facts that are not known are left out."""
        data: dict[str, Any] = {"schema": SCHEMA}
        for name in _STORED:
            value = encode(getattr(self, name))
            if isinstance(value, dict) and name in _FACTS:
                value = {key: item for key, item in value.items() if item is not None}
            if value is not None:
                data[name] = value
        if self.unmapped:
            data["unmapped"] = list(self.unmapped)
        return data | dict(self.extra)

    def to_json(self) -> str:
        """One line of ASCII, the same for the same recipe."""
        return json.dumps(self.to_data(), ensure_ascii=True, separators=(",", ":"), allow_nan=False)


_FACTS: dict[str, type[Any]] = {
    "model": ModelFact,
    "picture": PictureFact,
    "mask": MaskFact,
    "strokes": StrokesFact,
    "outpaint": OutpaintFact,
}
_STORED = tuple(f.name for f in fields(Recipe) if f.name not in ("unmapped", "extra"))


def recipe_from_data(data: Mapping[str, Any]) -> Recipe:
    """Rebuild a recipe from `to_data`; unknown keys are kept and reported, UsageError names a value that misfits."""
    if not isinstance(data.get("request"), Mapping):
        raise UsageError("this is no recipe: it has no request; give a picture or JSON file that retouch wrote")
    schema = _typed(int, data.get("schema", SCHEMA), "schema")
    unmapped = list(_typed(tuple[str, ...], data.get("unmapped", ()), "unmapped"))
    if schema > SCHEMA:
        unmapped.append(f"schema: {schema} (this version knows {SCHEMA}; a newer retouch may read more)")
    options = _known(data["request"], OPTIONS, "request", unmapped)
    facts: dict[str, Any] = {}
    for name, kind in _FACTS.items():
        if data.get(name) is not None:
            own = _typed(dict[str, Any], data[name], name)
            facts[name] = _typed(kind, _known(own, tuple(f.name for f in fields(kind)), name, unmapped), name)
    for name in ("command", "version", "provider", "source"):
        if data.get(name) is not None:
            facts[name] = _typed(str, data[name], name)
    if data.get("proof") is not None:
        facts["proof"] = _typed(dict[str, Any], data["proof"], "proof")
    if data.get("steps") is not None:
        facts["steps"] = _typed(tuple[Mapping[str, Any], ...], data["steps"], "steps")
    extra = {key: value for key, value in data.items() if key not in (*_STORED, "schema", "unmapped")}
    unmapped += [told(key, value) for key, value in extra.items()]
    return Recipe(request=request_from_data(options), unmapped=tuple(dict.fromkeys(unmapped)), extra=extra, **facts)


def recipe_from_json(text: str) -> Recipe:
    """Read `to_json`; UsageError when it is damaged."""
    try:
        data = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as problem:
        raise UsageError(f"the recipe is damaged ({problem}); use another picture or JSON file") from None
    if not isinstance(data, dict):
        raise UsageError("this is no recipe: it must be a JSON object; give a picture or JSON file that retouch wrote")
    return recipe_from_data(data)


def told(name: str, value: object) -> str:
    """How a value without counterpart is reported: one short line."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    short = " ".join(text.split())
    return f"{name}: {short if len(short) <= 120 else short[:117] + '...'}"


def _known(data: Mapping[str, Any], names: tuple[str, ...], where: str, unmapped: list[str]) -> dict[str, Any]:
    unmapped += [told(f"{where}.{key}", value) for key, value in data.items() if key not in names]
    return {key: value for key, value in data.items() if key in names}


def _typed(kind: type[T], value: object, where: str) -> T:
    try:
        return decode(kind, value, where)
    except Misfit as misfit:
        raise UsageError(f"the recipe's {misfit}") from None


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")
