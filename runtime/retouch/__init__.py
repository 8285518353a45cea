"""retouch: repaint only the masked part of a picture, with numpy and ONNX Runtime."""

from retouch_models.version import __version__

__all__ = ["__version__"]
