"""Sprites: the artwork as small pictures with opacity, rasterised once and kept in a cache file."""

import hashlib
import json
import lzma
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, from_numpy

from recipes.pocket.concepts import Concept
from recipes.pocket.raster import rasterise
from recipes.pocket.shapes import shapes

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, eq=False, kw_only=True)
class Sprites:
    """N drawings of concepts; entry i of all three is the same drawing."""

    rgba: Tensor
    """(N, 4, 160, 160) uint8, opacity not multiplied in."""
    slugs: tuple[str, ...]
    """Which concept."""
    styles: tuple[str, ...]
    concepts: dict[str, Concept]
    """Words by slug."""

    def __len__(self) -> int:
        """N."""
        return len(self.slugs)

    def only(self, *, styles: Iterable[str], slugs: Iterable[str]) -> "Sprites":
        """The drawings in these styles of these concepts, in the same order."""
        wanted_styles, wanted_slugs = set(styles), set(slugs)
        kept = [
            i
            for i, (slug, style) in enumerate(zip(self.slugs, self.styles, strict=True))
            if slug in wanted_slugs and style in wanted_styles
        ]
        return Sprites(
            rgba=self.rgba[kept],
            slugs=tuple(self.slugs[i] for i in kept),
            styles=tuple(self.styles[i] for i in kept),
            concepts={slug: concept for slug, concept in self.concepts.items() if slug in wanted_slugs},
        )


@dataclass(frozen=True, eq=False)
class Artwork:
    """The drawings of one data file before they are pictures."""

    concepts: dict[str, Concept]
    drawings: tuple[tuple[str, str, str], ...]
    """Slug, style, SVG."""


def read_artwork(name: str, *, with_shapes: bool) -> Artwork:
    """Read data/NAME.json.xz, and add the coloured shapes if they are wanted."""
    stored = json.loads(lzma.decompress((DATA / f"{name}.json.xz").read_bytes()))
    concepts = {slug: Concept(tuple(names), tuple(words)) for slug, (names, words) in stored["concepts"].items()}
    drawings = [
        (slug, style, svg) for style, by_slug in sorted(stored["artwork"].items()) for slug, svg in by_slug.items()
    ]
    for slug, style, words, svg in shapes() if with_shapes else ():
        concepts[slug] = words
        drawings.append((slug, style, svg))
    return Artwork(concepts, tuple(drawings))


def load_sprites(name: str, cache: Path, *, with_shapes: bool, workers: int = 2) -> Sprites:
    """Rasterise data/NAME.json.xz, or take the pictures from `cache`; needs resvg_py unless they are there.

    Drawings that come out empty are left out.
    """
    artwork = read_artwork(name, with_shapes=with_shapes)
    path = cache / f"{name}-{hashlib.sha256(repr(artwork.drawings).encode()).hexdigest()[:12]}.npz"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        _store(path, rasterised([svg for _, _, svg in artwork.drawings], workers))
    with np.load(path) as file:
        index, rgba = file["index"], file["rgba"]
    return Sprites(
        rgba=from_numpy(rgba),
        slugs=tuple(artwork.drawings[i][0] for i in index),
        styles=tuple(artwork.drawings[i][1] for i in index),
        concepts=artwork.concepts,
    )


def rasterised(svgs: list[str], workers: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Which of the drawings show something, (M,), and those as (M, 4, 160, 160)."""
    with ProcessPoolExecutor(workers) as pool:
        pictures = list(pool.map(rasterise, svgs, chunksize=16))
    found = [(i, picture) for i, picture in enumerate(pictures) if picture is not None]
    return np.array([i for i, _ in found]), np.stack([picture for _, picture in found])


def _store(path: Path, found: tuple[NDArray[np.int64], NDArray[np.uint8]]) -> None:
    part = path.with_suffix(".part.npz")
    np.savez_compressed(part, index=found[0], rgba=found[1])
    part.replace(path)
