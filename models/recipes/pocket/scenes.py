"""Endless training scenes, drawn where the training runs: scene chunk k is a function of the seed and k."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from recipes.pocket.backgrounds import Backgrounds
from recipes.pocket.captions import Kind, caption
from recipes.pocket.concepts import Concept
from recipes.pocket.masks import Blobs, MaskDrawer
from recipes.pocket.pasting import Spots, over, placed, premultiplied, shaded
from recipes.pocket.shapes import SUFFIX
from recipes.pocket.sprites import Sprites

KINDS: dict[Kind, int] = {"object": 46, "erase": 16, "full": 18, "outpaint": 10, "part": 10}
"""Of a hundred scenes."""
DISTRACTORS = 2
"""Most other things in a scene. Where all or an edge is painted there are none: nothing may appear unasked."""
OUTPAINTED_THINGS = 0.4
"""Share of the outpainted scenes that show a thing, and name it."""


@dataclass(frozen=True, eq=False, kw_only=True)
class SceneBatch:
    """B scenes."""

    pictures: Tensor
    """(B, 3, S, S) float32 -1..1."""
    masks: Tensor
    """(B, 1, S, S) float32, 1 = repaint."""
    captions: list[str]


@dataclass(frozen=True, kw_only=True)
class SceneOptions:
    """What scenes are like."""

    size: int = 256
    popular_share: float = 0.7
    """Share of the scenes that show one of the popular things."""
    shape_share: float = 0.1
    """Share of the coloured shapes among those: they are learned soonest."""
    plain_style: str = "flat"
    """The look of a thing whose style nobody names: one, because the mean of several is none of them. It has the
    largest even areas, and the fewest lines, which is what a small denoiser on 32x32 cells can draw."""
    plain_share: float = 0.8
    """Share of the things drawn in it, where it is among their drawings."""
    mirrored_share: float = 0.1
    """Share of the things that are drawn as in a mirror, where they are not a part of what is there already: what looks
    one way is one thing to learn, what looks both ways is two, and a weak denoiser paints both in one."""
    spin: float = 0.08
    """Greatest turn of a thing, radians."""


class Scenes:
    """Composes scenes from sprites and backgrounds on their device."""

    def __init__(
        self, sprites: Sprites, backgrounds: Backgrounds, popular: Iterable[str], options: SceneOptions, device: str
    ) -> None:
        """Group the sprites by concept, so that a thing with many drawings is not drawn more often."""
        self.options, self.device, self.backgrounds = options, device, backgrounds
        self.sprites = sprites
        self._rgba = sprites.rgba.to(device)
        by_slug: dict[str, list[int]] = {}
        for i, slug in enumerate(sprites.slugs):
            by_slug.setdefault(slug, []).append(i)
        self._by_slug, everyday = by_slug, set(_one_each(popular, sprites.concepts))
        self._all = sorted(by_slug)
        self._popular = [slug for slug in self._all if slug in everyday]
        self._shapes = [slug for slug in self._all if slug.endswith(SUFFIX)]
        self._plain = {
            slug: drawings
            for slug, every in by_slug.items()
            if (drawings := [i for i in every if sprites.styles[i] == options.plain_style])
        }
        self._masks = MaskDrawer(options.size, device)

    def batch(self, count: int, seed: int, chunk: int) -> SceneBatch:
        """Draw `count` scenes; the same seed and chunk give the same scenes."""
        draw = _Draw(count, seed * 1_000_003 + chunk, self.device)
        kinds = draw.choice.choices(list(KINDS), list(KINDS.values()), k=count)
        of = {kind: torch.tensor([k == kind for k in kinds], device=self.device) for kind in KINDS}
        shows = [k != "erase" and (k != "outpaint" or draw.choice.random() < OUTPAINTED_THINGS) for k in kinds]
        shown = torch.tensor(shows, device=self.device)
        targets = [self._pick(draw.choice) for _ in kinds]
        scale = draw.between(0.4, 0.85)  # large: the runtime crops to the mask
        spots = Spots(
            x=draw.between(-0.6, 0.6) * (1.1 - scale),
            y=draw.between(-0.5, 0.6) * (1.1 - scale) + 0.05,
            scale=scale,
            turn=draw.between(-self.options.spin, self.options.spin),
            flip=torch.where(of["part"], draw.signs(), draw.signs(1 - self.options.mirrored_share)),
        )
        pictures, grounds = self._grounds(draw)
        pictures = self._distract(pictures, spots, ~of["full"] & ~of["outpaint"], draw)
        depth = (draw.between(0, 1) < 0.4).float() * draw.between(0.1, 0.35)
        sprites = premultiplied(self._rgba[targets])
        with_thing = over(shaded(pictures, sprites, spots, depth), placed(sprites, spots, self.options.size))
        captions = [
            caption(
                kind,
                self._concept(target) if show else None,
                self.sprites.styles[target],
                self.backgrounds.captions[ground],
                draw.choice,
                plain=self._goes_unnamed(target),
            )
            for kind, target, show, ground in zip(kinds, targets, shows, grounds, strict=True)
        ]
        return SceneBatch(
            pictures=_where(shown, with_thing, pictures) * 2 - 1,
            masks=self._mask(spots, of, draw),
            captions=captions,
        )

    def _pick(self, draw: random.Random) -> int:
        options, among = self.options, self._all
        if self._popular and draw.random() < options.popular_share:
            among = self._shapes if self._shapes and draw.random() < options.shape_share else self._popular
        slug = draw.choice(among)
        plain = slug in self._plain and draw.random() < options.plain_share
        return draw.choice((self._plain if plain else self._by_slug)[slug])

    def _goes_unnamed(self, sprite: int) -> bool:
        """Whether a drawing shows its thing as it looks where no style is named."""
        return self.sprites.styles[sprite] == self.options.plain_style or self.sprites.slugs[sprite] not in self._plain

    def _concept(self, sprite: int) -> Concept:
        return self.sprites.concepts[self.sprites.slugs[sprite]]

    def _grounds(self, draw: "_Draw") -> tuple[Tensor, list[int]]:
        """Random cuts of random backgrounds, and which."""
        size, whole = self.options.size, self.backgrounds.pixels.shape[-1]
        which = [draw.choice.randrange(len(self.backgrounds.captions)) for _ in range(draw.count)]
        top, left = draw.choice.randrange(whole - size + 1), draw.choice.randrange(whole - size + 1)
        cut = self.backgrounds.pixels[which][:, :, top : top + size, left : left + size].float() / 255
        mirrored = _where(draw.between(0, 1) < 0.5, cut.flip(-1), cut)
        return (mirrored * draw.between(0.9, 1.1)[:, None, None, None]).clamp(0, 1), which

    def _distract(self, pictures: Tensor, spots: Spots, allowed: Tensor, draw: "_Draw") -> Tensor:
        """Other things around the spots of the targets."""
        for _ in range(DISTRACTORS):
            others = [self._pick(draw.choice) for _ in range(draw.count)]
            scale, angle = draw.between(0.15, 0.45), draw.between(0, 6.28)
            distance = spots.scale + scale + draw.between(0, 0.5)
            beside = Spots(
                x=spots.x + distance * torch.cos(angle),
                y=spots.y + distance * torch.sin(angle),
                scale=scale,
                turn=draw.between(-self.options.spin, self.options.spin),
                flip=draw.signs(),
            )
            layers = placed(premultiplied(self._rgba[others]), beside, self.options.size)
            pictures = _where(allowed & (draw.between(0, 1) < 0.45), over(pictures, layers), pictures)
        return pictures

    def _mask(self, spots: Spots, of: dict[Kind, Tensor], draw: "_Draw") -> Tensor:
        """Around the thing, over a part of it, along an edge, or everywhere."""
        scale = spots.scale
        grow = draw.between(1.0, 1.35)
        around = Blobs(
            x=spots.x + draw.between(-0.05, 0.05),
            y=spots.y + draw.between(-0.05, 0.05),
            width=scale * grow * draw.between(1, 1.15),
            height=scale * grow * draw.between(1, 1.15),
        )
        part = Blobs(
            x=spots.x + scale * draw.between(-0.7, 0.7),
            y=spots.y + scale * draw.between(-0.7, 0.7),
            width=scale * draw.between(0.4, 0.9),
            height=scale * draw.between(0.4, 0.9),
        )
        mask = _where(of["part"], self._masks.blobs(part, draw.tensors), self._masks.blobs(around, draw.tensors))
        mask = _where(of["outpaint"], self._masks.margins(draw.count, draw.tensors), mask)
        return _where(of["full"], torch.ones_like(mask), mask)


class _Draw:
    """All draws of one chunk: choices in Python, numbers on the device."""

    def __init__(self, count: int, seed: int, device: str) -> None:
        self.count, self.device = count, device
        self.choice = random.Random(seed)
        self.tensors = torch.Generator(device).manual_seed(seed)

    def between(self, low: float, high: float) -> Tensor:
        """(count,) uniform."""
        return torch.rand(self.count, device=self.device, generator=self.tensors) * (high - low) + low

    def signs(self, share: float = 0.5) -> Tensor:
        """(count,) 1 in that share, or -1."""
        return (self.between(0, 1) < share).float() * 2 - 1


def _one_each(slugs: Iterable[str], concepts: Mapping[str, Concept]) -> Iterable[str]:
    """The first of the slugs that go by one noun: `dog` learns to mean the face, not a blend of face and animal."""
    first: dict[str, str] = {}
    for slug in slugs:
        if slug in concepts:
            first.setdefault(concepts[slug].noun, slug)
    return first.values()


def _where(condition: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    """Choose whole pictures; `condition` is (B,)."""
    return torch.where(condition[:, None, None, None], yes, no)
