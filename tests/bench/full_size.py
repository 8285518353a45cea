"""Stable Diffusion 1.5 inpainting at its real size, random weights: the product beside what people would use instead.

    python tests/bench/full_size.py FOLDER --peer-python .venv-export/bin/python [--sides 256,512] [--steps 3] [--quick]

FOLDER keeps what is made once (some 15 GB): checkpoint, bundle, and the forms in which the peers want them;
`--prepare` ends after that. Each engine and size runs in a process of its own, one at a time, since each needs
several GB; they take turns. `--quick` is one turn of two steps at 256 pixels. Figures are added to
FOLDER/figures.jsonl, so that a table can be made of several calls; `--new` forgets the earlier ones, `--table` only
prints them.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine_process import ROOT, Engine, EngineFailed, last_line, reported_run
from full_size_table import table
from machine import machine, threads_of_this_process
from peer_list import PEERS, reason_to_skip
from task import Task

KIND = "sd15-inpaint"
FIGURES = "figures.jsonl"


@dataclass(frozen=True)
class Place:
    """Where everything lies."""

    folder: Path

    @property
    def checkpoint(self) -> Path:
        """In the layout of diffusers, fp16."""
        return self.folder / f"{KIND}-model"

    @property
    def bundle(self) -> Path:
        """The product's form."""
        return self.folder / KIND

    @property
    def optimum(self) -> Path:
        """optimum's form, fp32."""
        return self.folder / f"{KIND}-model-optimum"

    @property
    def single_file(self) -> Path:
        """One file with the original names, fp16."""
        return self.folder / f"{KIND}.safetensors"

    def model_of(self, name: str) -> Path:
        """Return what an engine loads."""
        if name.startswith("retouch"):
            return self.bundle
        return self.single_file if name == "sd.cpp" else self.checkpoint


def prepare(place: Place, names: Sequence[str], python: str) -> None:
    """Make what is missing; minutes for each."""
    place.folder.mkdir(parents=True, exist_ok=True)
    tests = ROOT / "tests"
    steps: list[tuple[bool, Path, list[str]]] = [
        (True, place.checkpoint / "model_index.json", ["full_size_model.py", "checkpoint", str(place.folder)]),
        (
            True,
            place.bundle / "manifest.json",
            ["-m", "retouch_export", str(place.checkpoint), "--output", str(place.bundle), "--skip-picture"],
        ),
        ("sd.cpp" in names, place.single_file, ["full_size_model.py", "single-file", str(place.folder)]),
        ("optimum" in names, place.optimum / "model_index.json", ["full_size_model.py", "optimum", str(place.folder)]),
    ]
    paths = os.pathsep.join(str(p) for p in (ROOT / "runtime", ROOT / "models", ROOT / "export", tests))
    for wanted, result, words in steps:
        if not wanted or result.exists():
            continue
        print(f"making {result}", flush=True)  # noqa: T201
        command = [python, *(str(tests / "bench" / w) if w.endswith(".py") else w for w in words)]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": paths}
        )
        if done.returncode != 0:
            raise SystemExit(f"{result} cannot be made: {last_line(done.stderr)}")


def measure(
    place: Place, engines: Sequence[Engine], sides: Sequence[int], rounds: int, note: Callable[..., None]
) -> None:
    """Run all engines in turns, each in a new process; one that fails is left out from then on."""
    from retouch.matmul_peak import matmul_peak

    left_out: set[str] = set()
    for _ in range(rounds):
        for side in sides:
            note({"peak": matmul_peak(engines[0].threads)})
            task = write_task(place.folder, side, engines[0].task.steps)
            for engine in engines:
                if engine.name in left_out:
                    continue
                try:
                    found = reported_run(replace(engine, task=task), place.folder / f"{engine.name}-{side}.png")
                except EngineFailed as error:
                    print(f"{engine.name} is left out: {error}", flush=True)  # noqa: T201
                    left_out.add(engine.name)
                    continue
                note({"engine": engine.name, "side": side, "machine": machine(), **found})
                print(f"{engine.name} {side}: {found['wall']:.1f} s", flush=True)  # noqa: T201


def write_task(folder: Path, side: int, steps: int) -> Task:
    """Write a picture of soft colours with a square hole."""
    import numpy as np
    from PIL import Image

    across = np.linspace(0, 255, side)
    pixels = np.stack(np.broadcast_arrays(across[None, :], across[:, None], 255 - across[None, :]), axis=-1)
    mask = np.zeros((side, side), np.uint8)
    mask[side // 4 : -side // 4, side // 4 : -side // 4] = 255
    files = [folder / f"picture-{side}.png", folder / f"mask-{side}.png"]
    Image.fromarray(pixels.astype(np.uint8)).save(files[0])
    Image.fromarray(mask).save(files[1])
    return Task(files[0], files[1], steps, "ddim", side)


def chosen(wanted: str, own_python: str, peer_python: str) -> list[tuple[str, str]]:
    """Pairs of an engine and its Python; a line for each that cannot run."""
    names: list[tuple[str, str]] = []
    for name in filter(None, wanted.split(",")):
        if name not in PEERS:
            names.append((name, own_python))
            continue
        reason = reason_to_skip(name, peer_python, full_size=True)
        if reason is None:
            names.append((name, peer_python))
        else:
            print(f"{name} is left out: {reason}")  # noqa: T201
    return names


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--peer-python", required=True)
    everything = ("retouch", "retouch-low", *(name for name, peer in PEERS.items() if peer.full_size))
    parser.add_argument("--engines", default=",".join(everything), help=f"of {', '.join(everything)} (default: all)")
    parser.add_argument("--sides", default="256,512")
    parser.add_argument("--steps", type=int, default=3, help="the first is not counted")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=threads_of_this_process())
    for flag in ("quick", "prepare", "new", "table"):
        parser.add_argument(f"--{flag}", action="store_true")
    return parser.parse_args()


def main() -> int:
    """Prepare, measure, print."""
    args = options()
    place = Place(args.folder)
    names = chosen(args.engines, sys.executable, args.peer_python)
    if args.quick:
        args.sides, args.steps, args.rounds = "256", 2, 1
    if not args.table:
        prepare(place, [name for name, _ in names], args.peer_python)
    if args.prepare:
        return 0
    log = place.folder / FIGURES
    if args.new:
        log.unlink(missing_ok=True)

    def note(found: dict[str, Any]) -> None:
        with log.open("a", encoding="utf-8") as lines:
            lines.write(f"{json.dumps(found)}\n")

    if not args.table:
        task = Task(place.folder, place.folder, args.steps)
        engines = [Engine(name, python, place.model_of(name), task, args.threads) for name, python in names]
        measure(place, engines, [int(side) for side in args.sides.split(",")], args.rounds, note)
    found = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    print("\n".join(table(found, place.bundle)))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
