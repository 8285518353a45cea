"""What an engine says when a graph fails, in the user's terms."""

import re

from retouch.errors import GenerationError
from retouch.providers import Device

_OUT_OF_MEMORY = re.compile(
    r"out.of.(?:host.)?memory|failed to allocate|bad_alloc|bad allocation|cudaErrorMemory|8007000E|8876017C"
    r"|exceeded max size of memory|MEM_OBJECT_ALLOCATION",
    re.I,
)

_PLACE = re.compile(r"Exception from |Check '.*' failed at |While validating ")


class OutOfMemory(GenerationError):
    """A graph did not get the memory it asked for; a run may try again with less."""


def failure(error: Exception, role: str, device: Device) -> Exception:
    """The error of a run as the user should see it, or itself if it does not come from an engine."""
    if isinstance(error, MemoryError) or _OUT_OF_MEMORY.search(str(error)):
        return OutOfMemory(
            f"the {role} ran out of memory on {device}; close other programs, "
            "or give a smaller --work-size or --memory low"
        )
    if not from_engine(error):
        return error
    return GenerationError(
        f"the {role} failed on {device}: {first_line(error)}; "
        "nothing is lost, run it again, with --provider cpu if it comes back"
    )


def from_engine(error: Exception) -> bool:
    """Whether ONNX Runtime or OpenVINO raised it: copies of the first and all of the second are bare RuntimeErrors."""
    return type(error) is RuntimeError or type(error).__module__.startswith(("onnxruntime", "openvino"))


def first_line(error: BaseException) -> str:
    """The first line of its text that says something, or its kind; OpenVINO begins with places in its sources."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if not _PLACE.match(line)]
    return [*told, *lines, type(error).__name__][0][:300]
