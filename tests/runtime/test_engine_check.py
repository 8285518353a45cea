"""What `retouch doctor` says of ONNX Runtime's builds: only what fits the machine, and one build at a time."""

import importlib.metadata
import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from retouch import providers
from retouch.cli import main
from retouch.commands import _engine_check, doctor
from retouch.commands._engine_check import BUILDS, best_extra, check_builds, fits, nvidia_driver

Machine = Callable[..., None]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Stand in for a system, its NVIDIA driver and the builds that are installed."""
    real = importlib.metadata.version

    def put(*, platform: str = "linux", driver: str | None = None, builds: dict[str, str] | None = None) -> None:
        there = {} if builds is None else builds

        def version(name: str) -> str:
            if name not in BUILDS:
                return real(name)
            if name not in there:
                raise importlib.metadata.PackageNotFoundError(name)
            return there[name]

        answer = SimpleNamespace(returncode=0, stdout=f"{driver}\n")
        monkeypatch.setattr(importlib.metadata, "version", version)
        monkeypatch.setattr(sys, "platform", platform)
        monkeypatch.setattr(_engine_check.shutil, "which", lambda name: None if driver is None else name)
        monkeypatch.setattr(_engine_check.subprocess, "run", lambda *args, **more: answer)

    return put


@pytest.mark.parametrize(
    ("platform", "driver", "extra"),
    [
        ("linux", None, "cpu"),
        ("linux", "580.65.06", "gpu"),
        ("linux", "535.183.01", "gpu-cuda12"),
        ("linux", "470.82.01", "cpu"),
        ("win32", None, "directml"),
        ("win32", "581.15", "gpu"),
        ("darwin", None, "cpu"),
    ],
)
def test_what_is_suggested_fits_system_and_driver(
    machine: Machine, platform: str, driver: str | None, extra: str
) -> None:
    machine(platform=platform, driver=driver)
    assert best_extra() == extra
    (only,) = check_builds()
    assert not only.good
    assert f"'retouch[{extra}]'" in only.text


def test_a_build_that_suits_the_machine_is_only_named(machine: Machine) -> None:
    machine(builds={"onnxruntime": "1.32.0"})
    assert [(v.topic, v.good, v.text) for v in check_builds()] == [("onnxruntime", True, "1.32.0")]


@pytest.mark.parametrize(
    ("version", "driver", "good"),
    [("1.31.1", "580.1", True), ("1.31.1", "560.1", False), ("1.26.0", "560.1", True), ("1.27.0", "579.9", False)],
)
def test_a_driver_older_than_the_build_needs_is_explained(
    machine: Machine, version: str, driver: str, good: bool
) -> None:
    machine(driver=driver, builds={"onnxruntime-gpu": version})
    verdict = check_builds()[-1]
    assert verdict.topic == "NVIDIA driver"
    assert verdict.good is good
    if not good:
        assert "pip uninstall -y onnxruntime-gpu && pip install 'retouch[gpu-cuda12]'" in verdict.text


def test_a_driver_too_old_for_every_build_is_to_be_updated(machine: Machine) -> None:
    machine(driver="470.82", builds={"onnxruntime-gpu": "1.26.0"})
    assert "update it" in check_builds()[-1].text
    assert "pip" not in check_builds()[-1].text


def test_a_gpu_that_the_build_cannot_use_is_told(machine: Machine) -> None:
    machine(driver="590.1", builds={"onnxruntime": "1.32.0"})
    assert "pip uninstall -y onnxruntime && pip install 'retouch[gpu]'" in check_builds()[-1].text


def test_two_builds_in_one_place_are_told_with_the_cure(machine: Machine) -> None:
    machine(driver="590.1", builds={"onnxruntime": "1.32.0", "onnxruntime-gpu": "1.31.1"})
    last = check_builds()[-1]
    assert not last.good
    assert "overwrite each other" in last.text
    assert "exclude each other" in last.text
    assert "pip uninstall -y onnxruntime onnxruntime-gpu && pip install 'retouch[gpu]'" in last.text


@pytest.mark.parametrize("text", ["", "NVIDIA-SMI has failed", "[N/A]"])
def test_a_driver_that_does_not_answer_is_none(machine: Machine, text: str) -> None:
    machine(driver=text)
    assert nvidia_driver() is None


def test_a_driver_that_hangs_is_none(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(driver="580.1")

    def hang(*args: object, **more: object) -> None:
        raise subprocess.TimeoutExpired("nvidia-smi", 10)

    monkeypatch.setattr(_engine_check.subprocess, "run", hang)
    assert nvidia_driver() is None


def test_directml_and_windows_ml_are_for_windows(machine: Machine) -> None:
    machine(platform="linux")
    assert [name for name in providers.PROVIDERS if not fits(name)] == ["directml", "windowsml"]
    machine(platform="win32")
    assert all(fits(name) for name in providers.PROVIDERS)
    machine(platform="darwin")
    assert not fits("cuda")


def test_the_report_suggests_nothing_that_this_system_cannot_have(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    machine(builds={"onnxruntime": "1.32.0"})
    monkeypatch.setattr(doctor, "_models", list)
    assert main(["doctor"]) == 0
    told = capsys.readouterr().out
    assert "ok  device cpu" in told
    assert "no NVIDIA driver answers" in told
    assert "directml" not in told
    assert "webgpu" not in told  # a plug-in that nobody installed
