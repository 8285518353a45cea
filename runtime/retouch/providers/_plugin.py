"""Providers that come as a library of their own, loaded into any onnxruntime by the name of their package."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from retouch.errors import ProviderError
from retouch.providers import Wish
from retouch.providers._onnxruntime import OnnxRuntime

_registered: set[str] = set()


class Plugin(OnnxRuntime):
    """One plug-in package: it says where its library is and under which name its devices are listed."""

    def __init__(self, module: str, package: str, ort_name: str, settings: Mapping[str, str] | None = None) -> None:
        """`module` is what is imported, `package` what is installed."""
        self._module = module
        self.__module__ = f"retouch.providers.{_name_of(module)}"  # the registry names an entry by its file
        self.ort_name = ort_name
        self.install = f"pip install onnxruntime {package}"
        self._settings = dict(settings or {})

    def options(self, device_id: int, wish: Wish) -> Mapping[str, str]:  # noqa: ARG002 - the device is given to ONNX Runtime itself
        """Provider options."""
        return self._settings

    def plugged(self, ort: Any) -> list[Any]:
        """Register the library once and list its devices; ProviderError names the package if it is missing."""
        if not hasattr(ort, "register_execution_provider_library"):
            raise ProviderError(
                f"this onnxruntime ({ort.__version__}) takes no plug-ins; update it with: {self.install}"
            )
        if self._module not in _registered:
            self.register(ort)
            _registered.add(self._module)
        found = [device for device in ort.get_ep_devices() if device.ep_name == self.ort_name]
        if not found:
            raise ProviderError(
                f"{self.ort_name} finds no device on this machine; see what works here with: retouch doctor"
            )
        return found

    def register(self, ort: Any) -> None:
        """Load the library into ONNX Runtime."""
        try:
            plugin = import_module(self._module)
        except ImportError:
            raise ProviderError(f"{self._module} is not installed; get it with: {self.install}") from None
        try:
            ort.register_execution_provider_library(self._module, plugin.get_library_path())
        except Exception as error:
            from retouch.providers import Device
            from retouch.providers._reasons import explain

            raise ProviderError(explain(Device(_name_of(self._module)), str(error))) from error


def _name_of(module: str) -> str:
    """`onnxruntime_ep_webgpu` is the provider `webgpu`."""
    return module.removeprefix("onnxruntime_ep_").removeprefix("nv_")
