"""Fit the noise levels of the fast preset: `python -m recipes.pocket.fit_fast --start 14.6146,5.76,2.73,1.28,0.43`.

The idea is that of Sabour et al. 2024 (arXiv:2404.14507): where few steps are made, they should be made where they
count for this model. What is made least is the distance of the picture to the one at the model's default settings:
the mean over tasks of the logarithm of the mean squared difference in the masked area, that is, the mean PSNR. The
first level stays, the others move in log sigma by damped Gauss-Newton steps with finite differences, each task
weighted by the inverse of its own error, which makes squared residuals a logarithm's. A round of 24 tasks takes
four CPU minutes.
"""

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray

from recipes.pocket.fast_tasks import Task, tasks
from retouch import Inpainter, InpaintRequest, find_bundle
from retouch.arrays import RGB
from retouch.fast import FITTED_SAMPLER

NUDGE = 0.04
"""Of log sigma, for finite differences: far above what rounding to pixels does."""
LONGEST = 0.4
"""Most that a level moves in one round, in log sigma."""
DAMPING = (0.1, 3.0)
"""Times the diagonal; of each round the best is kept."""
LEAST_MSE = 4.0
"""Added to a task's mean squared difference, levels squared: what is above 42 dB does not count as better."""
ENOUGH_DB = 0.01

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Lesson:
    """A task and the picture that it should give, (H, W, 3)."""

    task: Task
    exact: RGB


@dataclass(frozen=True, eq=False)
class Slope:
    """What one task says about the levels: mean squared difference, and its normal equations divided by it."""

    mse: float
    matrix: Vector
    vector: Vector


def main() -> None:
    """Fit, telling every round."""
    parser = argparse.ArgumentParser(description="Fit the noise levels of the fast preset.")
    parser.add_argument("--start", required=True, help="levels to begin with, falling, with commas")
    parser.add_argument("--tasks", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    levels = np.array([float(level) for level in options.start.split(",")])
    with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn"), initializer=_open) as pool:
        lessons = list(pool.map(_exact, _tasks(options.tasks)))
        for number in range(options.rounds):
            levels, before, after = improved(levels, lessons, pool)
            told = ", ".join(f"{level:.5g}" for level in levels)
            sys.stdout.write(f"round {number + 1}: {before:.2f} dB -> {after:.2f} dB at {told}\n")
            sys.stdout.flush()
            if after - before < ENOUGH_DB:
                break


def improved(levels: Vector, lessons: Sequence[Lesson], pool: ProcessPoolExecutor) -> tuple[Vector, float, float]:
    """Make one round; returns the levels and the mean PSNR before and after it."""
    slopes = list(pool.map(partial(_slope, levels), lessons))
    matrix = np.mean([slope.matrix for slope in slopes], axis=0)
    vector = np.mean([slope.vector for slope in slopes], axis=0)
    best, most = levels, _mean_db([slope.mse for slope in slopes])
    before = most
    for damping in DAMPING:
        move = -np.linalg.solve(matrix + damping * np.diag(np.diag(matrix)), vector)
        move *= min(1.0, LONGEST / np.abs(move).max())
        tried = levels * np.exp(np.append(0.0, move))
        if (np.diff(tried) >= 0).any():
            continue
        found = _mean_db(list(pool.map(partial(_mse, tried), lessons)))
        if found > most:
            best, most = tried, found
    return best, before, most


def _mean_db(errors: Sequence[float]) -> float:
    return float(np.mean(10 * np.log10(255**2 / (np.array(errors) + LEAST_MSE))))


def _tasks(count: int) -> list[Task]:
    engine = Inpainter(find_bundle("pocket"), provider="cpu")
    try:
        return list(tasks("fit", count, engine))
    finally:
        engine.close()


_engine: Inpainter | None = None
"""Of a process of the pool."""


def _open() -> None:
    global _engine
    _engine = Inpainter(find_bundle("pocket"), provider="cpu", threads=1)


def _run(task: Task, levels: Vector | None) -> RGB:
    """The decoded picture at the model's defaults, or at given levels."""
    if _engine is None:
        raise RuntimeError("the pool was not opened")
    sigmas = None if levels is None else tuple(float(level) for level in levels)
    sampler = None if levels is None else FITTED_SAMPLER
    request = InpaintRequest(
        prompt=task.prompt, seed=task.seed, sampler=sampler, sigmas=sigmas, blend="hard", feather=0
    )
    return _engine.run(task.picture, task.mask, request).image


def _exact(task: Task) -> Lesson:
    return Lesson(task, _run(task, None))


def _difference(levels: Vector, lesson: Lesson) -> Vector:
    """Of the masked pixels, (3 N,)."""
    inside = lesson.task.mask > 0
    return _run(lesson.task, levels)[inside].astype(np.float64).ravel() - lesson.exact[inside].ravel()


def _mse(levels: Vector, lesson: Lesson) -> float:
    return float(np.mean(np.square(_difference(levels, lesson))))


def _slope(levels: Vector, lesson: Lesson) -> Slope:
    here = _difference(levels, lesson)
    rows: list[Vector] = []
    for i in range(1, len(levels)):
        nudged = levels.copy()
        nudged[i] *= np.exp(NUDGE)
        rows.append((_difference(nudged, lesson) - here) / NUDGE)
    slopes, mse = np.array(rows), float(np.mean(np.square(here)))
    weight = 1 / (len(here) * (mse + LEAST_MSE))
    return Slope(mse, slopes @ slopes.T * weight, slopes @ here * weight)


if __name__ == "__main__":
    main()
