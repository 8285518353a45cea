"""The state of a training on disk: written whole or not at all, so that a stop at any moment costs minutes only."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from recipes.pocket.pace import Spent

STATE = "state.pt"


@dataclass(frozen=True, eq=False, kw_only=True)
class State:
    """All that a training needs to go on as if it had not stopped.

    There is no state of random generators: every draw is a function of the seed and the step.
    """

    step: int
    seed: int
    spent: Spent
    parameters: list[Tensor]
    average: list[Tensor]
    optimiser: dict[str, Any]

    def save(self, folder: Path) -> None:
        """Write to a neighbour and rename it."""
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f"{STATE}.part"
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__} | {"spent": asdict(self.spent)}
        with part.open("wb") as file:
            torch.save(fields, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(folder / STATE)


def load_state(folder: Path, device: str) -> State | None:
    """Read the last state; None where no training was."""
    path = folder / STATE
    if not path.exists():
        return None
    fields = torch.load(path, map_location=device, weights_only=True)
    return State(**{**fields, "spent": Spent(**fields["spent"])})
