"""Graphs as an engine optimised them for this machine, kept between runs so that a model opens at once.

Optimising a graph and unfolding its stored weights takes a second and twice the memory; both are done once. What is
kept depends on the processor (the layout of convolution weights follows its vector width), so the key names it.
A folder is written under a temporary name and renamed, so processes that start at once cannot harm each other, and a
disk that is full or read-only only means that nothing is kept. RETOUCH_CACHE=off turns it off; RETOUCH_CACHE=DIR
moves it.
"""

import hashlib
import json
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from platformdirs import user_cache_path

GRAPH, WEIGHTS, SIZES = "graph.onnx", "weights.data", "sizes.json"
SMALLEST = 2**20
"""Graphs in files below this many bytes open fast enough as they are."""
OLDEST_DAYS = 60
MOST_BYTES = 16 * 2**30
_LEFTOVER_DAYS = 1
_TEMPORARY = ".new-"

Write = Callable[[Path, str], object]
"""(path of the graph, name of its weights file) -> writes both beside each other."""


def cache_folder() -> Path | None:
    """Where optimised graphs are kept, None if the user turned it off."""
    told = os.environ.get("RETOUCH_CACHE", "")
    if told.lower() in ("off", "0", "no", "false"):
        return None
    return Path(told).expanduser() if told else user_cache_path("retouch", appauthor=False) / "graphs"


def key(graph: Path, *facts: str) -> str:
    """Name an optimised graph by its source file, this processor, and the facts given (versions, options)."""
    state = graph.stat()
    parts = [str(graph.resolve()), str(state.st_size), str(state.st_mtime_ns), processor(), *facts]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]


@lru_cache(maxsize=1)
def processor() -> str:
    """Name this kind of processor by its architecture and its instruction sets."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    flags = next((line.partition(":")[2] for line in lines if line.startswith(("flags", "Features"))), "")
    return f"{platform.system()} {platform.machine()} {flags or platform.processor()}"


def find(name: str, file: str = GRAPH) -> Path | None:
    """Return the path of a kept graph, None if there is none or if it is not whole; `file` is how it is called."""
    root = cache_folder()
    if root is None:
        return None
    folder = root / name
    try:
        sizes = json.loads((folder / SIZES).read_text(encoding="utf-8"))
        whole = all((folder / kept).stat().st_size == size for kept, size in sizes.items())
    except (OSError, ValueError, AttributeError):
        whole, sizes = False, {}
    if not whole or file not in sizes:
        forget(name)
        return None
    with suppress(OSError):
        os.utime(folder)  # used just now, so that cleaning takes others first
    return folder / file


def keep(name: str, write: Write, file: str = GRAPH) -> Path | None:
    """Write a graph with `write` and keep it; None if the disk does not take it. Errors of `write` mean the same."""
    root = cache_folder()
    if root is None:
        return None
    try:
        root.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=root))
    except OSError:
        return None
    try:
        write(new / file, WEIGHTS)
        sizes = {kept.name: kept.stat().st_size for kept in new.iterdir()}
        (new / SIZES).write_text(json.dumps(sizes), encoding="utf-8")
        _flush(new)
        with suppress(OSError):  # another process was faster
            new.rename(root / name)
    except Exception:  # noqa: BLE001 - whatever went wrong, the graph can be used as it is
        return None
    finally:
        shutil.rmtree(new, ignore_errors=True)
    clean(root, spare=name)
    return find(name, file)


def forget(name: str) -> None:
    """Remove a kept graph."""
    root = cache_folder()
    if root is not None:
        shutil.rmtree(root / name, ignore_errors=True)


def clean(root: Path, *, spare: str = "", now: float | None = None) -> None:
    """Remove what nobody used for long, leftovers of crashes, and the least recently used above the total size."""
    now = time.time() if now is None else now
    entries = []
    for folder, used, size in _entries(root):
        days = (now - used) / 86400
        if folder.name != spare and days > (_LEFTOVER_DAYS if folder.name.startswith(_TEMPORARY) else OLDEST_DAYS):
            shutil.rmtree(folder, ignore_errors=True)
        else:
            entries.append((used, size, folder))
    total = sum(size for _, size, _ in entries)
    for _, size, folder in sorted(entries, key=lambda entry: entry[0]):
        if total <= MOST_BYTES:
            return
        if folder.name != spare:
            shutil.rmtree(folder, ignore_errors=True)
            total -= size


def _entries(root: Path) -> Iterator[tuple[Path, float, int]]:
    """Folders with the time of their last use and their bytes; what vanishes meanwhile is left out."""
    with suppress(OSError):
        for folder in list(root.iterdir()):
            with suppress(OSError):
                yield folder, folder.stat().st_mtime, sum(file.stat().st_size for file in folder.iterdir())


def _flush(folder: Path) -> None:
    """Bring the files to the disk before the rename, so that a power cut leaves no hollow ones under the final name."""
    for file in folder.iterdir():
        with file.open("rb+") as stream:
            os.fsync(stream.fileno())
