"""Fix lists: the numbered flaws of a picture in a TOML file, each with its own mask, prompt and options.

[defaults]                      # any option of a request, for all regions
steps = 20

[[region]]
mask = "ellipse 120,80 40,30"   # or the name of a mask file, relative to the list
prompt = "a closed eye"
count = 3                       # candidates
take = 2                        # the one that the next region goes on from; 1 when left out
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from retouch.errors import UsageError
from retouch.mask_text import checked, is_file
from retouch.request import OPTIONS, InpaintRequest
from retouch_models.decode import Misfit, decode

MOST_CANDIDATES = 100
_OWN = ("mask", "name", "count", "take", "skip", "invert_mask", "fit_mask")
_HEADER = re.compile(r"^[ \t]*\[\[[ \t]*region[ \t]*\]\]", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class FixRegion:
    """One flaw and how to mend it."""

    number: int
    """From 1, in the order of the file, which is the order they run in."""
    line: int
    """Where it starts in the file."""
    mask: str
    """A mask expression or the name of a file."""
    request: InpaintRequest
    seeded: bool
    """Whether the list names the seed; else one is drawn, and remembered."""
    name: str = ""
    count: int = 1
    take: int = 1
    skip: bool = False
    invert_mask: bool = False
    fit_mask: bool = False

    @property
    def title(self) -> str:
        """How messages call it."""
        named = f" ({self.name})" if self.name else ""
        return f"region {self.number}{named}"


@dataclass(frozen=True, kw_only=True)
class FixList:
    """The regions of a picture."""

    regions: tuple[FixRegion, ...]
    folder: Path
    """Where relative names of mask files start."""

    def __getitem__(self, number: int) -> FixRegion:
        """Return a region by its number; UsageError when there is none."""
        if not 1 <= number <= len(self.regions):
            raise UsageError(f"there is no region {number}; the list has 1 to {len(self.regions)}")
        return self.regions[number - 1]


def load_fix_list(path: Path) -> FixList:
    """Read a fix list; UsageError names the line or the region that is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"the fix list {path} cannot be read ({error.strerror}); check the name") from None
    except UnicodeDecodeError:
        raise UsageError(f"the fix list {path} is not text in UTF-8; save it again as that") from None
    return parse_fix_list(text, path.parent, path.name)


def parse_fix_list(text: str, folder: Path, where: str = "the fix list") -> FixList:
    """Read the text of a fix list; see `load_fix_list`."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{where} is not TOML: {error}") from None
    for key in data:
        if key not in ("defaults", "region"):
            hint = "; every region starts with a line [[region]]" if key in (*OPTIONS, *_OWN, "regions") else ""
            raise UsageError(f"{where}: {key!r} is unknown{hint}; a list has [defaults] and [[region]] tables")
    tables = data.get("region", [])
    if not isinstance(tables, list) or not tables:
        raise UsageError(f"{where} has no regions; add one that starts with the line [[region]]")
    defaults = _options(data.get("defaults", {}), f"{where}, [defaults]", ("count",))
    lines = [text.count("\n", 0, found.start()) + 1 for found in _HEADER.finditer(text)]
    if len(lines) != len(tables):
        lines = [1] * len(tables)  # written as an array in one line
    regions = tuple(
        _region(number, line, defaults, table, f"{where}, line {line}, region {number}", folder)
        for number, (line, table) in enumerate(zip(lines, tables, strict=True), start=1)
    )
    return FixList(regions=regions, folder=folder)


def _region(number: int, line: int, defaults: Mapping[str, Any], table: object, where: str, folder: Path) -> FixRegion:
    values = {**defaults, **_options(table, where, _OWN)}
    own = {key: values.pop(key) for key in _OWN if key in values}
    if "mask" not in own:
        raise UsageError(f'{where} has no mask; add one, as in mask = "ellipse 120,80 40,30" (docs/masks.md)')
    try:
        request = decode(InpaintRequest, values)
        region = decode(
            FixRegion,
            {"number": number, "line": line, "request": {}, "seeded": "seed" in values, **own},
        )
        _check(region)
        if not is_file(region.mask, folder):
            checked(region.mask)
    except Misfit as misfit:
        raise UsageError(f"{where}: {misfit}") from None
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None
    return FixRegion(**{**vars(region), "request": request})


def _check(region: FixRegion) -> None:
    if not 1 <= region.count <= MOST_CANDIDATES:
        raise UsageError(f"count must be from 1 to {MOST_CANDIDATES}, not {region.count}")
    if not 1 <= region.take <= region.count:
        raise UsageError(f"take is {region.take}, and there are candidates 1 to {region.count}")


def _options(table: object, where: str, own: tuple[str, ...]) -> dict[str, Any]:
    """A table with every key known; hyphens may stand for underscores, as on the command line."""
    if not isinstance(table, Mapping):
        raise UsageError(f"{where} must be a table of options")
    known, found = (*OPTIONS, *own), {}
    for key, value in table.items():
        name = key.replace("-", "_")
        if name not in known:
            near = get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise UsageError(f"{where}: {key!r} is unknown.{hint}")
        found[name] = value
    return found
