"""The best of several: drafts from different seeds, of which the one most like the prompt is painted.

A draft takes the fast form of the request (`retouch.fast`) where that leads to the same picture, so that most of the
work goes into the one that is kept. Drafting ends early at one that is surely what was asked for.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from retouch.fast import fitted
from retouch.progress import OnProgress, Progress
from retouch.request import LARGEST_SEED, InpaintRequest, given
from retouch.result import InpaintResult
from retouch.samplers import SAMPLERS
from retouch.schedule import run_steps
from retouch_models.manifest import Manifest

SURE = 0.9
"""Likeness from which on no further draft is made."""

FAINT = 0.01
"""Likeness below which the ranker sees nothing of the prompt: it may not know the words."""

Paint = Callable[[InpaintRequest, OnProgress], InpaintResult]


@dataclass(frozen=True, kw_only=True)
class Drafts:
    """How the best of several is found."""

    most: int
    rough: InpaintRequest
    """What a draft is painted by, resolved; its seed is the first one's."""
    final: InpaintRequest | None
    """What the best is painted by again; None where the drafts are not rough."""

    @classmethod
    def of(cls, full: InpaintRequest, manifest: Manifest) -> "Drafts":
        """Plan for a resolved request."""
        one = replace(full, best_of=1)
        rough = _rough(one, manifest)
        return cls(most=full.best_of, rough=rough, final=None if rough == one else one)

    @property
    def runs(self) -> tuple[tuple[int, InpaintRequest], ...]:
        """Requests with the number of times that they are painted at most."""
        last = () if self.final is None else ((1, self.final),)
        return ((self.most, self.rough), *last)

    @property
    def steps(self) -> int:
        """Steps at most."""
        return sum(times * _steps_of(request) for times, request in self.runs)


def usual(manifest: Manifest, *, seeded: bool, count: int = 1) -> int:
    """Drafts that suit a model where nobody says how many: who asks for a seed, or for several pictures, chooses."""
    return manifest.defaults.best_of if manifest.ranks and not seeded and count == 1 else 1


def paint_best(
    paint: Paint, rank: Callable[[InpaintResult], float], drafts: Drafts, on_progress: OnProgress
) -> InpaintResult:
    """Draft, choose, and paint what was chosen; the result's request names the seed that was kept."""
    steps, best = _steps_of(drafts.rough), None
    seconds = Counter[str]()
    for number in range(drafts.most):
        part = _Part(number * steps, steps, drafts, on_progress, number + 1)
        drawn = paint(replace(drafts.rough, seed=(drafts.rough.seed + number) % (LARGEST_SEED + 1)), part)
        seconds.update(drawn.seconds)
        likeness = rank(drawn)
        if best is None or likeness > best[0]:
            best = likeness, drawn
        if likeness >= SURE:
            break
    if best is None:
        raise ValueError("the best of none")
    likeness, result = best
    note = _note(number + 1, result.request.seed, likeness)
    if drafts.final is not None:
        part = _Part(drafts.most * steps, _steps_of(drafts.final), drafts, on_progress, 0)
        result = paint(replace(drafts.final, seed=result.request.seed), part)
        seconds.update(result.seconds)
    on_progress(Progress(phase="done", region=len(result.regions), regions=len(result.regions)))
    return replace(result, seconds=dict(seconds), notes=(*result.notes, note) if number else result.notes)


def _note(count: int, seed: int, likeness: float) -> str:
    if likeness < FAINT:
        return (
            f"none of {count} drafts is like the prompt to the ranker, which may not know the words: kept seed {seed}"
        )
    return f"of {count} drafts, seed {seed} is most like the prompt ({100 * likeness:.0f} % sure)"


def _rough(one: InpaintRequest, manifest: Manifest) -> InpaintRequest:
    """The request in its fast form, if that costs less and shows what will come of the same seed."""
    if one.fast_form is not None or SAMPLERS[str(one.sampler)].stochastic:
        return one
    bare = replace(one, fast=True, steps=None, sampler=None, schedule=None, sigmas=None, exact_steps=False)
    fast = bare.filled(manifest.defaults, fitted(manifest))
    return fast if _steps_of(fast) < _steps_of(one) else one


def _steps_of(request: InpaintRequest) -> int:
    """Steps that are really made."""
    steps = given(request.steps)
    return steps if request.exact_steps else run_steps(steps, request.strength)


@dataclass(frozen=True)
class _Part:
    """Reports one of several runs as a part of the whole."""

    before: int
    steps: int
    drafts: Drafts
    report: OnProgress
    draft: int

    def __call__(self, progress: Progress) -> None:
        if progress.phase != "done":
            whole = self.drafts.steps
            self.report(
                replace(
                    progress,
                    begun=self.before / whole,
                    share=self.steps / whole,
                    draft=self.draft,
                    drafts=self.drafts.most if self.draft else 0,
                )
            )
