"""Train the judge's classifier: `python -m recipes.pocket.train_judge`.

It learns from the judge's own styles on the judge's own backgrounds, and its accuracy is measured on the generator's
styles on the generator's kinds of background: nothing that it is measured on, or will judge, was in its lessons.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import torch

from recipes.pocket import classifier
from recipes.pocket.backgrounds import draw_backgrounds
from recipes.pocket.collect import GENERATOR_STYLES
from recipes.pocket.concepts import nouns
from recipes.pocket.judge_backgrounds import JUDGE_KINDS
from recipes.pocket.real_scenes import for_the_eye, real_scenes
from recipes.pocket.sprites import Artwork, load_sprites, read_artwork

EYE = Path(__file__).parent / "data" / "judge.safetensors"
BACKGROUNDS = 400
REAL_SCENES = 1200


def main() -> None:
    """Train, measure, store."""
    parser = argparse.ArgumentParser(description="Train the judge's classifier.")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cache", type=Path, default=Path("build/pocket"), help="folder for rasterised artwork")
    parser.add_argument("--output", type=Path, default=EYE)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    words = judged_nouns(read_artwork("judge", with_shapes=False))
    artwork = load_sprites("judge", options.cache, with_shapes=False)
    backgrounds = draw_backgrounds(JUDGE_KINDS, BACKGROUNDS, size=classifier.SIDE_PX, seed=5, device="cpu")
    lessons = classifier.Lessons.of(artwork, words, backgrounds)
    net, losses = classifier.learn(lessons, classes=len(words), steps=options.steps, batch=options.batch, seed=0)
    classifier.save(net, list(words), options.output)
    print(f"{len(words)} nouns, loss {losses[0]:.2f} -> {sum(losses[-50:]) / len(losses[-50:]):.2f}")  # noqa: T201
    print(json.dumps(accuracy(classifier.load(options.output, list(words)), words, options.cache), indent=1))  # noqa: T201


def judged_nouns(artwork: Artwork) -> dict[str, tuple[str, ...]]:
    """The popular nouns that the judge has artwork of."""
    drawn = {slug for slug, _, _ in artwork.drawings}
    return {noun: slugs for noun, slugs in nouns(artwork.concepts).items() if drawn.intersection(slugs)}


def accuracy(net: Any, words: dict[str, tuple[str, ...]], cache: Path) -> dict[str, float]:
    """Shares of real scenes named right at once and among five, over all and by style."""
    wanted = [slug for slugs in words.values() for slug in slugs]
    artwork = load_sprites("generator", cache, with_shapes=True).only(styles=GENERATOR_STYLES, slugs=wanted)
    scenes = real_scenes(artwork, REAL_SCENES, seed=77)
    truth = torch.tensor([next(i for i, s in enumerate(words.values()) if slug in s) for slug in scenes.slugs])
    order = classifier.ranked(net, for_the_eye(scenes.pictures))
    first, five = order[:, 0] == truth, (order[:, :5] == truth[:, None]).any(dim=1)
    found = {"top1": first.float().mean().item(), "top5": five.float().mean().item()}
    for style in GENERATOR_STYLES:
        here = torch.tensor([s == style for s in scenes.styles])
        found[f"top1 {style}"] = first[here].float().mean().item()
    return {name: round(value, 4) for name, value in found.items()}


if __name__ == "__main__":
    main()
