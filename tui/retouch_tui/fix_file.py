"""Fix lists as files, the same that `retouch fix` works through: read into regions, written with their masks beside."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from retouch.errors import OutputError
from retouch.fix_list import FixRegion, load_fix_list
from retouch.mask_text import mask_of_text
from retouch.picture import Picture
from retouch.request import InpaintRequest
from retouch_tui.files import save_mask
from retouch_tui.fixlist import Own, Region, region_of
from retouch_tui.layers import Mask8
from retouch_tui.refine import to_bytes


def read_fix_file(path: Path, picture: Picture) -> list[Region]:
    """Read the flaws of a list for a picture; UsageError and PictureError name the line that is wrong."""
    fixes = load_fix_list(path)
    regions = []
    for fix in fixes.regions:
        mask, _ = mask_of_text(fix.mask, picture, folder=fixes.folder, fit=fix.fit_mask, invert=fix.invert_mask)
        region = region_of(to_bytes(mask), fix.number, fix.request.prompt)
        if region is not None:
            regions.append(_with_options(region, fix))
    return regions


def _with_options(region: Region, fix: FixRegion) -> Region:
    plain, given = InpaintRequest().to_data(), fix.request.to_data()
    own: Own = tuple(
        (name, value)
        for name, value in given.items()
        if name != "prompt" and (value != plain.get(name) or (name == "seed" and fix.seeded))
    )
    count: Own = (("candidates", fix.count),) if fix.count > 1 else ()
    values: dict[str, Any] = vars(region) | {"own": own + count, "take": fix.take}
    return Region(**values | {"state": "skipped" if fix.skip else "waiting"})


def write_fix_file(path: Path, regions: Iterable[Region], size: tuple[int, int]) -> None:
    """Write a list and, beside it, a mask file for each flaw; OutputError when one of the files exists already."""
    height, width = size
    parts, masks = [], list[tuple[Path, Mask8]]()
    for region in regions:
        mask_path = path.with_name(f"{path.stem}-{region.number}.png")
        masks.append((mask_path, region.mask(height, width)))
        parts.append(_table(region, mask_path.name))
    there = [p for p in (path, *(p for p, _ in masks)) if p.exists()]
    if there:
        raise OutputError(f"{there[0]} exists already; choose another name for the list")
    for mask_path, mask in masks:
        save_mask(mask_path, mask, force=False)
    try:
        path.write_text("\n".join(parts), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); choose another place") from None


def _table(region: Region, mask: str) -> str:
    values = {"mask": mask, "prompt": region.prompt, **dict(region.own)}
    if "candidates" in values:
        values["count"] = values.pop("candidates")
    if region.take > 1:
        values["take"] = region.take
    if region.state == "skipped":
        values["skip"] = True
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items() if value is not None]
    return "\n".join(["[[region]]", *lines, ""])
