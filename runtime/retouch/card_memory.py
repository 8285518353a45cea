"""What an NVIDIA card has free, as its driver tells through `nvidia-smi`; ONNX Runtime has no way to ask."""

import csv
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SECONDS = 5.0
"""A driver that wakes a card needs one or two."""
QUERY = ("uuid", "name", "memory.total", "memory.free", "mig.mode.current")
MIB = 2.0**20
WORTH_SAYING = 1e9
"""Bytes held on a card below which nobody is to blame: a driver and a context take half of that."""


@dataclass(frozen=True, kw_only=True)
class CardMemory:
    """Memory of one card in bytes, or why it is not known."""

    total: float | None = None
    free: float | None = None
    unknown: str = ""
    """Why not, in the user's terms."""

    def words(self) -> str:
        """Say it to the user, who may want to free some of it."""
        if self.total is None or self.free is None:
            return f"what it has free is not known ({self.unknown}); --memory-limit GB sets a limit"
        return f"{self.free / 1e9:.1f} of {self.total / 1e9:.1f} GB free" + (
            f"; {held}" if (held := self.held()) else ""
        )

    def held(self) -> str:
        """Say what others hold; empty where that is next to nothing, or not known."""
        if self.total is None or self.free is None or self.total - self.free < WORTH_SAYING:
            return ""
        return f"another process holds {(self.total - self.free) / 1e9:.1f} of {self.total / 1e9:.1f} GB"


@dataclass(frozen=True, kw_only=True)
class _Row:
    uuid: str
    name: str
    total: str
    free: str
    divided: bool


def card_of(device: str) -> CardMemory | None:
    """Ask for the card that a device as the user names it may come to; None where it cannot be one."""
    provider, _, number = device.partition(":")
    asked = provider == "cuda" or (provider == "auto" and shutil.which("nvidia-smi") is not None)
    return card_memory(int(number) if number.isdigit() else 0) if asked else None


def card_memory(number: int) -> CardMemory:
    """Ask for the card that CUDA counts as `number`."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return CardMemory(unknown="there is no nvidia-smi")
    command = [program, f"--query-gpu={','.join(QUERY)}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return CardMemory(unknown=f"nvidia-smi did not answer in {SECONDS:g} s")
    except OSError as error:
        return CardMemory(unknown=f"nvidia-smi does not run: {error.strerror}")
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip().splitlines()
        return CardMemory(unknown=f"nvidia-smi says: {said[0][:120] if said else done.returncode}")
    return memory_of(done.stdout, number, os.environ)


def memory_of(told: str, number: int, environment: Mapping[str, str]) -> CardMemory:
    """Read the answer to `QUERY` for the card that CUDA counts as `number` in this environment."""
    rows = [_row(cells) for cells in csv.reader(told.splitlines(), skipinitialspace=True) if len(cells) == len(QUERY)]
    found = _chosen(rows, number, environment)
    if isinstance(found, str):
        return CardMemory(unknown=found)
    if found.divided:
        return CardMemory(unknown="the card is divided (MIG), and its parts are not told")
    if not (found.total.isdigit() and found.free.isdigit()):
        return CardMemory(unknown=f"the driver does not tell: {found.free}")
    return CardMemory(total=int(found.total) * MIB, free=int(found.free) * MIB)


def _row(cells: Sequence[str]) -> _Row:
    uuid, name, total, free, mig = (cell.strip() for cell in cells)
    return _Row(uuid=uuid, name=name, total=total, free=free, divided=mig == "Enabled")


def _chosen(rows: Sequence[_Row], number: int, environment: Mapping[str, str]) -> _Row | str:
    """The row of a card, or why it cannot be told.

    nvidia-smi counts by the bus, CUDA by speed unless it is told otherwise; alike cards it leaves in their order.
    """
    wanted = environment.get("CUDA_VISIBLE_DEVICES")
    names = [str(i) for i in range(len(rows))] if wanted is None else [name.strip() for name in wanted.split(",")]
    if number >= len(names):
        return f"CUDA sees {len(names)} cards, counted from 0"
    name = names[number]
    if name.startswith("MIG-"):
        return "it is a part of a card (MIG), which is not told"
    if name.startswith("GPU-"):
        alike = [row for row in rows if row.uuid.startswith(name)]
        return alike[0] if len(alike) == 1 else f"nvidia-smi knows {len(alike)} cards {name}"
    if not (name.isdigit() and int(name) < len(rows)):
        return f"nvidia-smi knows no card {name}" if name else "CUDA_VISIBLE_DEVICES hides all cards"
    if environment.get("CUDA_DEVICE_ORDER") != "PCI_BUS_ID" and len({row.name for row in rows}) > 1:
        return "the cards differ, and CUDA counts them by speed; set CUDA_DEVICE_ORDER=PCI_BUS_ID"
    return rows[int(name)]
