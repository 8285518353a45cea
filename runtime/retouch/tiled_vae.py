"""Pictures too large for the memory through the VAE in tiles that overlap and fade into each other.

A graph made for one size takes no tiles; it gets the picture whole.

The weights of a tile fall to its borders as a raised cosine over the overlap, so that the two tiles of a place add
up to one. What group normalisation sees differs from tile to tile; the fade hides the rest of that.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from retouch import vae
from retouch.arrays import RGB, Latents
from retouch.session import GraphSession
from retouch_models.manifest import LatentSpec

OVERLAP = 0.25
"""Share of a tile's side that it shares with its neighbour."""

Planes = NDArray[np.float32]
"""(1, C, h, w)"""


def decode(session: GraphSession, latents: Latents, spec: LatentSpec, tile: int | None) -> RGB:
    """Decode latents, (1, C, h, w), no more than `tile` pixels a side at once; (h * f, w * f, 3) uint8."""
    if tile is None or session.spec.one_size or max(latents.shape[2:]) * spec.factor <= tile:
        return vae.decode(session, latents, spec)
    side = max(tile // spec.factor, 8)
    total: Planes | None = None
    for (top, bottom, left, right), weight in tiles(latents.shape[2], latents.shape[3], side, spec.factor):
        part = vae.decode_unit(session, np.ascontiguousarray(latents[:, :, top:bottom, left:right]), spec)
        if total is None:
            height, width = (n * spec.factor for n in latents.shape[2:])
            total = np.zeros((1, part.shape[1], height, width), np.float32)
        f = spec.factor
        total[:, :, top * f : bottom * f, left * f : right * f] += part * weight
    if total is None:
        raise ValueError("no latents")
    return vae.to_pixels(total)


def encode_unit(session: GraphSession, image: Planes, spec: LatentSpec, tile: int | None) -> Latents:
    """Encode (1, 3, H, W) in -1..1, no more than `tile` pixels a side at once; (1, C, H/f, W/f)."""
    if tile is None or session.spec.one_size or max(image.shape[2:]) <= tile:
        return vae.encode_unit(session, image, spec)
    f = spec.factor
    rows, columns = image.shape[2] // f, image.shape[3] // f
    total = np.zeros((1, spec.channels, rows, columns), np.float32)
    for (top, bottom, left, right), weight in tiles(rows, columns, max(tile // f, 8), 1):
        part = np.ascontiguousarray(image[:, :, top * f : bottom * f, left * f : right * f])
        total[:, :, top:bottom, left:right] += vae.encode_unit(session, part, spec) * weight
    return total


def tiles(rows: int, columns: int, side: int, scale: int) -> Iterator[tuple[tuple[int, int, int, int], Planes]]:
    """Yield (top, bottom, left, right) in cells and the weights of the tile at `scale` values per cell and side.

    All weights of a place add up to 1; every tile is at most `side` cells high and wide.
    """
    down, across = _spans(rows, side), _spans(columns, side)
    heights, widths = _weights(down, rows, scale), _weights(across, columns, scale)
    for (top, bottom), height in zip(down, heights, strict=True):
        for (left, right), width in zip(across, widths, strict=True):
            yield (top, bottom, left, right), (height[:, None] * width[None, :]).astype(np.float32)[None, None]


def _spans(length: int, side: int) -> list[tuple[int, int]]:
    """Cover a length with equal spans of at most `side` that overlap by at least OVERLAP of it."""
    if length <= side:
        return [(0, length)]
    stride = max(side - round(side * OVERLAP), 1)
    count = -(-(length - side) // stride) + 1
    starts = [round(i * (length - side) / (count - 1)) for i in range(count)]
    return [(start, start + side) for start in starts]


def _weights(spans: list[tuple[int, int]], length: int, scale: int) -> list[NDArray[np.float64]]:
    """Raised-cosine ramps over each overlap, divided by their sum, so that they add up to 1 everywhere."""
    raw = []
    for index, (start, stop) in enumerate(spans):
        weight = np.ones((stop - start) * scale)
        if index > 0:
            ramp = _ramp((spans[index - 1][1] - start) * scale)
            weight[: len(ramp)] *= ramp
        if index + 1 < len(spans):
            ramp = _ramp((stop - spans[index + 1][0]) * scale)
            weight[-len(ramp) :] *= ramp[::-1]
        raw.append(weight)
    total = np.zeros(length * scale)
    for (start, stop), weight in zip(spans, raw, strict=True):
        total[start * scale : stop * scale] += weight
    return [weight / total[start * scale : stop * scale] for (start, stop), weight in zip(spans, raw, strict=True)]


def _ramp(count: int) -> NDArray[np.float64]:
    """Rise from above 0 to below 1 in `count` steps."""
    return 0.5 - 0.5 * np.cos(np.pi * (np.arange(count) + 0.5) / count)
