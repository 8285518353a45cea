"""A training run: steps, a running average of the weights, a log, and a state that the next start goes on from."""

import json
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from recipes.pocket.pace import Pace, Spent
from recipes.pocket.state import State, load_state


class Stage(Protocol):
    """What is trained."""

    def parameters(self) -> list[Tensor]:
        """What the optimiser changes, always in the same order."""

    def loss(self, step: int) -> Tensor:
        """The loss of one step; its draws depend on the seed and the step alone."""


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How a run goes."""

    output: Path
    pace: Pace
    seed: int = 0
    stop_minutes: float = math.inf
    """End this start after so long, even within a cycle; the next start goes on."""
    stop_steps: int | None = None
    """End this start after so many steps."""
    save_minutes: float = 2.0
    log_every: int = 100
    average: float = 0.9995
    """Share of the running average that a step keeps."""
    clip: float = 1.0
    """Greatest norm of the gradient."""


class Run:
    """Goes on from the folder's state, or begins."""

    def __init__(self, stage: Stage, options: RunOptions, device: str) -> None:
        """Load the state, if there is one, into the stage's parameters; ValueError if it has another seed."""
        self._stage, self._options = stage, options
        self._parameters = stage.parameters()
        self._optimiser = torch.optim.AdamW(
            self._parameters, options.pace.peak, betas=(0.9, 0.99), weight_decay=0.01, fused=True
        )
        self.step, self._spent = 0, Spent()
        self.average = [parameter.detach().clone() for parameter in self._parameters]
        state = load_state(options.output, device)
        if state is not None:
            self._go_on(state)

    def __call__(self) -> list[float]:
        """Train until the cycle ends or this start's time is up; returns the losses of this start."""
        options, begun = self._options, time.monotonic()
        saved, ticked, losses = begun, begun, list[Tensor]()
        with (_folder(options.output) / "log.jsonl").open("a", encoding="utf-8") as log:
            while options.pace.progress(self._spent) < 1 and not self._time_is_up(begun, len(losses)):
                losses.append(self._learn())
                now = time.monotonic()
                self._spent = replace(
                    self._spent, steps=self._spent.steps + 1, seconds=self._spent.seconds + now - ticked
                )
                ticked = now
                if self.step % options.log_every == 0:
                    log.write(self._line(losses[-options.log_every :], now - begun, len(losses)) + "\n")
                    log.flush()
                if now - saved > 60 * options.save_minutes:
                    self._save()
                    saved = ticked = time.monotonic()  # saving is no part of the cycle
            rest = len(losses) if self.step < options.log_every else self.step % options.log_every
            if losses and rest:
                log.write(self._line(losses[-rest:], time.monotonic() - begun, len(losses)) + "\n")
        if options.pace.progress(self._spent) >= 1:
            self._spent = Spent(cycle=self._spent.cycle + 1)
        self._save()
        return [float(loss) for loss in losses]

    def _learn(self) -> Tensor:
        """One step."""
        for group in self._optimiser.param_groups:
            group["lr"] = self._options.pace.rate(self._spent)
        loss = self._stage.loss(self.step)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._parameters, self._options.clip)
        self._optimiser.step()
        self._optimiser.zero_grad(set_to_none=True)
        self.step += 1
        kept = min(self._options.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(self.average, [p.detach() for p in self._parameters], 1 - kept)
        return loss.detach()

    def _line(self, losses: list[Tensor], seconds: float, steps: int) -> str:
        """One line of the log; RuntimeError if the loss is no number any more."""
        mean = float(torch.stack(losses).mean())
        if not math.isfinite(mean):
            raise RuntimeError(f"the loss at step {self.step} is {mean}; go on from the last state at a lower --rate")
        rate = self._options.pace.rate(self._spent)
        facts: dict[str, Any] = {"step": self.step, "cycle": self._spent.cycle, "loss": round(mean, 5), "rate": rate}
        return json.dumps(facts | {"seconds": round(seconds, 1), "steps_per_second": round(steps / seconds, 3)})

    def _time_is_up(self, begun: float, steps: int) -> bool:
        options = self._options
        enough = options.stop_steps is not None and steps >= options.stop_steps
        return enough or time.monotonic() - begun > 60 * options.stop_minutes

    def _go_on(self, state: State) -> None:
        if state.seed != self._options.seed:
            raise ValueError(f"{self._options.output} was begun with seed {state.seed}, not {self._options.seed}")
        with torch.no_grad():
            for own, stored in zip(self._parameters, state.parameters, strict=True):
                own.copy_(stored)
        self.average = state.average
        self._optimiser.load_state_dict(state.optimiser)
        self.step, self._spent = state.step, state.spent

    def _save(self) -> None:
        State(
            step=self.step,
            seed=self._options.seed,
            spent=self._spent,
            parameters=[parameter.detach() for parameter in self._parameters],
            average=self.average,
            optimiser=self._optimiser.state_dict(),
        ).save(self._options.output)


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path
