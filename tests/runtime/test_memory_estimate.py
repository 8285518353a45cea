"""The estimate of memory beside what fresh processes really took, and memory that does not grow from run to run."""

import subprocess
import sys
from pathlib import Path

import pytest

from support.memory_run import memory_run

FOLDED = ((128, "auto"), (256, "auto"))
"""With so little that all weights stay as they are stored."""
LONG = """
import numpy as np, gc, sys
from pathlib import Path
from retouch.memory_plan import held_bytes
from retouch.pipeline import Inpainter
from retouch.request import InpaintRequest
from retouch_models.bundle import open_bundle
engine, held = Inpainter(open_bundle(Path(sys.argv[1])), provider="cpu", threads=1), []
for number in range(200):
    side = 32 + 8 * (number * 5 % 13) if number else 128
    mask = np.zeros((side, side), np.float32); mask[:20, :20] = 1
    request = InpaintRequest(prompt="abc"[number % 3], seed=number, steps=1, area="picture", work_size=(side, side))
    engine.run(np.zeros((side, side, 3), np.uint8), mask, request)
    if number % 20 == 19:
        gc.collect(); held.append(held_bytes())
print(held[0], max(held))
"""


def test_the_estimate_is_near_what_a_fresh_process_takes(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    if sys.platform != "linux":
        pytest.skip("resident memory is counted differently")
    monkeypatch.setenv("RETOUCH_CACHE", str(tmp_path_factory.mktemp("cache")))

    said, took = memory_run(256, "high", "cpu", making=["unet"])  # makes the optimised copies
    assert said == pytest.approx(took, rel=0.2)  # what was promised, as below
    for side, memory in ((128, "high"), (256, "high"), (256, "low"), (384, "high"), *FOLDED):
        said, took = memory_run(side, memory, "cpu", limit_gb=0.1 if memory == "auto" else None)
        assert said == pytest.approx(took, rel=0.2), (side, memory)


def test_two_hundred_pictures_take_no_more_memory_than_ten(tiny_folder: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("resident memory is read from /proc")
    done = subprocess.run([sys.executable, "-c", LONG, str(tiny_folder)], capture_output=True, text=True, check=True)
    first, most = map(float, done.stdout.split())
    assert most <= 1.05 * first  # what was promised
