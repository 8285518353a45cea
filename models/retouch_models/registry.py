"""One registry per extension point: a plug-in is a module in the point's folder, and its file name is its name."""

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import Generic, TypeVar

from retouch_models.errors import UnknownName

T = TypeVar("T")


def module_names(package: str) -> tuple[str, ...]:
    """List the plug-ins of `package` from its folder, importing neither them nor the package."""
    spec = find_spec(package)
    folders = spec.submodule_search_locations if spec is not None else None
    return tuple(sorted(m.name for m in iter_modules(folders) if not m.name.startswith("_")))


class Registry(Generic[T]):
    """Maps a name to an implementation; asking for one imports that one module only."""

    def __init__(self, package: str, kind: str) -> None:
        """`package` is the folder's import name, `kind` the word that errors use ("sampler")."""
        self._package = package
        self._kind = kind
        self._entries: dict[str, T] = {}

    def register(self, entry: T) -> T:
        """Decorate the one implementation of a module; the module's file name becomes its name."""
        name = str(getattr(entry, "__module__", "")).rpartition(".")[2]
        if name in self._entries:
            raise ValueError(f"{self._kind} {name!r} is registered twice in {self._package}")
        self._entries[name] = entry
        return entry

    def names(self) -> tuple[str, ...]:
        """All names, sorted, without importing the implementations."""
        return module_names(self._package)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self.names())

    def __contains__(self, name: object) -> bool:
        """Whether `name` is known."""
        return name in self.names()

    def __getitem__(self, name: str) -> T:
        """Import and return one implementation; raises UnknownName with the nearest name."""
        if name not in self._entries:
            known = self.names()
            if name not in known:
                raise UnknownName(self._kind, name, known)
            import_module(f"{self._package}.{name}")
        return self._entries[name]
