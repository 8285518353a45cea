"""How far the pictures of two devices are apart, and what each takes: the price of shorter numbers.

    python tests/bench/device_pictures.py --devices openvino,openvino:bf16 [--tasks 16]

Needs `models` and `runtime` on the path, as an editable install has them. The tasks are those of `fast_preset.py`, each
with its own noise. Runs of the devices alternate; decibels are those of the masked area
against the first device, CPU seconds those of all threads.
"""

import argparse
import sys
import time

import numpy as np

from recipes.pocket.fast_tasks import Task, tasks
from retouch import Inpainter, InpaintRequest, find_bundle
from retouch.arrays import RGB

MOST_DB = 60.0
"""Stands for more."""


def main() -> None:
    """Print a line for each task and device, then the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", default="openvino,openvino:bf16")
    parser.add_argument("--tasks", type=int, default=16)
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    engines = [
        Inpainter(find_bundle("pocket"), provider=name, threads=options.threads) for name in options.devices.split(",")
    ]
    chosen = list(tasks("measure", options.tasks, engines[0]))
    found: dict[str, list[tuple[float, float]]] = {str(engine.device): [] for engine in engines}
    for engine in engines:
        drawn(engine, chosen[0])  # opens the graphs
    for task in chosen:
        first = None
        for engine in engines:
            picture, cpu = drawn(engine, task)
            first = picture if first is None else first
            found[str(engine.device)].append((apart(task, first, picture), cpu))
        said = "  ".join(f"{name} {rows[-1][0]:.1f} dB {rows[-1][1]:.2f} s" for name, rows in found.items())
        sys.stdout.write(f"{task.kind:9} {task.name[:20]:20} {said}\n")
        sys.stdout.flush()
    own = np.array([cpu for _, cpu in found[str(engines[0].device)]])
    for name, rows in found.items():
        decibels, cpu = np.array(rows).T
        sys.stdout.write(
            f"{name}: mean {decibels.mean():.1f} dB, median {np.median(decibels):.1f}, least {decibels.min():.1f}; "
            f"{own.sum() / cpu.sum():.2f} times fewer CPU seconds\n"
        )


def drawn(engine: Inpainter, task: Task) -> tuple[RGB, float]:
    """Picture and CPU seconds of a task; prompts and pictures are encoded anew."""
    engine.forget()
    before = time.process_time()
    result = engine.run(task.picture, task.mask, InpaintRequest(prompt=task.prompt, seed=task.seed))
    return result.image, time.process_time() - before


def apart(task: Task, first: RGB, other: RGB) -> float:
    """Peak signal-to-noise ratio of the masked pixels."""
    inside = task.mask > 0
    error = float(np.mean(np.square(first[inside].astype(np.float64) - other[inside])))
    return MOST_DB if error == 0 else min(MOST_DB, 10 * float(np.log10(255**2 / error)))


if __name__ == "__main__":
    main()
