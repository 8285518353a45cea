"""Remember the last few results of an expensive function of arrays."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from numpy.typing import NDArray

T = TypeVar("T")


class Memo(Generic[T]):
    """Results by the bytes of their input; the least recently used one is forgotten first."""

    def __init__(self, size: int) -> None:
        """Keep at most `size` results."""
        self._size = size
        self._kept: OrderedDict[str, T] = OrderedDict()

    def __call__(self, key: NDArray[Any], make: Callable[[], T]) -> T:
        """Return the remembered result for an array with these bytes, shape and dtype, or make it."""
        digest = hashlib.sha1(key.tobytes(), usedforsecurity=False)
        digest.update(f"{key.shape}{key.dtype}".encode())
        name = digest.hexdigest()
        if name in self._kept:
            self._kept.move_to_end(name)
            return self._kept[name]
        result = make()
        self._kept[name] = result
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)
        return result

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()
