"""The product beside what people would use instead, on the same weights, picture, seed, sampler and steps.

    make bench
    python tests/bench/peers.py --peer-python .venv-export/bin/python [--rounds 5] [--peers diffusers,optimum]
        [--python optimum-intel=.venv-intel/bin/python]

Every engine runs in a process of its own; they take turns, so that a busy machine slows all of them alike. Warm: one
open engine draws again and again. Cold: from the start of a process to its picture on disk. First: the same with empty
caches. What is not installed in the peers' Python is left out, and a line says how to get it.
RETOUCH_BENCH_CHECKPOINT may name a diffusers folder to use in place of the bundled weights.
"""

import argparse
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from engine_process import HERE, ROOT, Engine, EngineFailed, Worker, cold_run, last_line
from figures import Figures, table, verdicts
from installed_size import fresh_install, installed_bytes
from machine import machine, threads_of_this_process
from peer_list import PEERS, reason_to_skip
from task import SIDE, STEPS, Task

BUNDLE = ROOT / "models/retouch_models/bundled/pocket"
SAMPLE = ROOT / "models/retouch_models/sample"


def measure(engines: Sequence[Engine], rounds: int, folder: Path) -> tuple[dict[str, Figures], float]:
    """Run all engines in turns, first cold, then warm; an engine that fails is left out.

    Returns their figures and the GFLOP/s of the fastest matrix product seen in between.
    """
    from retouch.matmul_peak import matmul_peak

    figures = {engine.name: Figures() for engine in engines}
    speeds = []
    for turn in range(rounds + 1):
        for engine in _alive(engines, figures):
            speeds.append(matmul_peak(engines[0].threads))
            try:
                seconds, cpu, peak = cold_run(engine, folder / f"{engine.name}.png")
            except EngineFailed as error:
                _leave_out(engine.name, str(error), figures)
                continue
            _tell(f"cold {turn}: {engine.name} {seconds:.1f} s, {cpu:.1f} s of processors")
            found = figures[engine.name]
            if turn == 0:  # caches are filled, files come from the disk
                found.first = seconds
            else:
                found.cold.append(seconds)
                found.cold_cpu.append(cpu)
                found.peak.append(peak)
    _measure_warm(engines, rounds, figures)
    return figures, max(*speeds, matmul_peak(engines[0].threads))


def _measure_warm(engines: Sequence[Engine], rounds: int, figures: dict[str, Figures]) -> None:
    workers = {engine.name: Worker(engine) for engine in _alive(engines, figures)}
    for turn in range(rounds + 2):
        for engine in _alive(engines, figures):
            try:
                answer = workers[engine.name].draw()
            except EngineFailed as error:
                _leave_out(engine.name, str(error), figures)
                continue
            _tell(f"warm {turn}: {engine.name} {answer['seconds']:.2f} s")
            found = figures[engine.name]
            found.warm_peak = answer["rss"]
            if turn > 1:
                found.warm.append(answer["seconds"])
                found.warm_cpu.append(answer["cpu"])
                found.steps += answer["steps"]
    for worker in workers.values():
        worker.close()


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _alive(engines: Sequence[Engine], figures: dict[str, Figures]) -> list[Engine]:
    return [engine for engine in engines if engine.name in figures]


def _leave_out(name: str, why: str, figures: dict[str, Figures]) -> None:
    if name == "retouch":
        raise SystemExit(f"retouch failed: {why}")
    del figures[name]
    print(f"{name} is left out: {why}")  # noqa: T201


