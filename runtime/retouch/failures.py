"""What ONNX Runtime says when a graph fails, in the user's terms."""

import re

from retouch.errors import GenerationError
from retouch.providers import Device

_OUT_OF_MEMORY = re.compile(
    r"out of memory|failed to allocate|bad_alloc|bad allocation|cudaErrorMemory|8007000E|8876017C", re.I
)


class OutOfMemory(GenerationError):
    """A graph did not get the memory it asked for; a run may try again with less."""


def failure(error: Exception, role: str, device: Device) -> Exception:
    """The error of a run as the user should see it, or itself if it does not come from ONNX Runtime."""
    if isinstance(error, MemoryError) or _OUT_OF_MEMORY.search(str(error)):
        return OutOfMemory(
            f"the {role} ran out of memory on {device}; close other programs, "
            "or give a smaller --work-size or --memory low"
        )
    if not from_onnxruntime(error):
        return error
    return GenerationError(
        f"the {role} failed on {device}: {first_line(error)}; "
        "nothing is lost, run it again, with --provider cpu if it comes back"
    )


def from_onnxruntime(error: Exception) -> bool:
    """Whether ONNX Runtime raised it; what its memory copies throw comes as a bare RuntimeError."""
    return type(error) is RuntimeError or type(error).__module__.startswith("onnxruntime")


def first_line(error: BaseException) -> str:
    """Its text up to the first end of a line, or its kind."""
    text = str(error).strip()
    return text.splitlines()[0][:300] if text else type(error).__name__
