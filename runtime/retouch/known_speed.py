"""How fast models really ran on this machine's processor, kept beside the optimised graphs for later plans.

A matrix product tells little of it: numpy's own reaches half the speed of an engine's on some processors, and shorter
numbers double that. So the last runs are asked, and the product only before the first.
"""

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from retouch.session_cache import cache_folder, processor

FILE = "speed.json"
NEWEST = 0.5
"""Share of the newest run in what is kept: a machine that was busy once is not slow for ever."""


def recalled(device: str, model: str) -> float | None:
    """GFLOP/s of a model's steps on a device, by its name; None where none is known."""
    path = _path()
    return None if path is None else _read(path).get(_key(device, model))


def remember(device: str, model: str, gflops: float) -> None:
    """Keep the speed of a run; a disk that does not take it only means that later plans do not know."""
    path = _path()
    if path is None:
        return
    known = _read(path)
    before = known.get(_key(device, model), gflops)
    known[_key(device, model)] = round(before + NEWEST * (gflops - before), 1)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{FILE}", dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(known, file)
        Path(name).replace(path)


def _path() -> Path | None:
    root = cache_folder()
    return None if root is None else root / FILE


def _key(device: str, model: str) -> str:
    return f"{model} on {device}, {processor()}"


def _read(path: Path) -> dict[str, float]:
    """What is kept; nothing where the file is not there or is not of this kind."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(told, dict):
        return {}
    return {key: speed for key, speed in told.items() if isinstance(speed, float) and speed > 0}
