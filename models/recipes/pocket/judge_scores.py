"""From painted answers to numbers."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from recipes.pocket import classifier
from recipes.pocket.gallery import Painted
from recipes.pocket.judge_tasks import Task
from recipes.pocket.real_scenes import for_the_eye
from retouch.arrays import RGB, Mask
from retouch.proof import seam_score

Scores = Mapping[str, float | int]


def naming_scores(painted: Sequence[Painted], nouns: list[str], eye: Any) -> tuple[Scores, dict[str, list[int]]]:
    """How often the right noun comes first and among five, and the rank (from 1) of each answer, by noun."""
    pictures = torch.from_numpy(np.stack([answer.result for answer in painted])).permute(0, 3, 1, 2).float() / 255
    order = classifier.ranked(eye, for_the_eye(pictures)).numpy()
    ranks: dict[str, list[int]] = {}
    for answer, classes in zip(painted, order, strict=True):
        noun = noun_of(answer.task)
        ranks.setdefault(noun, []).append(int(np.nonzero(classes == nouns.index(noun))[0][0]) + 1)
    every = np.array([rank for found in ranks.values() for rank in found])
    return {
        "pictures": len(painted),
        "nouns": len(ranks),
        "top1": round(float((every == 1).mean()), 4),
        "top5": round(float((every <= 5).mean()), 4),
        "top1_error": round(math.sqrt((every == 1).mean() * (every != 1).mean() / len(every)), 4),
    }, ranks


def noun_of(task: Task) -> str:
    """The noun that a naming task asks for."""
    return task.name.removeprefix("naming-").rsplit("-", 1)[0].replace("-", " ")


def filling_scores(painted: Sequence[Painted]) -> Scores:
    """PSNR inside the mask and seam against the truth, with OpenCV's Telea filling of the same holes beside them."""
    own, telea, seams, telea_seams, true_seams = [], [], [], [], []
    for answer in painted:
        task, truth = answer.task, answer.task.truth
        if truth is None:
            raise ValueError(f"{task.name} has no known answer")
        hole = (task.mask > 0).astype(np.uint8)
        plain: RGB = np.asarray(cv2.inpaint(truth, hole, 3, cv2.INPAINT_TELEA), np.uint8)  # sees nothing in the hole
        own.append(psnr_inside(answer.result, truth, task.mask))
        telea.append(psnr_inside(plain, truth, task.mask))
        seams.append(seam_score(answer.result, task.mask))
        telea_seams.append(seam_score(plain, task.mask))
        true_seams.append(seam_score(truth, task.mask))
    return {
        "pictures": len(painted),
        "psnr_db": _mean(own),
        "psnr_telea_db": _mean(telea),
        "better_than_telea": _mean(np.greater(own, telea)),
        "seam": _mean(seams),
        "seam_telea": _mean(telea_seams),
        "seam_truth": _mean(true_seams),
    }


def outside_scores(painted: Sequence[Painted]) -> Scores:
    """What happens where nothing should: drift of the raw decode, and bytes that changed in the result."""
    drifts = [answer.drift_db for answer in painted if answer.drift_db is not None]
    return {
        "pictures": len(painted),
        "drift_db": _mean(drifts),
        "drift_least_db": round(min(drifts), 2),
        "bytes_changed": sum(answer.changed_outside for answer in painted),
    }


def psnr_inside(result: RGB, truth: RGB, mask: Mask) -> float:
    """PSNR where the mask is not 0, dB, at most 60 (equal pictures)."""
    inside = mask > 0
    error = float(np.square(result[inside].astype(np.float64) - truth[inside]).mean())
    return 60.0 if error == 0 else min(60.0, 10 * math.log10(255**2 / error))


def _mean(values: Sequence[float] | NDArray[np.bool_]) -> float:
    return round(float(np.mean(values)), 3)
