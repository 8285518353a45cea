"""Backgrounds under an open sky."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from recipes.pocket.plane import Ground, Plane, mix

SKIES = {
    "blue sky": ("blue", "light blue"),
    "sunset sky": ("purple", "orange"),
    "pink sky": ("light blue", "pink"),
    "gray sky": ("gray", "white"),
    "night sky": ("black", "blue"),
}
"""Colours above and below."""
LANDS = {
    "green hills": "green",
    "sand dunes": "yellow",
    "snowy hills": "white",
    "brown mountains": "brown",
    "pine forest hills": "teal",
}
STARS = 40


@dataclass(frozen=True, eq=False)
class Sky:
    """A drawn sky, its name, and how bright things under it are, 0..1."""

    pixels: Tensor
    name: str
    light: float


def sky(plane: Plane) -> Sky:
    """Any sky; the blue one twice as often."""
    pick = plane.random
    name = pick.choice(["blue sky", *SKIES])
    top, low = SKIES[name]
    pixels = mix(plane.colour(top), plane.colour(low), (plane.y * 1.6).clamp(0, 1)[None])
    if name == "night sky":
        return Sky(with_stars(plane, pixels * 0.6), name, 0.45)
    if name in ("blue sky", "pink sky") and pick.random() < 0.6:
        cover = ((plane.noise(pick.choice([4, 5, 6])) - 0.12) * 5).clamp(0, 1) * (plane.y < 0.6)
        pixels = mix(pixels, torch.full_like(pixels, 0.97), cover * 0.9)
    if name in ("blue sky", "sunset sky") and pick.random() < 0.4:
        pixels = with_sun(plane, pixels)
    return Sky(pixels, name, 1.0)


def with_sun(plane: Plane, pixels: Tensor) -> Tensor:
    """A pale yellow disc somewhere high up."""
    pick = plane.random
    x, y, radius = pick.uniform(0.1, 0.9), pick.uniform(0.08, 0.4), pick.uniform(0.05, 0.09)
    disc = ((radius - torch.hypot(plane.x - x, plane.y - y)) * plane.size / 2).clamp(0, 1)[None]
    return mix(pixels, torch.tensor([1, 0.92, 0.5], device=plane.device)[:, None, None], disc)


def with_stars(plane: Plane, pixels: Tensor) -> Tensor:
    """White points of one or two pixels."""
    light = torch.zeros(1, plane.size, plane.size, device=plane.device)
    for _ in range(STARS):
        top, left = plane.random.randrange(plane.size - 2), plane.random.randrange(plane.size - 2)
        light[0, top : top + plane.random.choice([1, 2, 2]), left : left + 2] = plane.random.uniform(0.5, 1)
    return mix(pixels, torch.ones_like(pixels), light)


def starry(plane: Plane) -> Ground:
    """Nothing but stars."""
    low = plane.colour(plane.random.choice(["blue", "purple"])) * 0.45
    return with_stars(plane, mix(plane.colour("black"), low, plane.y[None])), "starry night sky"


def clouds(plane: Plane) -> Ground:
    """Large clouds."""
    pixels = mix(plane.colour("blue"), plane.colour("light blue"), plane.y[None])
    cover = ((plane.noise(plane.random.choice([3, 4, 5])) - 0.05) * 5).clamp(0, 1)
    return mix(pixels, torch.ones_like(pixels), cover * 0.92), "white clouds in a blue sky"


def land(plane: Plane) -> Ground:
    """One to three rows of hills or mountains."""
    pick, above = plane.random, sky(plane)
    pixels, name = above.pixels, pick.choice(["green hills", *LANDS])
    rows, height = pick.choice([1, 2, 2, 3]), pick.uniform(0.35, 0.7)
    for row in range(rows):
        waves, shift, rise = pick.uniform(0.6, 2.2), pick.uniform(0, 6.3), pick.uniform(0.02, 0.1)
        line = height + row * 0.13 + rise * torch.sin(waves * 2 * math.pi * plane.x + shift)
        if name == "brown mountains":
            line = height + row * 0.15 + rise * 2.2 * ((plane.x * waves * 1.7 + shift) % 1 - 0.5).abs()
        colour = plane.colour(LANDS[name]) * (0.75 + 0.25 * (row + 1) / rows) * above.light
        shade = 1 - 0.18 * (plane.y - height).clamp(0, 1)[None]
        pixels = mix(pixels, colour * shade, plane.below(line, 1.5))
    return pixels, f"{name} under a {above.name}"


def sea(plane: Plane) -> Ground:
    """Waves up to a horizon, half of the time with a beach in front."""
    pick, above = plane.random, sky(plane)
    horizon = pick.uniform(0.35, 0.6)
    swell = 4 * torch.sin(plane.x * 9 + pick.uniform(0, 6)) + 3 * plane.x
    waves = 0.06 * torch.sin(60 * (plane.y - horizon).clamp(0) ** 0.6 + swell)[None]
    water = mix(plane.colour("blue"), plane.colour("teal"), plane.y[None]) + waves
    pixels = mix(above.pixels, water * above.light, plane.below(horizon))
    if pick.random() < 0.5:
        return pixels, f"blue sea under a {above.name}"
    line = pick.uniform(0.68, 0.85) + 0.02 * torch.sin(plane.x * pick.uniform(5, 14) + pick.uniform(0, 6))
    pixels = mix(pixels, torch.ones_like(pixels) * above.light, plane.below(line - 0.02) * 0.8)
    pixels = mix(pixels, plane.colour("beige") * above.light, plane.below(line))
    return pixels, f"sandy beach by the sea under a {above.name}"