def write_task(folder: Path, steps: int, sampler: str) -> Task:
    """Cut the square around the sample's mask and bring it to 256x256, so that every engine sees the same pixels."""
    from PIL import Image

    mask = Image.open(SAMPLE / "mask.png")
    left, top, right, bottom = mask.getbbox() or (0, 0, *mask.size)
    side = min(max(right - left, bottom - top, 192) * 4 // 3, *mask.size)
    x = min(max((left + right - side) // 2, 0), mask.width - side)
    y = min(max((top + bottom - side) // 2, 0), mask.height - side)
    files = []
    for name, how in (("picture", Image.Resampling.LANCZOS), ("mask", Image.Resampling.NEAREST)):
        square = Image.open(SAMPLE / f"{name}.png").crop((x, y, x + side, y + side))
        files.append(folder / f"{name}.png")
        square.resize((SIDE, SIDE), how).save(files[-1])
    return Task(files[0], files[1], steps, sampler)


def psnr(a: Path, b: Path) -> float:
    """Peak signal-to-noise ratio of two pictures, decibels."""
    from PIL import Image, ImageChops, ImageStat

    difference = ImageChops.difference(Image.open(a).convert("RGB"), Image.open(b).convert("RGB"))
    square = sum(ImageStat.Stat(difference).sum2) / (3 * SIDE * SIDE)
    return math.inf if square == 0 else 10 * math.log10(255**2 / square)


def prepare_peers(python: str, others: Mapping[str, str], names: Sequence[str], folder: Path) -> Path:
    """Write the folder that the peers of PyTorch load, and what optimum-intel makes of it; returns it."""
    target = folder / "pocket"
    if all(PEERS[name].from_bundle for name in names):
        return target
    command = [python, str(HERE / "pocket_to_diffusers.py"), str(BUNDLE), str(target)]
    if os.environ.get("RETOUCH_BENCH_CHECKPOINT"):
        command += ["--checkpoint", os.environ["RETOUCH_BENCH_CHECKPOINT"]]
    if "optimum" in names:
        command.append("--optimum")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"the peers' model cannot be written: {last_line(done.stderr)}")
    print(f"peers run on: {done.stdout.strip().splitlines()[0]}")  # noqa: T201
    intel = [name for name in names if name.startswith("optimum-intel")]
    if intel:
        own = others.get(intel[0], python)
        done = subprocess.run(
            [own, str(HERE / "optimum_intel_model.py"), str(target)], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise SystemExit(f"optimum-intel's model cannot be written: {last_line(done.stderr)}")
    return target


def step_gflop() -> float:
    """Work of one guided step: two passes of the UNet."""
    from retouch_models.bundle import open_bundle

    return 2 * float(open_bundle(BUNDLE).graph("unet").gflop or math.nan)


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", required=True, help="Python with torch, diffusers and whatever else is there")
    parser.add_argument(
        "--python",
        action="append",
        default=[],
        metavar="PEER=PATH",
        help="another Python for peers named so, or PEER-*",
    )
    parser.add_argument("--peers", default=",".join(PEERS), help=f"of {', '.join(PEERS)} (default: all)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--threads", type=int, default=threads_of_this_process())
    parser.add_argument("--no-size", action="store_true", help="do not make a fresh environment to weigh it")
    return parser.parse_args()


def own_pythons(told: Sequence[str]) -> dict[str, str]:
    """Pythons of single peers by their names; `optimum-intel=PATH` is meant for optimum-intel-f32 too."""
    pairs = [one.partition("=")[::2] for one in told]
    return {name: path for start, path in pairs for name in PEERS if name == start or name.startswith(f"{start}-")}


def chosen_peers(wanted: str, python: str, others: Mapping[str, str]) -> list[str]:
    """Names of the peers that can run; a line for each that cannot."""
    names = []
    for name in filter(None, wanted.split(",")):
        if name not in PEERS:
            raise SystemExit(f"--peers {name}: known are {', '.join(PEERS)}")
        reason = reason_to_skip(name, others.get(name, python))
        if reason is None:
            names.append(name)
        else:
            print(f"{name} is left out: {reason}")  # noqa: T201
    return names


def main() -> int:
    """Measure and print."""
    args = options()
    print(f"machine: {machine()}")  # noqa: T201
    others = own_pythons(args.python)
    names = chosen_peers(args.peers, args.peer_python, others)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        task = write_task(folder, args.steps, "ddim")
        model = prepare_peers(args.peer_python, others, names, folder)
        engines = [Engine("retouch", sys.executable, BUNDLE, task, args.threads)]
        for name in names:
            own = BUNDLE if PEERS[name].from_bundle else model
            engines.append(Engine(name, others.get(name, args.peer_python), own, task, args.threads))
        figures, peak = measure(engines, args.rounds, folder)
        peers = [name for name in figures if name != "retouch"]
        if not args.no_size:
            figures["retouch"].installed = fresh_install(ROOT, "cpu", folder / "venv")
            for name in peers:
                figures[name].installed = installed_bytes(others.get(name, args.peer_python), PEERS[name].packages)
        for name in peers:
            same = psnr(folder / "retouch.png", folder / f"{name}.png")
            print(f"picture of {name} against ours: {same:.1f} dB")  # noqa: T201
    print(f"fastest matrix product: {peak:.0f} GFLOP/s; a guided step: {step_gflop():.1f} GFLOP")  # noqa: T201
    print("\n".join(["", *table(figures, step_gflop(), peak), "", *verdicts(figures)]))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
