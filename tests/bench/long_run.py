"""Resident memory over many pictures of changing sizes in one process.

    python tests/bench/long_run.py [--pictures 200] [--steps 1] [--model pocket]

Prints the memory after every tenth picture; fails if it is more than 5 % above what it was after the first ten.
"""

import argparse
import gc
import sys

import numpy as np

from retouch.memory_plan import held_bytes
from retouch.pipeline import Inpainter
from retouch.request import InpaintRequest
from retouch_models.store import find_bundle

PROMPTS = ("a red heart", "a mushroom", "", "an owl, cartoon style", "a house")


def main() -> int:
    """Draw and weigh."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--steps", type=int, default=1)
    parser.add_argument("--model", default="pocket")
    args = parser.parse_args()
    engine = Inpainter(find_bundle(args.model), provider="cpu")
    rng = np.random.default_rng(0)
    sizes = range(engine.manifest.size.minimum, engine.manifest.size.maximum + 1, engine.manifest.size.multiple)
    held = []
    for number in range(1, args.pictures + 1):
        width, height = (int(side) for side in rng.choice(np.array(sizes), 2))
        if number == 1:
            width = height = sizes[-1]  # the largest first, so that growth cannot hide behind it
        picture = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        mask = np.zeros((height, width), np.float32)
        mask[: height // 2, : width // 2] = 1
        request = InpaintRequest(
            prompt=PROMPTS[number % len(PROMPTS)],
            seed=number,
            steps=args.steps,
            area="picture",
            work_size=(width, height),
        )
        engine.run(picture, mask, request)
        if number % 10 == 0:
            gc.collect()
            held.append(held_bytes())
            print(f"{number:4} pictures  {held[-1] / 1e6:6.0f} MB", flush=True)  # noqa: T201
    growth = max(held[1:], default=held[0]) / held[0] - 1
    print(f"largest after the first ten: {growth:+.1%}")  # noqa: T201
    return 0 if growth <= 0.05 else 1


if __name__ == "__main__":
    sys.exit(main())
