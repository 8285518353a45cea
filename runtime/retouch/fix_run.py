"""Work through a fix list: each region is repainted on the accepted result of the one before.

Every candidate is a file in the work folder, named by all that went into it: the picture it starts from, mask,
options, seed and model. So an interrupted run goes on where it stopped, a region that is taken or retried in another
way makes exactly those after it anew, and what was made before is never made twice. `state.json` keeps the choices.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from retouch.arrays import Mask
from retouch.edit import Edit, repaint
from retouch.errors import PictureError, UsageError
from retouch.fix_choices import Choice, read_choices, write_choices
from retouch.fix_list import FixList, FixRegion
from retouch.image_io import load_picture, save_picture
from retouch.mask_text import mask_of_text
from retouch.picture import Picture
from retouch.pipeline import Inpainter
from retouch.progress import OnProgress, ignore
from retouch.prompt.grammar import parse
from retouch.proof import Proof
from retouch.recipe import Recipe, recipe_from_data
from retouch.recipe_mask import mask_hash, picture_fact, pixels_hash
from retouch.recipes import recipe_of
from retouch.request import InpaintRequest

Texts = Callable[[Edit, Picture, Mask, str | None], dict[str, str]]
"""The texts stored with a candidate: the edit, the picture it was made from, the mask and its expression."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One result of a region."""

    region: FixRegion
    number: int
    seed: int
    path: Path
    """The whole picture with this region repainted."""
    reused: bool
    """Whether an earlier run made it."""
    taken: bool
    proof: Proof | None
    """None where an earlier run made it; its recipe holds it."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Fixed:
    """A picture with all regions of a list mended."""

    picture: Picture
    steps: tuple[Recipe, ...]
    """How each region that is in the picture was made."""


OnCandidate = Callable[[Candidate], None]


def ignore_candidate(candidate: Candidate) -> None:
    """Take no notice."""


@dataclass(eq=False, kw_only=True)
class FixRun:
    """A fix list at work on one picture, with its choices in `folder`."""

    engine: Inpainter
    picture: Picture
    fixes: FixList
    folder: Path
    texts: Texts
    choices: dict[int, Choice] = field(init=False)

    def __post_init__(self) -> None:
        """Draw the masks and check all options, so that nothing wrong is found half-way; read the choices."""
        self._masks = {region.number: self._mask(region) for region in self.fixes.regions}
        self.choices = read_choices(self.folder, self.fixes)

    def take(self, number: int, candidate: int) -> None:
        """Go on from another candidate of a region; a skipped one is worked on again."""
        count = self.fixes[number].count
        if not 1 <= candidate <= count:
            raise UsageError(f"region {number} has candidates 1 to {count}, not {candidate}; raise its count")
        self.choices[number] = replace(self.choices[number], take=candidate, skip=False)

    def retry(self, number: int) -> None:
        """Make new candidates of a region, with new seeds."""
        region, choice = self.fixes[number], self.choices[self.fixes[number].number]
        self.choices[number] = replace(choice, attempt=choice.attempt + 1, take=region.take, skip=False)

    def skip(self, number: int) -> None:
        """Leave a region as it is."""
        self.fixes[number]
        self.choices[number] = replace(self.choices[number], skip=True)

    def run(self, on_progress: OnProgress = ignore, on_candidate: OnCandidate = ignore_candidate) -> Fixed:
        """Mend all regions in their order; whatever stops this, the next call goes on from there."""
        write_choices(self.folder, self.choices)
        base, steps = self.picture, list[Recipe]()
        for region in self.fixes.regions:
            choice = self.choices[region.number]
            if choice.skip:
                continue
            with _named(region):
                base, recipe = self._mend(region, choice, base, on_progress, on_candidate)
            if recipe is not None:
                steps.append(recipe)
        return Fixed(picture=replace(base, path=self.picture.path), steps=tuple(steps))

    def _mend(
        self, region: FixRegion, choice: Choice, base: Picture, on_progress: OnProgress, tell: OnCandidate
    ) -> tuple[Picture, Recipe | None]:
        """All candidates of a region; returns the picture of the one that is taken, and how it was made."""
        drafts = region.request.best_of
        first = choice.seed + choice.attempt * region.count * drafts
        digest = _digest_of(base)
        taken = None
        for number in range(1, region.count + 1):
            request = replace(region.request, seed=(first + (number - 1) * drafts) % 2**64)
            path, proof, seed = self._candidate(region, request, number, base, digest, on_progress)
            mine = number == choice.take
            taken = path if mine else taken
            tell(
                Candidate(
                    region=region,
                    number=number,
                    seed=seed,
                    path=path,
                    reused=proof is None,
                    taken=mine,
                    proof=proof,
                )
            )
        if taken is None:  # the list has fewer candidates than when it was chosen
            raise UsageError(f"candidate {choice.take} was taken and there are {region.count}; choose with --take")
        picture = load_picture(taken, max_megapixels=float("inf"))
        return picture, recipe_of(picture)

    def _candidate(
        self,
        region: FixRegion,
        request: InpaintRequest,
        number: int,
        base: Picture,
        base_digest: str,
        on_progress: OnProgress,
    ) -> tuple[Path, Proof | None, int]:
        """The file of one candidate, made unless it is there; the proof if it was made, and the seed that made it."""
        mask, expression = self._masks[region.number]
        inputs = json.dumps([base_digest, self.engine.bundle.digest, mask_hash(mask), request.to_data()])
        name = hashlib.sha256(inputs.encode()).hexdigest()[:12]
        path = self.folder / f"region-{region.number}-{number}-{name}.png"
        if path.is_file():
            return path, None, _kept_seed(path, request)
        edit = repaint(self.engine, base, mask, request, on_progress)
        texts = self.texts(edit, base, mask, expression)
        done = edit.picture
        save_picture(path, done.pixels, like=done, alpha=done.alpha, text=texts, force=True)
        return path, edit.result.proof, edit.result.request.seed

    def _mask(self, region: FixRegion) -> tuple[Mask, str | None]:
        """Draw on the picture as it came, so that a choice never moves a later mask."""
        with _named(region):
            region.request.resolved(self.engine.manifest)
            parse(region.request.prompt, region.request.prompt_syntax)
            parse(region.request.negative_prompt, region.request.prompt_syntax, "negative prompt")
            return mask_of_text(
                region.mask,
                self.picture,
                folder=self.fixes.folder,
                fit=region.fit_mask,
                invert=region.invert_mask,
            )


def _kept_seed(path: Path, request: InpaintRequest) -> int:
    """The seed that a candidate was made with; of several drafts its recipe names the one that was kept."""
    recipe = None if request.best_of == 1 else recipe_of(load_picture(path, max_megapixels=float("inf")))
    return request.seed if recipe is None else recipe.request.seed


def fixed_recipe(fixed: Fixed, picture: Picture) -> Recipe:
    """The recipe of the mended picture: those of its steps, at least one, and the facts of the whole."""
    last = fixed.steps[-1]
    return Recipe(
        request=last.request,
        command="fix",
        model=last.model,
        picture=picture_fact(picture),
        steps=tuple(step.to_data() for step in fixed.steps),
        version=last.version,
        provider=last.provider,
    )


def steps_of(recipe: Recipe) -> tuple[Recipe, ...]:
    """The recipes of the steps of a mended picture."""
    return tuple(recipe_from_data(step) for step in recipe.steps or ())


def _digest_of(picture: Picture) -> str:
    """What tells pictures apart that a region starts from."""
    alpha = b"" if picture.alpha is None else picture.alpha.tobytes()
    return pixels_hash(picture.pixels) + hashlib.sha256(alpha + (picture.profile or b"")).hexdigest()


@contextmanager
def _named(region: FixRegion) -> Iterator[None]:
    """Say in which region something is wrong."""
    try:
        yield
    except UsageError as error:
        raise UsageError(f"line {region.line}, {region.title}: {error}") from None
    except PictureError as error:
        raise PictureError(f"line {region.line}, {region.title}: {error}") from None
