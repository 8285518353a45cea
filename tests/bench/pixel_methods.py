"""Seconds that every pixel method takes on a 12-megapixel picture with a mask over half of it.

    python tests/bench/pixel_methods.py [--megapixels 12] [--repeats 3]

The best of the repeats counts: the first pays for memory pages and thread pools.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

import cv2
import numpy as np

from retouch.arrays import RGB, Mask
from retouch.blend import BLENDS, BlendOptions
from retouch.colour import KINDS, match_colours
from retouch.content import CONTENT
from retouch.proof import changed_outside, drift_db, seam_score


def scene(megapixels: float) -> tuple[RGB, RGB, Mask]:
    """A smooth, grainy picture, the same one drifted as by an autoencoder, and a mask with a long edge."""
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    width = height * 4 // 3
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)
    picture = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    grain = rng.integers(0, 24, picture.shape, dtype=np.uint8)
    picture = cv2.add(picture, grain)
    patch = cv2.convertScaleAbs(cv2.GaussianBlur(picture, (0, 0), 1.2), alpha=0.95, beta=9)
    mask = np.zeros((height, width), np.float32)
    cv2.ellipse(mask, (width // 2, height // 2), (width // 3, height // 3), 20, 0, 360, 1, -1)
    cv2.rectangle(mask, (width * 5 // 6, 0), (width, height), 1, -1)
    return np.asarray(picture, np.uint8), np.asarray(patch, np.uint8), mask


def methods(picture: RGB, patch: RGB, mask: Mask) -> Iterator[tuple[str, Callable[[], object]]]:
    """Every method by name, ready to be called."""
    for name in BLENDS.names():
        yield f"blend {name}", partial(BLENDS[name](BlendOptions(radius_px=16)), picture, patch, mask)
    for name in CONTENT.names():
        yield f"content {name}", partial(CONTENT[name], picture, mask, 0)
    for kind in KINDS:
        yield f"colour {kind}", partial(match_colours, patch, picture, mask, kind)
    yield "proof seam score", partial(seam_score, patch, mask)
    yield "proof changed outside", partial(changed_outside, picture, patch, mask)
    yield "proof drift", partial(drift_db, picture, patch, mask)


def seconds(call: Callable[[], object], repeats: int) -> float:
    """Best time of several calls."""
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megapixels", type=float, default=12)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    picture, patch, mask = scene(asked.megapixels)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    size = f"{picture.shape[1]} x {picture.shape[0]}"
    sys.stdout.write(f"{size}, {mask.mean():.0%} masked, {os.cpu_count()} cores, load {load:.1f}\n")
    for name, call in methods(picture, patch, mask):
        sys.stdout.write(f"{name:24} {seconds(call, asked.repeats):6.2f} s\n")


if __name__ == "__main__":
    main()
