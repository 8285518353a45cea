"""The judge's eye: a small network that names the thing in a 64 x 64 picture."""

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from recipes.pocket.backgrounds import Backgrounds
from recipes.pocket.pasting import Spots, over, placed, premultiplied
from recipes.pocket.sprites import Sprites

SIDE_PX = 64
WIDTHS = (32, 64, 112, 208)
"""Channels after each halving of the side."""


def network(classes: int, widths: tuple[int, ...] = WIDTHS) -> Any:
    """(B, 3, 64, 64) 0..1 -> (B, classes) logits."""
    layers: list[nn.Module] = []
    before = 3
    for depth, width in enumerate(widths):
        kernel = 5 if depth == 0 else 3
        layers += _block(before, width, kernel, stride=2)
        if depth >= 2:
            layers += _block(width, width, 3, stride=1)
        before = width
    pooled = [nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Dropout(0.2), nn.Linear(before * 4, classes)]
    return nn.Sequential(*layers, *pooled)


def _block(before: int, width: int, kernel: int, stride: int) -> list[nn.Module]:
    convolution = nn.Conv2d(before, width, kernel, stride, kernel // 2, bias=False)
    return [convolution, nn.BatchNorm2d(width), nn.ReLU(inplace=True)]


@dataclass(frozen=True, eq=False)
class Lessons:
    """Composed scenes to learn from: a sprite, at a random place, on a background."""

    sprites: Tensor
    """(N, 4, 64, 64) float32 with the opacity multiplied in."""
    by_class: tuple[tuple[int, ...], ...]
    """Indices of the sprites of each class."""
    backgrounds: Tensor
    """(M, 3, 64, 64) float32 0..1."""
    captions: tuple[str, ...] = ()
    """Of the backgrounds."""
    often: tuple[int, ...] = ()
    """Classes that half of the pictures show, where there are such."""
    turn: float = 0.35
    """Greatest turn of a thing, radians."""
    stain: float = 1.0
    """How much colours may be off, and noise be there."""

    @classmethod
    def of(cls, sprites: Sprites, nouns: dict[str, tuple[str, ...]], backgrounds: Backgrounds) -> "Lessons":
        """Scenes of these sprites; a class is a noun with all the slugs that it may mean."""
        small = F.interpolate(premultiplied(sprites.rgba), size=(SIDE_PX, SIDE_PX), mode="area")
        grounds = F.interpolate(backgrounds.pixels.float() / 255, size=(SIDE_PX, SIDE_PX), mode="area")
        classes = tuple(tuple(i for i, s in enumerate(sprites.slugs) if s in slugs) for slugs in nouns.values())
        return cls(small, classes, grounds, backgrounds.captions)

    def batch(self, size: int, draw: random.Random, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Pictures (B, 3, 64, 64) and their classes (B,)."""

        def between(low: float, high: float, *shape: int) -> Tensor:
            return torch.rand(size, *shape, generator=generator) * (high - low) + low

        known = [i for i, found in enumerate(self.by_class) if found]
        labels = [draw.choice(self.often if self.often and draw.random() < 0.5 else known) for _ in range(size)]
        chosen = [draw.choice(self.by_class[label]) for label in labels]
        scale = between(0.5, 0.92)
        spots = Spots(
            x=between(-1, 1) * (1.08 - scale),
            y=between(-1, 1) * (1.08 - scale),
            scale=scale,
            turn=between(-self.turn, self.turn),
            flip=(between(0, 1) < 0.5).float() * 2 - 1,
        )
        grounds = self.backgrounds[torch.randint(len(self.backgrounds), (size,), generator=generator)]
        pictures = over(grounds, placed(self.sprites[chosen], spots, SIDE_PX))
        light, hue = 0.3 * self.stain, 0.12 * self.stain
        tinted = (pictures - 0.5) * between(1 - light, 1 + light, 1, 1, 1) + 0.5 + between(-hue, hue, 3, 1, 1)
        soft = F.avg_pool2d(F.pad(tinted, (1, 1, 1, 1), mode="replicate"), 3, 1)
        blurred = torch.lerp(tinted, soft, between(0, 1, 1, 1, 1))
        noisy = blurred + torch.randn(blurred.shape, generator=generator) * between(0, 0.05 * self.stain, 1, 1, 1)
        return noisy.clamp(0, 1), torch.tensor(labels)


def learn(
    lessons: Lessons, *, classes: int, steps: int, batch: int, seed: int, rate: float = 2e-3
) -> tuple[Any, list[float]]:
    """Train from scratch with one cosine; returns the network, ready to judge, and the loss of every step."""
    torch.manual_seed(seed)
    draw, generator = draws(seed)
    net = network(classes)
    optimiser = torch.optim.AdamW(net.parameters(), rate, weight_decay=0.05)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=min(0.1, 100 / steps))
    losses = []
    for _ in range(steps):
        pictures, labels = lessons.batch(batch, draw, generator)
        loss = F.cross_entropy(net(pictures - 0.5), labels, label_smoothing=0.1)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        plan.step()
        losses.append(loss.item())
    return net.eval(), losses


def draws(seed: int) -> tuple[random.Random, torch.Generator]:
    """Sources of the draws of a training, for choices and for numbers."""
    return random.Random(seed), torch.Generator().manual_seed(seed)


def ranked(net: Any, pictures: Tensor) -> Tensor:
    """Classes of (B, 3, 64, 64) pictures, the likeliest first, (B, classes)."""
    with torch.no_grad():
        order: Tensor = net(pictures - 0.5).argsort(dim=1, descending=True)
    return order


def save(net: Any, nouns: list[str], path: Path) -> None:
    """Write the weights, float16, with the names of the classes."""
    weights = {name: value.half() if value.is_floating_point() else value for name, value in net.state_dict().items()}
    save_file(weights, path, metadata={"nouns": "\n".join(nouns)})


def load(path: Path, nouns: list[str]) -> Any:
    """Read a network for these classes; ValueError if it was trained for others."""
    with safe_open(path, "pt") as file:
        if (file.metadata() or {}).get("nouns", "").split("\n") != nouns:
            raise ValueError(f"{path} was trained for other nouns; train the judge again")
    net = network(len(nouns))
    net.load_state_dict(
        {name: value.float() if value.is_floating_point() else value for name, value in load_file(path).items()}
    )
    return net.eval()
