"""Backgrounds without a sky: plain colours, patterns, walls, tables."""

import math

import torch

from recipes.pocket.plane import COLOUR_NAMES, Ground, Plane, mix


def plain(plane: Plane) -> Ground:
    """One colour."""
    name = plane.random.choice(COLOUR_NAMES)
    return plane.flat(plane.colour(name)), f"plain {name} background"


def gradient(plane: Plane) -> Ground:
    """From one colour to another, in any direction."""
    first, second = plane.two_names()
    angle = plane.random.uniform(0, 2 * math.pi)
    along = ((plane.x - 0.5) * math.cos(angle) + (plane.y - 0.5) * math.sin(angle)) + 0.5
    pixels = mix(plane.colour(first), plane.colour(second), along.clamp(0, 1)[None])
    return pixels, f"{first} and {second} gradient background"


def table(plane: Plane) -> Ground:
    """A table top in front of a wall."""
    pick = plane.random
    name, edge = pick.choice(COLOUR_NAMES), pick.uniform(0.5, 0.78)
    wall = plane.colour(name) * (1 - 0.15 * plane.y[None])
    if pick.random() < 0.4:
        wall = wall * (1 - 0.08 * ((plane.x * pick.choice([6, 8, 10])) % 1 < 0.5).float()[None])
    wood = mix(plane.colour("brown"), plane.colour("orange"), pick.uniform(0.1, 0.5))
    boards = (plane.y - edge) * pick.choice([3, 4, 5]) / (1 - edge)
    gaps = (boards % 1 < 0.06).float()[None]
    top, what = wood * (1 + 0.1 * plane.noise(3, 2) - 0.18 * gaps), "wooden table"
    if pick.random() < 0.3:
        top, what = plane.flat(plane.colour(pick.choice(["white", "gray", "beige"]))) * (1 - 0.06 * gaps), "table"
    return mix(wall, top, plane.below(edge)), f"{what} in front of a {name} wall"


def stripes(plane: Plane) -> Ground:
    """Two colours, four to ten pairs, upright, level or slanted."""
    first, second = plane.two_names()
    angle = plane.random.choice([0, math.pi / 2, math.pi / 4, -math.pi / 4])
    along = plane.x * math.cos(angle) + plane.y * math.sin(angle)
    wave = torch.sin(2 * math.pi * plane.random.choice([4, 6, 8, 10]) * along)
    share = (wave * 8).clamp(-1, 1) * 0.5 + 0.5
    return mix(plane.colour(first), plane.colour(second), share[None]), f"{first} and {second} stripes"


def dots(plane: Plane) -> Ground:
    """Polka dots."""
    first, second = plane.two_names()
    count = plane.random.choice([4, 5, 6, 8])
    y = plane.y * count
    x = plane.x * count + 0.5 * (y.floor() % 2)
    distance = torch.hypot(x % 1 - 0.5, y % 1 - 0.5)
    share = ((plane.random.uniform(0.18, 0.32) - distance) * plane.size / count).clamp(0, 1)
    pixels = mix(plane.colour(second), plane.colour(first), share[None])
    return pixels, f"{first} polka dots on a {second} background"


def checks(plane: Plane) -> Ground:
    """A checkerboard."""
    first, second = plane.two_names()
    count = plane.random.choice([4, 5, 6, 8])
    share = ((plane.x * count).floor() + (plane.y * count).floor()) % 2
    return mix(plane.colour(first), plane.colour(second), share[None]), f"{first} and {second} checkerboard"


def bricks(plane: Plane) -> Ground:
    """A wall of bricks, each in a tone of its own."""
    count = plane.random.choice([6, 8, 10])
    y = plane.y * count
    x = plane.x * count * 0.5 + 0.5 * (y.floor() % 2)
    name = plane.random.choice(["red", "brown", "gray", "white"])
    mortar = ((y % 1 < 0.1) | (x % 1 < 0.05)).float()[None]
    tone = torch.sin(y.floor() * 12.9898 + x.floor() * 78.233)[None] * 0.05
    brick = plane.colour(name) * (1 + tone) * (0.85 if name == "white" else 1.0)
    return mix(brick, plane.colour("beige") * 0.9, mortar), f"{name} brick wall"


def grass(plane: Plane) -> Ground:
    """A lawn from above."""
    return plane.colour("green") * (1 + plane.noise(24, 3) * 0.35 + plane.noise(3, 1) * 0.2), "green grass"
