"""The machine that measures, in words."""

import os
import platform
import time
from pathlib import Path


def machine() -> str:
    """The processor, the cores this process may use, the load, and the date."""
    name = platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        name = next((x.split(":")[1].strip() for x in cpuinfo.read_text().splitlines() if "model name" in x), name)
    load = f", load {os.getloadavg()[0]:.1f} before the start" if hasattr(os, "getloadavg") else ""
    return f"{name}, {threads_of_this_process()} threads{load}, {time.strftime('%Y-%m-%d')}"


def threads_of_this_process() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
