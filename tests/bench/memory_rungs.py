"""What each rung of the memory ladder takes of memory and of CPU seconds, beside what is foretold.

    python tests/bench/memory_rungs.py [--model NAME|DIR] [--sides 256,384] [--steps 2] [--turns 2]

Every run is a process of its own; rungs take turns. Copies of graphs are kept in a folder of their own, so the first
line of each model is its first start.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from retouch.memory_plan import LADDER
from retouch.pipeline import Inpainter
from retouch.request import InpaintRequest
from retouch_models.store import DEFAULT, find_bundle


def measure(model: str, rung: int, side: int, steps: int) -> dict[str, float]:
    """Make one picture on one rung in this process: bytes foretold and taken, and CPU seconds, opening included."""
    engine = Inpainter(find_bundle(model), provider="cpu")
    request = InpaintRequest(prompt="a", steps=steps, guidance=3, area="picture", work_size=(side, side))
    mask = np.zeros((side, side), np.float32)
    mask[side // 4 : side // 2, side // 4 : side // 2] = 1
    full = request.resolved(engine.manifest)
    regions = engine.plan(mask, full)
    said = engine.memory.need(full, regions, LADDER[rung])
    engine.memory_plans = lambda *_: (LADDER[rung],)  # type: ignore[method-assign]
    begun = time.process_time()
    engine.run(np.zeros((side, side, 3), np.uint8), mask, request)
    seconds = time.process_time() - begun
    peak = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"))
    return {"said": said, "took": int(peak[1]) * 1024 if peak else 0, "seconds": seconds}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=DEFAULT)
    parser.add_argument("--sides", default="256,384")
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--rung", type=int, help="measure this one here, and print it as JSON")
    args = parser.parse_args()
    if args.rung is not None:
        sys.stdout.write(json.dumps(measure(args.model, args.rung, int(args.sides), args.steps)) + "\n")
        return
    sys.stdout.write("| picture | rung | estimate MB | measured MB | CPU s |\n|---|---|---|---|---|\n")
    with tempfile.TemporaryDirectory() as cache:
        for number, side in enumerate(args.sides.split(",")):
            for turn in range(-1 if number == 0 else 0, args.turns):  # the one before all makes the copies of graphs
                for rung in (2,) if turn < 0 else range(len(LADDER)):
                    words = ["--model", args.model, "--sides", side, "--steps", str(args.steps), "--rung", str(rung)]
                    done = subprocess.run(
                        [sys.executable, __file__, *words],
                        env={**os.environ, "RETOUCH_CACHE": cache},
                        capture_output=True,
                        text=True,
                        check=True,
                    )
                    found = json.loads(done.stdout)
                    sys.stdout.write(
                        f"| {side}x{side} | {rung + 1} | {found['said'] / 1e6:.0f} | {found['took'] / 1e6:.0f} "
                        f"| {found['seconds']:.2f} |\n"
                    )
                    sys.stdout.flush()


if __name__ == "__main__":
    main()
