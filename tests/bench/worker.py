"""One engine in one process: draws when a line comes in, answers with what it took. Started by `peers.py`.

python tests/bench/worker.py ENGINE MODEL PICTURE MASK --threads 2            (a JSON line per line read)
python tests/bench/worker.py ENGINE MODEL PICTURE MASK --threads 2 --once OUT.png
"""

import argparse
import json
import resource
import sys
import time
import warnings
from pathlib import Path

from engines import ENGINES
from task import SIDE, STEPS, Task


def main() -> None:
    """Open the engine, then serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("model", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("mask", type=Path)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--sampler", default="ddim")
    parser.add_argument("--side", type=int, default=SIDE)
    parser.add_argument("--once", type=Path, help="draw one picture to this file, tell what it took, and end")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    begun = time.perf_counter()
    task = Task(args.picture, args.mask, args.steps, args.sampler, args.side)
    draw = ENGINES[args.engine](args.model, task, args.threads)
    opened = time.perf_counter() - begun
    for _ in ("once",) if args.once is not None else sys.stdin:
        before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        drawn = draw()
        seconds = time.perf_counter() - start
        after = resource.getrusage(resource.RUSAGE_SELF)
        if args.once is not None:
            drawn.picture.save(args.once)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        answer = {
            "seconds": seconds,
            "cpu": cpu,
            "rss": after.ru_maxrss * 1024,
            "steps": drawn.steps,
            "steps_cpu": drawn.steps_cpu,
            "phases": dict(drawn.phases),
            "opened": opened,
        }
        print(json.dumps(answer), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
