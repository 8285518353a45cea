"""Who is compared, and what each needs to be installed; the product on OpenVINO is among them."""

import json
import subprocess
from dataclasses import dataclass, replace

ASK = """
import importlib.util, json, sys

def there(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False

print(json.dumps([name for name in sys.argv[1:] if not there(name)]))
"""


@dataclass(frozen=True)
class Peer:
    """One engine that people would use instead."""

    modules: tuple[str, ...]
    """What must be importable."""
    install: str
    packages: tuple[str, ...]
    """What is weighed, with all it needs."""
    from_bundle: bool = False
    """Whether it is the product on another engine; the others load a folder in the layout of diffusers."""
    exact: bool = True
    """Whether it computes in float32."""
    refusal: str = ""
    """Why it cannot run the small model, if so."""
    full_size: bool = True
    """Whether it is asked to run the full-size model."""


TORCH_MODULES = ("torch", "diffusers", "transformers")
TORCH = "pip install torch diffusers==0.36.0 transformers==4.57.3"
OPENVINO = Peer(
    ("openvino", "cv2", "platformdirs"),
    "pip install openvino==2026.4.1 opencv-python-headless platformdirs",
    ("openvino", "numpy", "pillow", "opencv-python-headless", "platformdirs"),
    from_bundle=True,
)

INTEL = Peer(
    ("optimum.intel", "torch"),
    "pip install torch diffusers==0.36.0 transformers==4.57.3 optimum-intel==2.2.0, in an environment of its own",
    ("torch", "optimum-intel", "openvino", "diffusers", "transformers"),
    full_size=False,
)

PEERS: dict[str, Peer] = {
    "diffusers": Peer(TORCH_MODULES, TORCH, TORCH_MODULES),
    "diffusers-channels-last": Peer(
        ("torch", "diffusers", "transformers"),
        TORCH,
        ("torch", "diffusers"),
        refusal="twice as slow on the small model",
    ),
    "diffusers-compiled": Peer(
        TORCH_MODULES,
        f"{TORCH}, and a C++ compiler",
        TORCH_MODULES,
        full_size=False,
    ),
    "optimum": Peer(("optimum.onnxruntime", "torch"), "pip install optimum-onnx==0.1.0", ("torch", "optimum-onnx")),
    "retouch-openvino": OPENVINO,
    "retouch-openvino-bf16": Peer(OPENVINO.modules, OPENVINO.install, OPENVINO.packages, from_bundle=True, exact=False),
    "optimum-intel-f32": INTEL,
    "optimum-intel": replace(INTEL, exact=False),
    "sd.cpp": Peer(
        ("stable_diffusion_cpp",),
        "pip install stable-diffusion-cpp-python==0.4.7",
        ("stable-diffusion-cpp-python",),
        refusal="its UNet has the widths of Stable Diffusion built in; see full_size.py",
    ),
}


def reason_to_skip(name: str, python: str, *, full_size: bool = False) -> str | None:
    """One line if a peer cannot run in the environment of `python`, None if it can."""
    peer = PEERS[name]
    if peer.refusal and not full_size:
        return peer.refusal
    done = subprocess.run([python, "-c", ASK, *peer.modules], capture_output=True, text=True, check=True)
    missing = json.loads(done.stdout)
    return f"{', '.join(missing)} not installed in {python}; get it with: {peer.install}" if missing else None
