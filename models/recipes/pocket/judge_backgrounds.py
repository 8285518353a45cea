"""Backgrounds for the judge alone: the generator never sees their kinds."""

import math

import torch

from recipes.pocket.backgrounds import Draw
from recipes.pocket.plane import Ground, Plane, mix


def blotches(plane: Plane) -> Ground:
    """Two colours in smooth patches."""
    first, second = plane.two_names()
    share = (plane.noise(plane.random.choice([2, 3, 5])) * plane.random.uniform(1, 8) + 0.5).clamp(0, 1)
    return mix(plane.colour(first), plane.colour(second), share), "blotches"


def rings(plane: Plane) -> Ground:
    """Circles around a point."""
    first, second = plane.two_names()
    x, y = plane.random.uniform(-0.2, 1.2), plane.random.uniform(-0.2, 1.2)
    wave = torch.sin(torch.hypot(plane.x - x, plane.y - y) * plane.random.uniform(15, 60))
    return mix(plane.colour(first), plane.colour(second), (wave * 3 + 0.5).clamp(0, 1)[None]), "rings"


def glow(plane: Plane) -> Ground:
    """One colour fading to another from a point."""
    first, second = plane.two_names()
    x, y = plane.random.uniform(0, 1), plane.random.uniform(0, 1)
    share = (torch.hypot(plane.x - x, plane.y - y) * plane.random.uniform(0.8, 2)).clamp(0, 1)
    return mix(plane.colour(first), plane.colour(second), share[None]), "glow"


def zigzag(plane: Plane) -> Ground:
    """Zigzag bands."""
    first, second = plane.two_names()
    count, teeth = plane.random.choice([3, 5, 7]), plane.random.choice([3, 4, 6])
    bend = ((plane.x * teeth) % 1 - 0.5).abs()
    share = (((plane.y + bend * 0.3) * count) % 1 < 0.5).float()
    return mix(plane.colour(first), plane.colour(second), share[None]), "zigzag"


def plaid(plane: Plane) -> Ground:
    """Crossing translucent bands."""
    first, second = plane.two_names()
    across, down = (
        0.5 + 0.5 * torch.sin(2 * math.pi * plane.random.randint(2, 7) * axis) for axis in (plane.x, plane.y)
    )
    share = ((across > 0.5).float() + (down > 0.5).float()) / 2
    return mix(plane.colour(first), plane.colour(second), share[None]), "plaid"


def mosaic(plane: Plane) -> Ground:
    """Irregular tiles in shades of one colour."""
    base = plane.colour(plane.two_names()[0])
    count = plane.random.randint(6, 30)
    points = [(plane.random.random(), plane.random.random()) for _ in range(count)]
    nearest = torch.stack([torch.hypot(plane.x - x, plane.y - y) for x, y in points]).argmin(dim=0)
    tones = torch.tensor([plane.random.uniform(0.6, 1.25) for _ in range(count)], device=plane.device)
    return base * tones[nearest][None], "mosaic"


def two_halves(plane: Plane) -> Ground:
    """Two colours that meet at a slanted line."""
    first, second = plane.two_names()
    slope, middle = plane.random.uniform(-0.6, 0.6), plane.random.uniform(0.3, 0.8)
    line = middle + slope * (plane.x - 0.5)
    return mix(plane.colour(first), plane.colour(second), plane.below(line)), "two halves"


JUDGE_KINDS: tuple[Draw, ...] = (blotches, rings, glow, glow, zigzag, plaid, mosaic, two_halves)
