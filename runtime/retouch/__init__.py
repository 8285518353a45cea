"""retouch: repaint only the masked part of a picture, with numpy and ONNX Runtime.

    from retouch import Inpainter, InpaintRequest, find_bundle, load_mask, load_picture, repaint, save_picture

    engine = Inpainter(find_bundle("pocket"))
    picture = load_picture(Path("photo.png"))
    mask = load_mask(Path("mask.png"), picture.size)
    edit = repaint(engine, picture, mask, InpaintRequest(prompt="a red heart", seed=7))
    save_picture(Path("out.png"), edit.picture)

Names are imported when first used, so `import retouch` loads neither numpy nor ONNX Runtime.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from retouch_models.version import __version__

if TYPE_CHECKING:
    from retouch.edit import Edit, repaint
    from retouch.errors import RetouchError
    from retouch.image_io import Picture, load_mask, load_picture, save_picture
    from retouch.pipeline import Inpainter
    from retouch.progress import Progress
    from retouch.proof import Proof
    from retouch.request import InpaintRequest
    from retouch.result import InpaintResult, RegionResult
    from retouch_models.bundle import Bundle, open_bundle
    from retouch_models.store import find_bundle

__all__ = [
    "Bundle",
    "Edit",
    "InpaintRequest",
    "InpaintResult",
    "Inpainter",
    "Picture",
    "Progress",
    "Proof",
    "RegionResult",
    "RetouchError",
    "__version__",
    "find_bundle",
    "load_mask",
    "load_picture",
    "open_bundle",
    "repaint",
    "save_picture",
]

_HOMES = {
    "Bundle": "retouch_models.bundle",
    "Edit": "retouch.edit",
    "InpaintRequest": "retouch.request",
    "InpaintResult": "retouch.result",
    "Inpainter": "retouch.pipeline",
    "Picture": "retouch.image_io",
    "Progress": "retouch.progress",
    "Proof": "retouch.proof",
    "RegionResult": "retouch.result",
    "RetouchError": "retouch.errors",
    "find_bundle": "retouch_models.store",
    "load_mask": "retouch.image_io",
    "load_picture": "retouch.image_io",
    "open_bundle": "retouch_models.bundle",
    "repaint": "retouch.edit",
    "save_picture": "retouch.image_io",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module 'retouch' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return __all__
