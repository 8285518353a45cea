"""The one task that every engine of the comparison does: same picture, mask, prompt, seed, sampler and steps."""

from dataclasses import dataclass
from pathlib import Path

PROMPT = "a red heart"
NEGATIVE = ""
SEED = 2
STEPS = 12
GUIDANCE = 3.5
SIDE = 256


@dataclass(frozen=True)
class Task:
    """Where the square picture, (side, side, 3), and its mask lie, and what differs between comparisons."""

    picture: Path
    mask: Path
    steps: int = STEPS
    sampler: str = "ddim"
    side: int = SIDE


def words_for_retouch(task: Task, output: Path, model: str, provider: str) -> list[str]:
    """Return the command line of the product that does the task as other tools do it: the whole picture as it is."""
    return [
        *("inpaint", str(task.picture), "--mask", str(task.mask), "--model", model, "--provider", provider),
        *("--prompt", PROMPT, "--steps", str(task.steps), "--guidance", str(GUIDANCE), "--seed", str(SEED)),
        *("--sampler", task.sampler, "--schedule", "model", "--rng", "torch-cpu", "--latent-mask", "nearest"),
        *(
            "--area",
            "picture",
            "--work-size",
            f"{task.side}x{task.side}",
            "--no-overlay",
            "--blend",
            "hard",
            "--feather",
            "0",
        ),
        *("--output", str(output), "--force", "--quiet"),
    ]
