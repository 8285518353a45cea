"""A generator that paints one flat colour under the mask, quickly and always the same for a seed."""

import colorsys
from collections.abc import Sequence

import numpy as np

from retouch.arrays import RGB, Mask
from retouch.errors import GenerationError, PictureError
from retouch.geometry import Box, Size
from retouch_tui.engine import Draft, ModelCard, OnStage, OnStep, Outcome, Plan, StepReport

CHOICES = {
    "sampler": ("ddim", "dpmpp_2m", "euler"),
    "schedule": ("model", "karras"),
    "content": ("original", "fill"),
    "blend": ("feather", "hard"),
}


def bounds(mask: Mask) -> Box:
    """Box around everything above 0; empty when there is nothing."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if rows.size == 0:
        return Box(0, 0, 0, 0)
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def seed_colour(seed: int) -> tuple[int, int, int]:
    """The colour a seed paints."""
    red, green, blue = colorsys.hsv_to_rgb(seed % 360 / 360, 0.8, 0.9)
    return round(red * 255), round(green * 255), round(blue * 255)


class StandIn:
    """Implements `Engine`; the prompt `fail` fails in words and `crash` with a defect."""

    def models(self) -> Sequence[ModelCard]:
        return (
            ModelCard(
                name="pocket",
                title="Pocket",
                native_px=256,
                multiple_px=8,
                steps=4,
                guidance=3.5,
                fast_sigmas=(14.0, 3.0, 0.5),
            ),
            ModelCard(name="big", title="Big", native_px=512, steps=30),
        )

    def providers(self) -> Sequence[str]:
        return ("auto", "cpu")

    def find_providers(self) -> Sequence[str]:
        return ("auto", "cpu")

    def choices(self, option: str) -> Sequence[str]:
        return CHOICES[option]

    def plan(self, size: Size, mask: Mask, draft: Draft) -> Plan:
        box = bounds(mask)
        if box.empty:
            raise PictureError("the mask is empty: nothing would be repainted; paint over what should change")
        box = box.pad(8).clamp(size)
        return Plan(boxes=(box,), works=(Size(256, 256),), cells=box.area // 64, memory=400_000_000)

    def generate(
        self, picture: RGB, mask: Mask, draft: Draft, on_step: OnStep, on_stage: OnStage, expression: str = ""
    ) -> Outcome:
        request = draft.request
        if request.prompt == "fail":
            raise GenerationError("the model ran out of paint; buy some more")
        if request.prompt == "crash":
            raise ZeroDivisionError("a defect")
        on_stage("loading the model")
        steps = 4 if request.steps is None else request.steps
        box = self.plan(Size(picture.shape[1], picture.shape[0]), mask, draft).boxes[0]
        for step in range(1, steps + 1):
            preview = np.full((16, 16, 3), seed_colour(request.seed), np.uint8)
            on_step(StepReport(step, steps, preview, box))
        amount = mask[:, :, None]
        painted = picture * (1 - amount) + np.array(seed_colour(request.seed), np.float32) * amount
        return Outcome(np.rint(painted).astype(np.uint8), {"prompt": request.prompt, "seed": request.seed})
