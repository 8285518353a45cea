"""`retouch bench`: where the time of a picture goes on this machine, and how near that is to what it can do."""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from retouch.commands._options import add_engine_options, require_positive, whole
from retouch.commands._run import open_engine

if TYPE_CHECKING:
    from retouch.pipeline import Inpainter

MOST_ROUNDS = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--rounds", type=whole, default=5, metavar="N", help="how often everything is timed")
    parser.add_argument("--steps", type=whole, metavar="N", help="steps of the picture (default: the model's)")
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    add_engine_options(parser)


def run(args: argparse.Namespace) -> int:
    """Time the phases in turns, print least and median of each."""
    require_positive("rounds", args.rounds, MOST_ROUNDS)
    if args.steps is not None:
        require_positive("steps", args.steps, 1000)
    engine = open_engine(args)
    try:
        found = measure(engine, args.rounds, args.steps)
    finally:
        engine.close()
    print(json.dumps(found, indent=1) if args.json else "\n".join(lines(found)))  # noqa: T201
    return 0


def measure(engine: "Inpainter", rounds: int, steps: int | None) -> dict[str, Any]:
    """Seconds of each phase by name, a list per phase, and what they are compared with."""
    from dataclasses import replace

    import numpy as np

    from retouch.matmul_peak import matmul_peak
    from retouch.providers import on_processor
    from retouch.request import InpaintRequest

    width, height = size = engine.manifest.size.usual
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    mask = np.zeros((height, width), np.float32)
    mask[height // 4 : height * 3 // 4, width // 4 : width * 3 // 4] = 1
    exact = InpaintRequest(prompt="a red heart", steps=steps, area="picture", work_size=size)
    seconds: dict[str, list[float]] = {}

    def note(name: str, work: Callable[[], object]) -> Any:
        start = time.perf_counter()
        done = work()
        seconds.setdefault(name, []).append(time.perf_counter() - start)
        return done

    on_cpu = on_processor(engine.device) and not engine.device.precision
    speeds = [matmul_peak(engine.graphs.threads)] if on_cpu else []
    note("first picture, graphs opened", lambda: engine.run(picture, mask, exact))
    for _ in range(rounds):
        engine.forget()
        result = note("picture", lambda: engine.run(picture, mask, exact))
        for phase, took in result.seconds.items():
            seconds.setdefault(f"  {phase}", []).append(took)
        note("next candidate", lambda: engine.run(picture, mask, exact))
        engine.forget()
        note("fast preset", lambda: engine.run(picture, mask, replace(exact, steps=None, fast=True)))
        if on_cpu:
            speeds.append(matmul_peak(engine.graphs.threads))
    unet = engine.manifest.graphs["unet"].gflop
    count = exact.resolved(engine.manifest).steps or 0
    work = None if unet is None else 2 * count * unet
    return {
        "model": engine.manifest.name,
        "device": str(engine.device),
        "threads": engine.graphs.threads,
        "size": [width, height],
        "steps": count,
        "seconds": seconds,
        "matmul_gflops": max(speeds, default=None),
        "unet_gflops": None if work is None else work / min(seconds["  steps"]),
        "peak_memory_bytes": _peak(),
    }


def lines(found: dict[str, Any]) -> list[str]:
    """Return the report."""
    size = "x".join(map(str, found["size"]))
    told = [
        f"{found['model']} on {found['device']}, {found['threads']} threads, {size}, {found['steps']} steps, guided"
    ]
    told += [
        f"{name:30} {min(took):8.3f} s   median {statistics.median(took):8.3f} s"
        for name, took in found["seconds"].items()
    ]
    times = statistics.median(found["seconds"]["picture"]) / statistics.median(found["seconds"]["fast preset"])
    told.append(f"the fast preset is faster by a factor of {times:.2f} (medians)")
    told.append(f"steps per second               {found['steps'] / min(found['seconds']['  steps']):8.1f}")
    if found["unet_gflops"] is not None and found["matmul_gflops"] is not None:
        share = found["unet_gflops"] / found["matmul_gflops"]
        told.append(
            f"UNet                           {found['unet_gflops']:8.0f} GFLOP/s, {share:.0%} of the fastest "
            f"matrix product here ({found['matmul_gflops']:.0f})"
        )
    if found["peak_memory_bytes"] is not None:
        told.append(f"peak memory                    {found['peak_memory_bytes'] / 1e6:8.0f} MB")
    return told


def _peak() -> int | None:
    """Largest resident memory of this process so far, in bytes; None where the system does not say."""
    try:
        import resource
    except ImportError:
        return None
    import sys

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
