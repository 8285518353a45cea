"""Train the ranker: `python -m recipes.pocket.train_ranker OUTPUT`.

It learns from the generator's artwork on the generator's kinds of background, and what the runtime shows it: the part
of a picture that was repainted, whatever its size.
"""

import argparse
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from recipes.pocket import classifier, ranker
from recipes.pocket.backgrounds import GENERATOR_KINDS, Backgrounds, draw_backgrounds
from recipes.pocket.captions import EMPTY_PROMPT, name_of
from recipes.pocket.collect import GENERATOR_STYLES
from recipes.pocket.concepts import Concept, popular, with_article
from recipes.pocket.latent_bank import Encode
from recipes.pocket.sprites import Sprites, load_sprites
from recipes.pocket.start import load_tokenizer
from recipes.pocket.text_ids import encoder_of

BACKGROUNDS = 1200
WORDINGS = 48
"""Captions of each class."""
MEASURED = 2000
"""Pictures that the accuracy is measured on; drawn anew, on other backgrounds."""


@dataclass(frozen=True, kw_only=True)
class World:
    """What there is to tell apart: a class is a noun with all things that go by it; the last is nothing at all."""

    nouns: tuple[str, ...]
    concepts: tuple[tuple[Concept, ...], ...]
    """Of each noun."""
    lessons: classifier.Lessons

    @classmethod
    def of(cls, sprites: Sprites, grounds: Backgrounds) -> "World":
        """All things of which there are drawings."""
        slugs: dict[str, tuple[str, ...]] = {}
        for slug in dict.fromkeys(sprites.slugs):
            noun = sprites.concepts[slug].noun
            slugs[noun] = (*slugs.get(noun, ()), slug)
        known, everyday = classifier.Lessons.of(sprites, slugs, grounds), set(popular())
        empty = torch.zeros_like(known.sprites[:1])
        lessons = replace(
            known,
            sprites=torch.cat([known.sprites, empty]),
            by_class=(*known.by_class, (len(known.sprites),)),
            often=tuple(i for i, found in enumerate(slugs.values()) if everyday.intersection(found)),
            turn=0.15,
            stain=0.5,
        )
        things = tuple(tuple(sprites.concepts[slug] for slug in found) for found in slugs.values())
        return cls(nouns=(*slugs, EMPTY_PROMPT), concepts=(*things, ()), lessons=lessons)


def main() -> None:
    """Train, measure, store."""
    parser = argparse.ArgumentParser(description="Train the ranker of the pocket model.")
    parser.add_argument("output", type=Path, help="safetensors file")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--short", action="store_true", help="bfloat16 on a processor that has it (avx512_bf16, amx)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cache", type=Path, default=Path("build/pocket"), help="folder for rasterised artwork")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    encode = encoder_of(load_tokenizer())
    world = World.of(artwork(options.cache), grounds(BACKGROUNDS, options.seed + 11))
    torch.manual_seed(options.seed)
    net = ranker.Ranker(len(world.nouns))
    texts = wordings(world, encode, options.seed)
    losses = ranker.learn(
        net,
        world.lessons,
        texts,
        steps=options.steps,
        batch=options.batch,
        seed=options.seed,
        short=options.short,
    )
    net.eval()
    with torch.no_grad():
        net.rivals.copy_(net.said(encode([prompt_of(noun) for noun in world.nouns])))
    save_file({name: value.contiguous() for name, value in net.state_dict().items()}, options.output)
    fresh = World.of(artwork(options.cache), grounds(BACKGROUNDS // 4, options.seed + 12))
    share, sure, unsure = accuracy(net, fresh, encode)
    print(  # noqa: T201
        f"{len(world.nouns)} nouns, loss {losses[0]:.2f} -> {sum(losses[-50:]) / len(losses[-50:]):.2f}; of fresh "
        f"scenes {100 * share:.1f} % named right; likeness {sure:.2f} to their own nouns, {unsure:.3f} to others"
    )


def artwork(cache: Path) -> Sprites:
    """What the generator learned from."""
    sprites = load_sprites("generator", cache, with_shapes=True)
    return sprites.only(styles=GENERATOR_STYLES, slugs=sprites.concepts)


def grounds(count: int, seed: int) -> Backgrounds:
    """Small backgrounds."""
    return draw_backgrounds(GENERATOR_KINDS, count, size=classifier.SIDE_PX, seed=seed, device="cpu")


def prompt_of(noun: str) -> str:
    """What a user types."""
    return noun if noun.endswith("s") or noun == EMPTY_PROMPT else with_article(noun)


def wordings(world: World, encode: Encode, seed: int) -> Tensor:
    """Captions of each class, (classes, K, T)."""
    draw = random.Random(seed)
    texts = [wording(found, world.lessons.captions, draw) for found in world.concepts for _ in range(WORDINGS)]
    return encode(texts).view(len(world.concepts), WORDINGS, -1)


def wording(found: tuple[Concept, ...], grounds: Sequence[str], draw: random.Random) -> str:
    """A name of one of the things, now and then with a style or a background behind it; or of nothing at all."""
    if not found:
        return draw.choice((EMPTY_PROMPT, "nothing", "empty background", draw.choice(grounds)))
    words = name_of(draw.choice(found), draw)
    if draw.random() < 0.25:
        words += f", {draw.choice(GENERATOR_STYLES)} style"
    if draw.random() < 0.25:
        words += draw.choice((", ", " on ")) + draw.choice(grounds)
    return words


def accuracy(net: ranker.Ranker, world: World, encode: Encode) -> tuple[float, float, float]:
    """Share of fresh scenes whose own noun is likest; mean likeness to it, and to another one."""
    draw, generator = classifier.draws(99)
    pictures, labels = world.lessons.batch(MEASURED, draw, generator)
    ids = encode([prompt_of(noun) for noun in world.nouns])
    with torch.no_grad():
        likest = (net.seen(pictures) @ net.said(ids).T).argmax(dim=1)
        own, other = net(pictures, ids[labels]), net(pictures, ids[(labels + 1) % len(ids)])
    return float((likest == labels).float().mean()), float(own.mean()), float(other.mean())


if __name__ == "__main__":
    main()
