"""The processor, through ONNX Runtime's own kernels."""

from contextlib import suppress
from functools import cache
from typing import Any

from retouch.providers import PROVIDERS, Device
from retouch.providers._onnxruntime import OnnxRuntime


class Cpu(OnnxRuntime):
    """ONNX Runtime on the CPU, all graphs on one memory arena that takes no more than it needs."""

    ort_name = "CPUExecutionProvider"
    install = "pip install 'retouch[cpu]'"
    arena = "cpu"
    memory = "cpu"

    def configure(self, session_options: Any) -> None:
        """Use the shared arena, and no memory patterns, which would double the memory of the first run.

        Packed copies of weights are not made: they would double the memory of weights that are mapped from a file, and
        are not faster here. Threads spin for a tenth of a millisecond and sleep then: on a machine that others use too,
        threads that spin longer take the processor from the very ones they wait for.
        """
        session_options.add_session_config_entry("session.intra_op.spin_duration_us", "100")
        session_options.enable_mem_pattern = False
        session_options.add_session_config_entry("session.use_env_allocators", "1")
        session_options.add_session_config_entry("session.disable_prepacking", "1")

    def plugged(self, ort: Any) -> None:
        """Make the shared arena, which grows by what is asked for instead of by powers of two."""
        _share_arena(ort)

    def on_processor(self, device: Device) -> bool:  # noqa: ARG002 - there is one
        """It is the processor."""
        return True


@cache
def _share_arena(ort: Any) -> None:
    place = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
    same_as_requested = ort.OrtArenaCfg(
        {
            "max_mem": 0,
            "arena_extend_strategy": 1,
            "initial_chunk_size_bytes": -1,
            "max_dead_bytes_per_chunk": -1,
            "initial_growth_chunk_size_bytes": -1,
        }
    )
    with suppress(RuntimeError):  # somebody else in this process made one; that one serves too
        ort.create_and_register_allocator(place, same_as_requested)


PROVIDERS.register(Cpu())
