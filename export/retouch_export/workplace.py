"""The folder in which a bundle grows: hidden beside the output, renamed when all is proved.

Graphs that are finished are remembered by the fingerprint of what they were made from, so an export that was cut off
(by a crash or a power cut, not by an error or Ctrl-C, which clean up) goes on where it was.
"""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retouch_export.graph_export import GraphResult
from retouch_models.bundle import file_digest
from retouch_models.decode import Misfit, decode, encode
from retouch_models.errors import ExportError
from retouch_models.manifest import GraphSpec

_PROGRESS = "progress.json"


@dataclass(frozen=True)
class Workplace:
    """A partial bundle."""

    folder: Path
    output: Path
    fingerprint: str
    """Names the checkpoint and the options; graphs of another one are not used."""

    @classmethod
    def open(cls, output: Path, fingerprint: str) -> "Workplace":
        """Make or take up the partial folder of `output`; ExportError if the output exists or cannot be made."""
        if output.exists():
            raise ExportError(f"{output} exists already; choose another folder or remove it")
        place = cls(output.with_name(f".{output.name}.partial"), output, fingerprint)
        try:
            if place.folder.is_dir() and place._progress().get("fingerprint") != fingerprint:
                shutil.rmtree(place.folder)
            place.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ExportError(f"{place.folder} cannot be made ({error.strerror}); choose another --output") from error
        return place

    def finished(self, role: str) -> GraphResult | None:
        """Return a graph of an earlier run, None if there is none or if its files have changed since."""
        entry = self._progress().get("graphs", {}).get(role)
        if entry is None:
            return None
        try:
            specs = {name: decode(GraphSpec, spec) for name, spec in entry["specs"].items()}
        except Misfit:
            return None
        files = {f for spec in specs.values() for f in (spec.file, spec.data) if f is not None}
        if all((self.folder / f.file).is_file() and file_digest(self.folder / f.file) == f.sha256 for f in files):
            return GraphResult(specs=specs, parity=entry["parity"])
        return None

    def remember(self, role: str, result: GraphResult) -> None:
        """Note a finished graph."""
        progress = self._progress()
        graphs = progress.get("graphs", {}) | {role: {"specs": encode(result.specs), "parity": result.parity}}
        path = self.folder / _PROGRESS
        path.with_suffix(".new").write_text(json.dumps({"fingerprint": self.fingerprint, "graphs": graphs}))
        path.with_suffix(".new").replace(path)

    def publish(self) -> None:
        """Rename the partial bundle to the output."""
        (self.folder / _PROGRESS).unlink(missing_ok=True)
        self.folder.rename(self.output)

    def keep(self) -> Path:
        """Set a failed bundle aside for study; returns where it is."""
        failed = self.output.with_name(f"{self.output.name}.failed")
        shutil.rmtree(failed, ignore_errors=True)
        return self.folder.rename(failed)

    def remove(self) -> None:
        """Leave nothing behind."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _progress(self) -> dict[str, Any]:
        try:
            data = json.loads((self.folder / _PROGRESS).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return data if isinstance(data, dict) else {}


WORKING_BYTES = 3 * 2**29
"""Memory beside the weights: the libraries, what the networks compute, one layer in fp32."""


def check_room(output: Path, largest: int, total: int, stored: int, held: int) -> None:
    """Raise ExportError if disk or memory cannot hold the export.

    `largest` and `total` are weights of the largest network and of all; `stored` the bytes of one in the bundle;
    `held` the bytes of the largest network in memory. The disk holds all that is stored and the exact copy of the
    largest.
    """
    place = next(folder for folder in (output.parent, *output.absolute().parents) if folder.is_dir())
    free, needed = shutil.disk_usage(place).free, total * stored + largest * 4
    if free < needed:
        raise ExportError(f"the export needs {_size(needed)} on disk and {place} has {_size(free)}; free some or move")
    available, memory = _available_memory(), held + WORKING_BYTES
    if available is not None and available < memory:
        raise ExportError(
            f"the export needs {_size(memory)} of memory and {_size(available)} are free; close other programs"
        )


def _available_memory() -> int | None:
    """Bytes of memory that can be had, None where the system does not say."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return None


def _size(count: float) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**29 else f"{count / 2**20:.0f} MiB"
