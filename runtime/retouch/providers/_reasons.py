"""Why a device does not load, in the user's terms, with the cure."""

import ctypes
import importlib.metadata
import re
from importlib.util import find_spec
from pathlib import Path

from retouch.providers import PROVIDERS, Device

ENGINES = (
    "onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino", "onnxruntime-windowsml",
)  # fmt: skip
"""Packages that all bring the module `onnxruntime`, so that one overwrites the files of another."""

_REASONS = (
    (r"driver version is insufficient|CUDA failure 35\b|cudaErrorInsufficientDriver|unsupported display driver",
     "the NVIDIA driver is too old for this CUDA; update it (580 or newer), or use the build for CUDA 12: "
     "pip uninstall -y onnxruntime-gpu && pip install 'retouch[gpu-cuda12]'"),
    (r"cudnn", "cuDNN is missing or does not fit; install it with: pip install 'onnxruntime-gpu[cuda,cudnn]'"),
    (r"cublas|cudart|cufft|curand|nvrtc|nvJitLink",
     "libraries of CUDA are missing; install them with: pip install 'onnxruntime-gpu[cuda,cudnn]'"),
    (r"no CUDA-capable device|CUDA failure 100\b|cudaErrorNoDevice",
     "no NVIDIA GPU can be seen; see what `nvidia-smi` says, and CUDA_VISIBLE_DEVICES"),
    (r"invalid device ordinal|CUDA failure 101\b|device_id .* is invalid|DXGI_ERROR_NOT_FOUND|887A0002",
     "there is no device with that number; count from 0 and try a smaller one"),
    (r"out of memory|CUDA failure 2\b|failed to allocate|8007000E|8876017C",
     "its memory is full, most likely with another program; close that, or use --provider cpu"),
    (r"C0262002|INVALID_DISPLAY_ADAPTER|display adapter handle|No GPUs or NPUs|match the filter criteria",
     "this machine has no graphics card for it, only Windows' software adapter, which is slower than the processor; "
     "use --provider cpu"),
    (r"no kernel image|CUDA failure 209\b",
     "this GPU is too old for the build; use the one for CUDA 12: "
     "pip uninstall -y onnxruntime-gpu && pip install 'retouch[gpu-cuda12]'"),
    (r"887A0004|DXGI_ERROR_UNSUPPORTED|DirectX 12|d3d12",
     "the GPU or its driver does not know DirectX 12; update the driver of the graphics card"),
    (r"887A000[567]|DEVICE_REMOVED|DEVICE_HUNG|DEVICE_RESET",
     "the driver of the graphics card crashed; start again, and update the driver if it comes back"),
    (r"libvulkan|vulkan-1", "the Vulkan loader is missing; install it (libvulkan1), with the driver of the GPU"),
    (r"GLIBC|GLIBCXX|not a valid Win32|wrong ELF class",
     "this build does not fit the operating system; update the system, or use --provider cpu"),
    (r"API version|ORT_API_VERSION|requires onnxruntime",
     "the plug-in does not fit this onnxruntime; update both with: pip install -U onnxruntime PLUGIN"),
)  # fmt: skip


def explain(device: Device, said: str) -> str:
    """One line from what ONNX Runtime said; where it said nothing, from what the system says of its library."""
    two = overwritten(device)
    if two is not None:
        return two
    text = said or _loader_says(device.provider)
    for pattern, sentence in _REASONS:
        if re.search(pattern, text, re.I):
            return f"{device} does not load: {sentence.replace('PLUGIN', _plugin(device))}"
    first = " ".join(text.split())[:240] or "its libraries are missing"
    return f"{device} does not load: {first}; see: retouch doctor"


def overwritten(device: Device) -> str | None:
    """One line if two packages hold onnxruntime, where which of them is loaded is chance; None if not."""
    there = installed_engines()
    if len(there) < 2:
        return None
    return (
        f"{device} does not load: {' and '.join(there)} are installed and overwrite each other; mend it with: "
        f"pip uninstall -y {' '.join(there)} && {PROVIDERS[device.provider].install}"
    )


def installed_engines() -> list[str]:
    """Names of the installed packages that bring onnxruntime; there should be one."""
    return [name for name in ENGINES if _installed(name)]


def _installed(package: str) -> bool:
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _plugin(device: Device) -> str:
    return PROVIDERS[device.provider].install.rpartition(" ")[2]


def _loader_says(provider: str) -> str:
    """What the dynamic loader says of the provider's library: ONNX Runtime only logs it."""
    spec = find_spec("onnxruntime")
    if spec is None or spec.origin is None:
        return ""
    folder = Path(spec.origin).parent / "capi"
    for library in (f"libonnxruntime_providers_{provider}.so", f"onnxruntime_providers_{provider}.dll"):
        if (folder / library).exists():
            try:
                ctypes.CDLL(str(folder / library))
            except OSError as error:
                return str(error)
    return ""
