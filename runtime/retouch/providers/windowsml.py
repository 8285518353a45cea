"""What Windows ML finds for this machine: Windows fetches the plug-ins of the makers and keeps them up to date."""

from importlib import import_module
from typing import Any

from retouch.errors import ProviderError
from retouch.providers import PROVIDERS
from retouch.providers._plugin import Plugin


class WindowsMl(Plugin):
    """Every plug-in of Windows ML's catalogue; device numbers count their devices, GPUs and NPUs alike."""

    def __init__(self) -> None:
        """Name the package; the provider's own name is known only once the catalogue was read."""
        super().__init__("windowsml", "'windowsml[with-ort]'", "")

    def register(self, ort: Any) -> None:
        """Make every provider of the catalogue ready, which may download it, and load it."""
        try:
            catalogue = import_module("windowsml").EpCatalog
        except ImportError:
            raise ProviderError(f"windowsml is not installed (Windows 11 only); get it with: {self.install}") from None
        with catalogue() as providers:
            for provider in providers.find_all_providers():
                provider.ensure_ready()
                ort.register_execution_provider_library(provider.name, provider.library_path)
                self.ort_name = self.ort_name or provider.name
        if not self.ort_name:
            raise ProviderError("Windows ML knows no provider for this machine; use --provider directml or cpu")


PROVIDERS.register(WindowsMl())
