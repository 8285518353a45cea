"""`retouch doctor`: what works on this machine, what is missing, and how to get it."""

import argparse
import importlib.metadata
import json
import platform
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retouch_models.errors import MissingExtra, RetouchError
from retouch_models.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retouch.providers import Device

PACKAGES = {
    "numpy": "retouch",
    "pillow": "retouch",
    "opencv-python-headless": "retouch",
    "openvino": "retouch[openvino]",
    "textual": "retouch[tui]",
    "torch": "retouch[export]",
    "diffusers": "retouch[export]",
    "optimum-onnx": "retouch[export]",
}


NAMED_LIKE_THEIR_EXTRAS = ("cpu", "openvino")
"""Devices that the missing extra brings; for GPUs another line says which build fits the machine."""


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    topic: str
    good: bool
    text: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--json", action="store_true", help="the report as JSON on stdout")
    parser.add_argument("--terminal", action="store_true", help="what the terminal can show, and why")


def run(args: argparse.Namespace) -> int:
    """Print the report; exit code 6 when no device can run a model."""
    if args.terminal:
        return _terminal()
    findings = [*_versions(), *_engines(), *_devices(), *_models()]
    if args.json:
        print(json.dumps([vars(f) for f in findings], indent=1))  # noqa: T201
    else:
        for f in findings:
            print(f"{'ok  ' if f.good else '--  '}{f.topic:24} {f.text}")  # noqa: T201
    usable = any(f.good and f.topic.startswith("device ") for f in findings)
    return 0 if usable else 6


def _versions() -> list[Finding]:
    found = [
        Finding("retouch", True, __version__),
        Finding("python", True, f"{platform.python_version()}, {sys.platform}"),
    ]
    for package, extra in PACKAGES.items():
        try:
            found.append(Finding(package, True, importlib.metadata.version(package)))
        except importlib.metadata.PackageNotFoundError:
            found.append(Finding(package, False, f"not installed; it comes with: pip install '{extra}'"))
    return found


def _engines() -> list[Finding]:
    from retouch.commands._engine_check import check_builds

    return [Finding(v.topic, v.good, v.text) for v in check_builds()]


def _devices() -> list[Finding]:
    """Devices that run, then why the others that this system could have do not."""
    from retouch.commands._engine_check import fits
    from retouch.providers import PROVIDERS, found_devices

    devices = found_devices()
    named = [(device, PROVIDERS[device.provider].describe(device)) for device in devices]
    found = [Finding(f"device {device}", True, f"a session ran{name and f': {name}'}") for device, name in named]
    running = {device.provider for device in devices}
    found += [
        Finding(f"device {name}", False, why)
        for name in PROVIDERS
        if name not in running and fits(name) and (why := _why_not(name)) is not None
    ]
    return found + _cards(devices)


def _cards(devices: "Sequence[Device]") -> list[Finding]:
    """What each card has free."""
    from retouch.card_memory import card_memory

    asked = [(device, card_memory(device.device_id)) for device in devices if device.provider == "cuda"]
    return [Finding(f"memory {device}", card.free is not None, card.words()) for device, card in asked]


def _why_not(name: str) -> str | None:
    """Why a device does not run; None where nobody tried to have it."""
    from retouch.commands._engine_check import nvidia_driver
    from retouch.providers import PREFERENCE, PROVIDERS, Device, probe

    if name == "cuda" and not PROVIDERS[name].installed() and nvidia_driver() is None:
        return "no NVIDIA driver answers (nvidia-smi)"
    try:
        probe(Device(name))
    except MissingExtra as error:
        return str(error) if name in NAMED_LIKE_THEIR_EXTRAS else None
    except RetouchError as error:
        return str(error) if name in PREFERENCE or "is not installed" not in str(error) else None
    return None


def _models() -> list[Finding]:
    from retouch_models.bundle import open_bundle, verify_bundle
    from retouch_models.store import installed

    found = []
    for name, folder in installed().items():
        try:
            wrong = verify_bundle(open_bundle(folder))
        except RetouchError as error:
            wrong = [str(error)]
        found.append(Finding(f"model {name}", not wrong, "; ".join(wrong) or str(folder)))
    return found


def _terminal() -> int:
    from importlib import import_module

    try:
        doctor = import_module("retouch_tui.terminal.doctor")
    except ImportError as error:
        if (error.name or "").startswith("retouch_tui"):
            raise
        raise MissingExtra("the terminal check", "tui") from None
    print(doctor.report())  # noqa: T201
    return 0
