"""What training scenes show: one thing for a noun, and each thing one way."""

import random

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytestmark = pytest.mark.torch

from recipes.pocket.backgrounds import GENERATOR_KINDS, draw_backgrounds  # noqa: E402
from recipes.pocket.concepts import Concept  # noqa: E402
from recipes.pocket.pasting import Spots  # noqa: E402
from recipes.pocket.scenes import KINDS, SceneOptions, Scenes  # noqa: E402
from recipes.pocket.sprites import Sprites  # noqa: E402

SIZE = 64


def scenes(options: SceneOptions) -> Scenes:
    """An animal, its face, which goes by the same noun, and a tree; all in one look."""
    rgba = torch.full((3, 4, 160, 160), 255, dtype=torch.uint8)
    sprites = Sprites(
        rgba=rgba,
        slugs=("dog", "dog-face", "tree"),
        styles=("flat",) * 3,
        concepts={
            "dog": Concept(("dog",), ()),
            "dog-face": Concept(("dog face", "dog"), ()),
            "tree": Concept(("deciduous tree", "tree"), ()),
        },
    )
    grounds = draw_backgrounds(GENERATOR_KINDS, 3, size=SIZE + 16, seed=0, device="cpu")
    return Scenes(sprites, grounds, ["dog-face", "dog", "tree"], options, "cpu")


def test_a_noun_means_the_first_thing_that_goes_by_it() -> None:
    everyday = scenes(SceneOptions(size=SIZE, popular_share=1.0, shape_share=0.0))
    drawn = {everyday._pick(random.Random(seed)) for seed in range(60)}
    assert drawn == {1, 2}, "of the animal and its face, which share a name, the face alone"
    seldom = scenes(SceneOptions(size=SIZE, popular_share=0.0))
    assert {seldom._pick(random.Random(seed)) for seed in range(60)} == {0, 1, 2}


@pytest.mark.parametrize("share", [0.0, 0.1, 1.0])
def test_things_look_one_way_unless_they_complete_what_is_there(share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that is painted must fit the rest, which looks either way; so do the things beside it."""
    spots: list[Spots] = []
    real = Spots.__init__

    def kept(self: Spots, **fields: object) -> None:
        real(self, **fields)  # type: ignore[arg-type]
        spots.append(self)

    monkeypatch.setattr(Spots, "__init__", kept)
    count, chunks = 200, 3
    made = scenes(SceneOptions(size=SIZE, mirrored_share=share))
    mirrored = []
    for chunk in range(chunks):
        spots.clear()
        made.batch(count, 0, chunk)
        mirrored.append(float((spots[0].flip < 0).float().mean()))
    part = KINDS["part"] / sum(KINDS.values())
    expected = part / 2 + (1 - part) * share
    error = np.sqrt(expected * (1 - expected) / (count * chunks)) + np.sqrt(part * (1 - part) / (count * chunks))
    assert np.mean(mirrored) == pytest.approx(expected, abs=4 * error)
