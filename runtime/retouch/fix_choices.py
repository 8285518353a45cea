"""What the user decided about the regions of a fix list, kept in a file beside their candidates."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from retouch.atomic import write_whole
from retouch.errors import OutputError, UsageError
from retouch.fix_list import FixList, FixRegion
from retouch_models.decode import Misfit, decode, encode

STATE = "state.json"
LARGEST_DRAWN_SEED = 2**32


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What the user decided about a region, kept between runs."""

    seed: int
    attempt: int = 0
    """How often it was retried; each attempt has seeds of its own."""
    take: int
    skip: bool = False
    listed: tuple[int, bool]
    """What the list said of take and skip then; when the list is edited, it counts again."""


def read_choices(folder: Path, fixes: FixList) -> dict[int, Choice]:
    """The choices for every region by its number; where there are none yet, those of the list."""
    path, kept = folder / STATE, dict[int, Choice]()
    if path.is_file():
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            kept = {int(number): decode(Choice, value) for number, value in data["choices"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, Misfit) as problem:
            raise UsageError(f"{path} is damaged ({problem}); remove it to begin again") from None
    return {region.number: _choice(region, kept.get(region.number)) for region in fixes.regions}


def write_choices(folder: Path, choices: Mapping[int, Choice]) -> None:
    """Keep the choices, whole or not at all; the folder is made."""
    try:
        folder.mkdir(exist_ok=True)
    except OSError as problem:
        raise OutputError(f"cannot make the folder {folder}: {problem.strerror}; choose another") from None
    data: dict[str, Any] = {"choices": {str(number): encode(choice) for number, choice in choices.items()}}
    write_whole(folder / STATE, (json.dumps(data, indent=1) + "\n").encode(), force=True)


def _choice(region: FixRegion, kept: Choice | None) -> Choice:
    """What was chosen before, with what the list itself now says of seed and skipping."""
    if kept is None:
        seed = region.request.seed if region.seeded else secrets.randbelow(LARGEST_DRAWN_SEED)
        return Choice(seed=seed, take=region.take, skip=region.skip, listed=(region.take, region.skip))
    if kept.listed != (region.take, region.skip):
        kept = replace(kept, take=region.take, skip=region.skip, listed=(region.take, region.skip))
    return replace(kept, seed=region.request.seed) if region.seeded else kept
