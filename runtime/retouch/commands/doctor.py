"""`retouch doctor`: what works on this machine, what is missing, and how to get it."""

import argparse
import importlib.metadata
import json
import platform
import sys
from dataclasses import dataclass

from retouch_models.errors import MissingExtra, RetouchError
from retouch_models.version import __version__

PACKAGES = {
    "numpy": "retouch",
    "pillow": "retouch",
    "opencv-python-headless": "retouch",
    "onnxruntime": "retouch[cpu]",
    "onnxruntime-gpu": "retouch[gpu]",
    "onnxruntime-directml": "retouch[directml]",
    "textual": "retouch[tui]",
    "torch": "retouch[export]",
    "diffusers": "retouch[export]",
    "optimum-onnx": "retouch[export]",
}
ENGINES = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml")


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
    findings = [*_versions(), *_providers(), *_models()]
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
    there = []
    for package, extra in PACKAGES.items():
        try:
            found.append(Finding(package, True, importlib.metadata.version(package)))
            there.append(package)
        except importlib.metadata.PackageNotFoundError:
            found.append(Finding(package, False, f"not installed; it comes with: pip install '{extra}'"))
    engines = [e for e in ENGINES if e in there]
    if len(engines) > 1:
        cure = f"pip uninstall -y {' '.join(engines)}, then install one extra"
        text = f"{' and '.join(engines)} overwrite each other; {cure}"
        found.append(Finding("onnxruntime", False, text))
    return found


def _providers() -> list[Finding]:
    from retouch.providers import PREFERENCE, Device, import_onnxruntime, probe

    try:
        import_onnxruntime()
    except MissingExtra as error:
        return [Finding("device cpu", False, str(error))]
    except RetouchError as error:
        return [Finding("device cpu", False, str(error))]
    found = []
    for name in PREFERENCE:
        try:
            probe(Device(name))
        except RetouchError as error:
            found.append(Finding(f"device {name}", False, str(error)))
        else:
            found.append(Finding(f"device {name}", True, "a session ran"))
    return found


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
