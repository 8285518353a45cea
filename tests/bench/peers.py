"""The product beside what people would use instead, on the same weights, picture, seed, sampler and steps.

    make bench
    python tests/bench/peers.py --peer-python .venv-export/bin/python [--rounds 6] [--peers diffusers,optimum]

Every engine runs in a process of its own; they take turns, so that a busy machine slows all of them alike. Warm: one
open engine draws again and again. Cold: from the start of a process to its picture on disk. RETOUCH_BENCH_CHECKPOINT
may name a diffusers folder to use in place of the bundled weights.
"""

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from installed_size import fresh_install, installed_bytes
from task import SIDE, STEPS, Task, words_for_retouch

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BUNDLE = ROOT / "models/retouch_models/bundled/pocket"
SAMPLE = ROOT / "models/retouch_models/sample"
PEER_PACKAGES = {"diffusers": ("torch", "diffusers", "transformers"), "optimum": ("torch", "optimum-onnx")}


@dataclass
class Figures:
    """What one engine took, each in the order of the rounds."""

    warm: list[float] = field(default_factory=list)
    warm_cpu: list[float] = field(default_factory=list)
    cold: list[float] = field(default_factory=list)
    cold_cpu: list[float] = field(default_factory=list)
    peak: list[float] = field(default_factory=list)
    warm_peak: float = 0.0
    installed: int | None = None


@dataclass(frozen=True)
class Engine:
    """How an engine is started."""

    name: str
    python: str
    model: Path
    task: Task
    threads: int

    def command(self, *more: str) -> list[str]:
        """The worker's command line."""
        files = [str(self.task.picture), str(self.task.mask)]
        options = ["--threads", str(self.threads), "--steps", str(self.task.steps), "--sampler", self.task.sampler]
        return [self.python, str(HERE / "worker.py"), self.name, str(self.model), *files, *options, *more]

    def cold_command(self, output: Path) -> list[str]:
        """What a person would start: the product's own command line, a short script for the others."""
        if self.name != "retouch":
            return self.command("--once", str(output))
        words = words_for_retouch(self.task, output, str(self.model))
        return [self.python, "-m", "retouch", *words, "--threads", str(self.threads)]


