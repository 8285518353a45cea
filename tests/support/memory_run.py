"""A fresh process that makes one picture with the bundled model, and tells its peak and what was foretold."""

import json
import subprocess
import sys
from collections.abc import Sequence

RUN = r"""
import json, re, sys, numpy as np
from pathlib import Path
from retouch.estimate import memory_bytes
from retouch.pipeline import Inpainter
from retouch.request import InpaintRequest
from retouch_models.store import find_bundle
side, memory, device, limit, making = int(sys.argv[1]), *sys.argv[2:4], *map(json.loads, sys.argv[4:])
engine = Inpainter(find_bundle("pocket"), provider=device, threads=2, memory=memory, memory_limit=limit)
mask = np.zeros((side, side), np.float32); mask[40:90, 40:90] = 1
request = InpaintRequest(prompt="a", steps=1, guidance=3, area="picture", work_size=(side, side))
engine.run(np.zeros((side, side, 3), np.uint8), mask, request)
full = request.resolved(engine.manifest)
made = dict(provider=engine.device.provider, precision=engine.device.precision, making=frozenset(making))
said = memory_bytes(engine.manifest, full, engine.plan(mask, full), engine.graphs.memory, **made)
peak = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())[1]  # ru_maxrss holds the parent's
print(json.dumps([said, int(peak) * 1024]))
"""


def memory_run(
    side: int, memory: str, device: str, *, limit_gb: float | None = None, making: Sequence[str] = ()
) -> tuple[float, float]:
    """Bytes that were estimated, and the peak of resident memory that was measured, for a square picture.

    `making` names the graphs of which this run makes the optimised copies.
    """
    limit = None if limit_gb is None else limit_gb * 1e9
    words = [sys.executable, "-c", RUN, str(side), memory, device, json.dumps(limit), json.dumps(making)]
    said, took = json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
    return said, took
