"""What nvidia-smi says is read for the card that CUDA means, and where it cannot be known the reason is told."""

import os
import re
import stat
import sys
from pathlib import Path

import pytest

from retouch import card_memory as module
from retouch.card_memory import CardMemory, card_memory, card_of, memory_of

A = "GPU-3f1b0f5c-0d4e-8f0a-1c57-aa3f6ab0a9f1"
B = "GPU-9c2d7a44-77b1-4d53-b3b8-5b1d7c3f10e2"
ONE = f"{A}, NVIDIA H100 80GB HBM3, 81559, 81079, Disabled\n"
GAMING = f"{A}, NVIDIA GeForce RTX 4090, 24564, 14302, [N/A]\n"
TWO_ALIKE = f"{A}, NVIDIA A100-SXM4-40GB, 40960, 40536, Disabled\n{B}, NVIDIA A100-SXM4-40GB, 40960, 1024, Disabled\n"
TWO_KINDS = f"{A}, NVIDIA GeForce RTX 3060, 12288, 11000, [N/A]\n{B}, NVIDIA GeForce RTX 4090, 24564, 24000, [N/A]\n"
DIVIDED = f"{A}, NVIDIA A100-SXM4-40GB, 40960, [Insufficient Permissions], Enabled\n"
SHARED = f"{A}, NVIDIA GB10, [N/A], [N/A], [N/A]\n"
LOST = f"{A}, NVIDIA GeForce RTX 4090, [Unknown Error], [Unknown Error], [Unknown Error]\n"
OLD = f"{A}, Tesla K80, 11441, 11439, [Not Supported]\n"
MIB = 2**20


@pytest.mark.parametrize(
    ("told", "number", "environment", "total", "free"),
    [
        (ONE, 0, {}, 81559, 81079),
        (GAMING, 0, {}, 24564, 14302),
        (OLD, 0, {}, 11441, 11439),
        (TWO_ALIKE, 0, {}, 40960, 40536),
        (TWO_ALIKE, 1, {}, 40960, 1024),
        (TWO_ALIKE, 0, {"CUDA_VISIBLE_DEVICES": "1"}, 40960, 1024),
        (TWO_ALIKE, 1, {"CUDA_VISIBLE_DEVICES": "1, 0"}, 40960, 40536),
        (TWO_ALIKE, 0, {"CUDA_VISIBLE_DEVICES": B}, 40960, 1024),
        (TWO_KINDS, 0, {"CUDA_VISIBLE_DEVICES": B[:12]}, 24564, 24000),
        (TWO_KINDS, 1, {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}, 24564, 24000),
        (TWO_KINDS, 0, {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "1"}, 24564, 24000),
    ],
    ids=["one", "no parts", "old", "first", "second", "hidden first", "swapped", "by name", "by short name", "by bus",
         "by bus, hidden first"],
)  # fmt: skip
def test_the_row_of_the_card_is_read(
    told: str, number: int, environment: dict[str, str], total: int, free: int
) -> None:
    assert memory_of(told, number, environment) == CardMemory(total=total * MIB, free=free * MIB)


@pytest.mark.parametrize(
    ("told", "number", "environment", "why"),
    [
        (TWO_KINDS, 0, {}, "CUDA_DEVICE_ORDER=PCI_BUS_ID"),
        (TWO_KINDS, 0, {"CUDA_VISIBLE_DEVICES": "1"}, "CUDA_DEVICE_ORDER=PCI_BUS_ID"),
        (DIVIDED, 0, {}, "MIG"),
        (ONE, 0, {"CUDA_VISIBLE_DEVICES": "MIG-a1b2c3d4-0000-5555-8888-111111111111"}, "MIG"),
        (SHARED, 0, {}, r"does not tell: \[N/A\]"),
        (LOST, 0, {}, "Unknown Error"),
        (ONE, 1, {}, "sees 1 card"),
        (TWO_ALIKE, 1, {"CUDA_VISIBLE_DEVICES": "0"}, "sees 1 card"),
        (ONE, 0, {"CUDA_VISIBLE_DEVICES": ""}, "hides"),
        (ONE, 0, {"CUDA_VISIBLE_DEVICES": "-1"}, "no card -1"),
        (ONE, 0, {"CUDA_VISIBLE_DEVICES": "3"}, "no card 3"),
        (TWO_ALIKE, 0, {"CUDA_VISIBLE_DEVICES": "GPU-"}, "2 cards"),
        ("", 0, {}, "sees 0 cards"),
        ("No devices were found\n", 0, {}, "sees 0 cards"),
    ],
    ids=["by speed", "by speed, hidden", "divided", "a part", "shared memory", "lost", "no second", "none left",
         "hidden", "minus one", "too far", "two of a name", "silent", "in words"],
)  # fmt: skip
def test_what_cannot_be_known_is_said_so(told: str, number: int, environment: dict[str, str], why: str) -> None:
    found = memory_of(told, number, environment)
    assert (found.total, found.free, found.held()) == (None, None, "")
    assert re.search(why, found.words())


def test_others_are_blamed_for_what_is_worth_it_alone() -> None:
    little, much = CardMemory(total=80e9, free=79.5e9), CardMemory(total=80e9, free=70.5e9)
    assert (little.held(), much.held()) == ("", "another process holds 9.5 of 80.0 GB")
    assert little.words() == "79.5 of 80.0 GB free"
    assert much.words() == "70.5 of 80.0 GB free; another process holds 9.5 of 80.0 GB"


@pytest.fixture
def smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that is found as nvidia-smi; what it does is to be written into it."""
    if sys.platform == "win32":
        pytest.skip("the stand-in is a script of the shell")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")
    for name in ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "nvidia-smi"


def write(program: Path, body: str) -> None:
    program.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def test_the_program_is_asked_for_what_is_read(smi: Path) -> None:
    write(smi, f'echo "$@" > {smi}.asked; printf "{ONE.strip()}\\n"')
    assert card_memory(0) == CardMemory(total=81559 * MIB, free=81079 * MIB)
    asked = Path(f"{smi}.asked").read_text(encoding="utf-8")
    assert "--query-gpu=uuid,name,memory.total,memory.free,mig.mode.current --format=csv,noheader,nounits" in asked


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("echo NVIDIA-SMI has failed because it could not communicate with the NVIDIA driver.; exit 9", "could not"),
        ("echo 'Field \"mig.mode.current\" is not a valid field to query.' >&2; exit 2", "not a valid field"),
        ("exit 6", "says: 6"),
        ("sleep 5", "did not answer"),
        (None, "there is no nvidia-smi"),
    ],
    ids=["no driver", "old", "silent", "hangs", "missing"],
)
def test_a_program_that_fails_is_no_reason_to_stop(
    smi: Path, body: str | None, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.3)
    if body is not None:
        write(smi, body)
    else:
        monkeypatch.setenv("PATH", str(smi.parent))
    assert why in card_memory(0).unknown


def test_only_what_can_be_a_card_is_asked_for(smi: Path) -> None:
    assert [card_of(name) for name in ("cpu", "openvino", "directml:1", "auto")] == [None] * 4
    assert card_of("cuda") is not None
    write(smi, f'printf "{TWO_ALIKE.strip()}\\n"')
    assert card_of("cuda:1") == CardMemory(total=40960 * MIB, free=1024 * MIB)
    assert card_of("auto") == card_of("cuda") == card_memory(0)
