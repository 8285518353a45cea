"""The parts of `gpu.sh`: a random model of Stable Diffusion 1.5's size, engines timed on it one by one, and checks.

python tests/bench/gpu.py build FOLDER [--small]
python tests/bench/gpu.py measure FOLDER --engine ROW [--device cuda] [--round 1]
python tests/bench/gpu.py roof FOLDER [--device cuda]
python tests/bench/gpu.py check FOLDER [--device cuda]
python tests/bench/gpu.py table FOLDER
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from gpu_checks import checks, psnr
from gpu_engines import ON_ANY_DEVICE, ROWS, STEPS, open_engine
from gpu_model import NATIVE, SMALL, build, open_form

REPEATS, WARM_UP = 20, 3
LIMIT_MS, GOALS = 2.0, "at most 9 ms per evaluation and 205 ms per picture; then 6 and 125"


def measure(folder: Path, engine: str, device: str, turn: int, *, small: bool) -> None:
    """Time one engine; one line, and a file for the table."""
    side, warm_up, repeats = (SMALL, 1, 2) if small else (NATIVE, WARM_UP, REPEATS)
    start = time.perf_counter()
    opened = open_engine(folder, engine, device, side)
    for _ in range(warm_up):
        image = opened.draw()
    ready = time.perf_counter() - start
    took, stepped = [], []
    for _ in range(repeats):
        start = time.perf_counter()
        image = opened.draw()
        took.append((time.perf_counter() - start) * 1e3)
        stepped.append(opened.steps_s() / STEPS * 1e3)
    took.sort()
    found = {
        "engine": engine,
        "picture_ms": took[0],
        "picture_median_ms": statistics.median(took),
        "picture_p90_ms": took[int(len(took) * 0.9)],
        "step_ms": min(stepped),
        "ready_s": ready,
        "gpu_memory": _gpu_memory(),
        **opened.facts(),
    }
    results = folder / "results"
    results.mkdir(exist_ok=True)
    np.save(results / f"{engine}.npy", image)
    (results / f"{engine}.{turn}.json").write_text(json.dumps(found), encoding="utf-8")
    _say(f"{engine:20} picture {took[0]:8.1f} ms, step {min(stepped):7.2f} ms, ready after {ready:.0f} s")
    for note in found.get("notes", ()):
        _say(f"{'':20} {note}")


def table(folder: Path, *, small: bool) -> None:
    """Print all that was measured: the least of the turns, against the product on the host loop and float32."""
    results = folder / "results"
    roof = json.loads((results / "roof.json").read_text()) if (results / "roof.json").exists() else {}
    gflop = open_form(folder, plain=False).manifest.graphs["unet"].gflop or 0.0
    gflop *= 2 * (1 if not small else (SMALL / NATIVE) ** 2)
    _say(f"\n{roof.get('machine', 'no GPU')}; {'; '.join(f'{k} {v}' for k, v in roof.get('versions', {}).items())}")
    if roof:
        _say(f"measured roof: {roof['tflops']:.0f} TFLOP/s of fp16 matrix products, {roof['tbs']:.2f} TB/s of copies")
    _say(f"goals: {GOALS}; physical limit {LIMIT_MS} ms per evaluation\n")
    _say(
        "| engine | UNet alone ms | step ms | picture ms (median, p90) | of the roof | recorded | dB to the host loop |"
    )
    _say("|---|---|---|---|---|---|---|")
    for name, row in ROWS.items():
        turns = [json.loads(path.read_text()) for path in sorted(results.glob(f"{name}.[0-9]*.json"))]
        if turns:
            words = row.words if roof.get("machine") != "CPU" else name
            _say(_line(words, turns, gflop, roof, results, name))


def _line(words: str, turns: list[dict[str, Any]], gflop: float, roof: dict[str, Any], results: Path, name: str) -> str:
    best = min(turns, key=lambda turn: turn["picture_ms"])
    alone = [turn["unet_ms"] for turn in turns if turn.get("unet_ms")]
    step = min(turn["step_ms"] for turn in turns)
    share = f"{gflop / step / roof['tflops'] * 100:.0f} %" if roof and gflop else "-"
    reference = results / "host.npy"
    likeness = f"{psnr(np.load(reference), np.load(results / f'{name}.npy')):.1f}" if reference.exists() else "-"
    recorded = {True: "yes", False: "no", None: "-"}[all(best["recorded"]) if best.get("recorded") else None]
    return (
        f"| {words} | {f'{min(alone):.2f}' if alone else '-'} | {step:.2f} | {best['picture_ms']:.1f} "
        f"({best['picture_median_ms']:.1f}, {best['picture_p90_ms']:.1f}) | {share} | {recorded} | {likeness} |"
    )


def roof(folder: Path, device: str) -> None:
    """Measure what the machine can do at most: a large matrix product and a large copy, by PyTorch."""
    import onnxruntime
    import torch

    half = torch.float16 if device.startswith("cuda") else torch.float32
    side = 8192 if device.startswith("cuda") else 1024
    a, b = (torch.randn(side, side, dtype=half, device=device) for _ in range(2))
    block = torch.empty(2**30 if device.startswith("cuda") else 2**26, dtype=torch.uint8, device=device)
    other = torch.empty_like(block)
    found = {
        "machine": torch.cuda.get_device_name() if device.startswith("cuda") else "CPU",
        "versions": {"onnxruntime": onnxruntime.__version__, "torch": torch.__version__, "date": time.strftime("%F")},
        "tflops": 2 * side**3 / _least_s(lambda: a @ b, device) / 1e12,
        "tbs": 2 * block.numel() / _least_s(lambda: other.copy_(block), device) / 1e12,
    }
    (folder / "results").mkdir(exist_ok=True)
    (folder / "results" / "roof.json").write_text(json.dumps(found), encoding="utf-8")


def _least_s(run: Callable[[], Any], device: str) -> float:
    import torch

    took = []
    for _ in range(10):
        start = time.perf_counter()
        run()
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        took.append(time.perf_counter() - start)
    return min(took)


def check(folder: Path, device: str, *, small: bool) -> int:
    """Print every check; the number of those that failed."""
    failed = 0
    for passed, words in checks(folder, device, SMALL if small else NATIVE):
        _say(f"{'passed' if passed else 'FAILED'}: {words}")
        failed += not passed
    return failed


def _gpu_memory() -> str:
    query = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader"]
    try:
        return subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


def main() -> None:
    """Run one part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("build", "rows", "measure", "roof", "check", "table"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--engine", choices=ROWS, default="graph")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--round", type=int, default=1)
    parser.add_argument("--small", action="store_true")
    args = parser.parse_args()
    if args.part == "build":
        build(args.folder, small=args.small)
    elif args.part == "rows":
        _say(" ".join(ROWS if args.device.startswith("cuda") else ON_ANY_DEVICE))
    elif args.part == "measure":
        measure(args.folder, args.engine, args.device, args.round, small=args.small)
    elif args.part == "roof":
        roof(args.folder, args.device)
    elif args.part == "check":
        sys.exit(check(args.folder, args.device, small=args.small))
    else:
        table(args.folder, small=args.small)


if __name__ == "__main__":
    main()