def cold_run(engine: Engine, output: Path) -> tuple[float, float, float]:
    """Return wall seconds, CPU seconds and peak bytes of one process that draws one picture."""
    output.unlink(missing_ok=True)
    start = time.perf_counter()
    process = subprocess.Popen(engine.cold_command(output), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = process.stderr.read() if process.stderr is not None else b""
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0 or not output.exists():
        raise SystemExit(f"{engine.name} failed:\n{said.decode(errors='replace')[-2000:]}")
    return seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024.0


class Worker:
    """An open engine that draws on demand."""

    def __init__(self, engine: Engine) -> None:
        """Start it."""
        quiet = {"stderr": subprocess.DEVNULL, "text": True}
        self._process = subprocess.Popen(
            engine.command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, **quiet
        )  # fmt: skip
        self._name = engine.name

    def draw(self, output: str = "") -> dict[str, float]:
        """Draw once; returns seconds, CPU seconds and the peak so far."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(f"{output}\n")
        stdin.flush()
        answer = stdout.readline()
        if not answer:
            raise SystemExit(f"{self._name} stopped; run its worker by hand: python {HERE / 'worker.py'} --help")
        found: dict[str, float] = json.loads(answer)
        return found

    def close(self) -> None:
        """Let it end."""
        self._process.communicate()


def measure(engines: Sequence[Engine], rounds: int, folder: Path) -> dict[str, Figures]:
    """Run all engines in turns, first cold, then warm."""
    figures = {engine.name: Figures() for engine in engines}
    for turn in range(rounds + 1):
        for engine in engines:
            seconds, cpu, peak = cold_run(engine, folder / f"{engine.name}.png")
            if turn > 0:  # the first start reads files from the disk and fills caches
                found = figures[engine.name]
                found.cold.append(seconds)
                found.cold_cpu.append(cpu)
                found.peak.append(peak)
    workers = {engine.name: Worker(engine) for engine in engines}
    for turn in range(rounds + 2):
        for name, worker in workers.items():
            answer = worker.draw()
            figures[name].warm_peak = answer["rss"]
            if turn > 1:
                figures[name].warm.append(answer["seconds"])
                figures[name].warm_cpu.append(answer["cpu"])
    for worker in workers.values():
        worker.close()
    return figures


def table(figures: dict[str, Figures]) -> list[str]:
    """Rows of a Markdown table: least and median, and how many times the product's figure it is."""
    own = figures["retouch"]
    rows = [
        "| | warm s, least (median) | CPU s | x | cold s, least (median) | CPU s | x | peak MB cold / warm | x | installed MB | x |",  # noqa: E501
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, f in figures.items():
        size = ["-", "-"]
        if f.installed is not None and own.installed is not None:
            size = [f"{f.installed / 1e6:.0f}", f"{f.installed / own.installed:.2f}"]
        cells = [
            name,
            f"{min(f.warm):.2f} ({statistics.median(f.warm):.2f})",
            f"{min(f.warm_cpu):.2f}",
            f"{min(f.warm) / min(own.warm):.2f}",
            f"{min(f.cold):.2f} ({statistics.median(f.cold):.2f})",
            f"{min(f.cold_cpu):.2f}",
            f"{min(f.cold) / min(own.cold):.2f}",
            f"{max(f.peak) / 1e6:.0f} / {f.warm_peak / 1e6:.0f}",
            f"{f.warm_peak / own.warm_peak:.2f}",
            *size,
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return rows


GOALS = (("warm", 1.4), ("cold", 4.0), ("peak memory", 2.0), ("installed size", 4.0))


def verdicts(figures: dict[str, Figures]) -> list[str]:
    """Compare the ratios to diffusers with the goals, one line each."""
    own, peer = figures["retouch"], figures["diffusers"]
    ratios = [min(peer.warm) / min(own.warm), min(peer.cold) / min(own.cold), peer.warm_peak / own.warm_peak]
    ratios.append(peer.installed / own.installed if peer.installed and own.installed else math.nan)
    return [
        f"{what}: {ratio:.2f} times better than diffusers, goal {goal:g}: {'reached' if ratio >= goal else 'missed'}"
        for (what, goal), ratio in zip(GOALS, ratios, strict=True)
        if not math.isnan(ratio)
    ]


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


def machine() -> str:
    """The processor, the cores this process may use, the load, and the date."""
    name = platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        name = next((x.split(":")[1].strip() for x in cpuinfo.read_text().splitlines() if "model name" in x), name)
    load = f", load {os.getloadavg()[0]:.1f} before the start" if hasattr(os, "getloadavg") else ""
    return f"{name}, {threads_of_this_process()} threads{load}, {time.strftime('%Y-%m-%d')}"


def threads_of_this_process() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def prepare_peers(python: str, names: Sequence[str], folder: Path) -> Path:
    """Write the folder that the peers load; returns it."""
    target = folder / "pocket"
    command = [python, str(HERE / "pocket_to_diffusers.py"), str(BUNDLE), str(target)]
    if os.environ.get("RETOUCH_BENCH_CHECKPOINT"):
        command += ["--checkpoint", os.environ["RETOUCH_BENCH_CHECKPOINT"]]
    if "optimum" in names:
        command.append("--optimum")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"the peers' model cannot be written:\n{done.stderr[-2000:]}")
    print(f"peers run on: {done.stdout.strip().splitlines()[0]}")  # noqa: T201
    return target


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", required=True, help="Python with torch, diffusers and transformers")
    parser.add_argument("--peers", default="diffusers,optimum", help="of diffusers, diffusers-compiled, optimum")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--threads", type=int, default=threads_of_this_process())
    parser.add_argument("--no-size", action="store_true", help="do not make a fresh environment to weigh it")
    args = parser.parse_args()
    names = [name for name in args.peers.split(",") if name]
    print(f"machine: {machine()}")  # noqa: T201
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        task = write_task(folder, args.steps, "ddim")
        model = prepare_peers(args.peer_python, names, folder)
        engines = [Engine("retouch", sys.executable, BUNDLE, task, args.threads)]
        engines += [Engine(name, args.peer_python, model, task, args.threads) for name in names]
        figures = measure(engines, args.rounds, folder)
        if not args.no_size:
            figures["retouch"].installed = fresh_install(ROOT, "cpu", folder / "venv")
            for name in names:
                figures[name].installed = installed_bytes(args.peer_python, PEER_PACKAGES[name.partition("-")[0]])
        for name in names:
            same = psnr(folder / "retouch.png", folder / f"{name}.png")
            print(f"picture of {name} against ours: {same:.1f} dB")  # noqa: T201
    print("\n".join(["", *table(figures), "", *(verdicts(figures) if "diffusers" in figures else [])]))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
