"""What all training stages are told on the command line."""

import argparse
import math
import os
from dataclasses import dataclass
from pathlib import Path

import torch

from recipes.pocket.backgrounds import GENERATOR_KINDS, draw_backgrounds
from recipes.pocket.collect import GENERATOR_STYLES
from recipes.pocket.concepts import popular
from recipes.pocket.networks import Networks
from recipes.pocket.pace import Pace
from recipes.pocket.run import RunOptions
from recipes.pocket.scenes import SceneOptions, Scenes
from recipes.pocket.sprites import load_sprites
from recipes.pocket.start import load_networks, load_packed

BACKGROUND_PX = 320
"""Larger than a scene, so that a background can be cut in many ways."""


@dataclass(frozen=True, kw_only=True)
class StageOptions:
    """The options that every stage has."""

    start: Path
    packed: Path | None
    output: Path
    minutes: float
    steps: int | None
    stop_after: float
    batch: int
    rate: float
    seed: int
    backgrounds: int
    cache: Path
    device: str
    popular: float
    short: bool
    warm_up: int
    save_minutes: float
    average: float

    def run(self) -> RunOptions:
        """The run that was asked for."""
        minutes = self.minutes if self.steps is None else None
        pace = Pace(peak=self.rate, steps=self.steps, minutes=minutes, warm_up=self.warm_up)
        return RunOptions(
            output=self.output,
            pace=pace,
            seed=self.seed,
            stop_minutes=self.stop_after,
            save_minutes=self.save_minutes,
            average=self.average,
        )

    def networks(self) -> Networks:
        """The networks to start from."""
        networks = load_networks(self.start, device=self.device)
        if self.packed is not None:
            load_packed(networks, self.packed)
        return networks

    def scenes(self) -> Scenes:
        """The generator's world."""
        sprites = load_sprites("generator", self.cache, with_shapes=True, workers=os.cpu_count() or 1)
        kept = sprites.only(styles=GENERATOR_STYLES, slugs=sprites.concepts)
        grounds = draw_backgrounds(
            GENERATOR_KINDS, self.backgrounds, size=BACKGROUND_PX, seed=self.seed, device=self.device
        )
        return Scenes(kept, grounds, popular(), SceneOptions(popular_share=self.popular), self.device)


def stage_parser(description: str, *, batch: int, rate: float) -> argparse.ArgumentParser:
    """A parser of `StageOptions`, to which a stage may add its own."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("start", type=Path, help="diffusers folder or bundle to start from")
    parser.add_argument("output", type=Path, help="folder of this training; a training that is there goes on")
    parser.add_argument("--packed", type=Path, help="folder of packed weights to use in place of those of START")
    parser.add_argument("--minutes", type=float, default=24, help="length of a learning-rate cycle")
    parser.add_argument("--steps", type=int, help="length of a cycle in steps, in place of --minutes")
    parser.add_argument("--stop-after", type=float, default=math.inf, help="minutes until this start stops and saves")
    parser.add_argument("--batch", type=int, default=batch)
    parser.add_argument("--rate", type=float, default=rate, help="peak of the learning rate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--backgrounds", type=int, default=4500)
    parser.add_argument("--cache", type=Path, default=Path("build/pocket"), help="folder of rasterised artwork")
    parser.add_argument("--popular", type=float, default=0.7, help="share of the scenes that show an everyday thing")
    parser.add_argument("--warm-up", type=int, default=300, help="steps until the rate is at its peak")
    parser.add_argument("--save-minutes", type=float, default=2, help="minutes between two states on disk")
    parser.add_argument(
        "--average",
        type=float,
        default=0.9995,
        help="share of the running average that a step keeps",
    )
    parser.add_argument("--short", action="store_true", help="bfloat16 on a processor that has it (avx512_bf16, amx)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser


def fast_arithmetic() -> None:
    """Let the GPU use its short formats and choose its kernels; no effect elsewhere."""
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.benchmark = True
