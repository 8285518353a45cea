"""Which build of ONNX Runtime is installed, whether it fits this machine, and what to install instead.

The builds all bring one Python module, so they exclude each other; a suggestion names the one to take away.
"""

import importlib.metadata
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass

BUILDS = {
    "onnxruntime": "cpu",
    "onnxruntime-gpu": "gpu",
    "onnxruntime-directml": "directml",
    "onnxruntime-openvino": "",
    "onnxruntime-windowsml": "",
}
"""The extra that brings each build; empty for those that come from elsewhere."""

PLATFORMS = {
    "cuda": ("linux", "win32"),
    "tensorrt_rtx": ("linux", "win32"),
    "directml": ("win32",),
    "windowsml": ("win32",),
}
"""Systems on which a provider exists, where that is not all of them."""

CUDA_13_DRIVER, CUDA_12_DRIVER = 580, 525
"""First NVIDIA drivers that run them (the toolkits' release notes)."""
CUDA_13_BUILD = (1, 27)
"""First onnxruntime-gpu on CUDA 13."""


@dataclass(frozen=True)
class Verdict:
    """One line about the installed build."""

    topic: str
    good: bool
    text: str


def fits(provider: str) -> bool:
    """Whether a provider exists on this system."""
    return sys.platform in PLATFORMS.get(provider, (sys.platform,))


def check_builds() -> list[Verdict]:
    """Name what is installed, two builds in one place, and a driver that is too old for the build."""
    there = {name: version for name in BUILDS if (version := _version(name)) is not None}
    if not there:
        return [Verdict("onnxruntime", False, f"not installed; it comes with: pip install 'retouch[{best_extra()}]'")]
    told = [Verdict(name, True, version) for name, version in there.items()]
    if len(there) > 1:
        text = (
            f"{' and '.join(there)} overwrite each other; the extras cpu, gpu, gpu-cuda12 and directml exclude each "
            f"other: pip uninstall -y {' '.join(there)} && pip install 'retouch[{best_extra()}]'"
        )
        return [*told, Verdict("onnxruntime", False, text)]
    return [*told, *_better(next(iter(there)), next(iter(there.values())))]


def best_extra() -> str:
    """Return the extra that fits this machine."""
    driver = nvidia_driver()
    if driver is not None and driver >= CUDA_12_DRIVER and fits("cuda"):
        return "gpu" if driver >= CUDA_13_DRIVER else "gpu-cuda12"
    return "directml" if sys.platform == "win32" else "cpu"


def nvidia_driver() -> int | None:
    """Return the major version of the NVIDIA driver; None without one."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    command = [program, "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.match(r"\s*(\d+)\.", done.stdout) if done.returncode == 0 else None
    return None if found is None else int(found[1])


def _better(build: str, version: str) -> list[Verdict]:
    """A line if another build would use more of this machine."""
    driver, best = nvidia_driver(), best_extra()
    cure = f"pip uninstall -y {build} && pip install 'retouch[{best}]'"
    if build == "onnxruntime-gpu" and driver is not None:
        if driver < CUDA_12_DRIVER:
            text = f"driver {driver} is too old for every build; update it ({CUDA_13_DRIVER} or newer)"
            return [Verdict("NVIDIA driver", False, text)]
        if driver < CUDA_13_DRIVER and _release(version) >= CUDA_13_BUILD:
            text = f"driver {driver} is too old for CUDA 13; update it ({CUDA_13_DRIVER} or newer), or: {cure}"
            return [Verdict("NVIDIA driver", False, text)]
        return [Verdict("NVIDIA driver", True, str(driver))]
    if build == "onnxruntime" and best != "cpu":
        what = "an NVIDIA GPU" if best.startswith("gpu") else "GPUs on Windows"
        return [Verdict("onnxruntime", False, f"this build uses the processor alone; for {what}: {cure}")]
    return []


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
