"""The membrane of gradient-domain pasting: a soap film spanned over an area from given border values."""

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Film: TypeAlias = NDArray[np.float32]
"""Heights of the film, (h, w, 3)."""

BAND_CELLS = 6
"""On big levels only cells this near to the border are relaxed: further in, the film is as smooth as its upsampling."""
SMALL = 40_000
"""Levels with at most this many unknown cells are relaxed whole."""
SWEEPS = (12, 150)
"""Fewest and most sweeps of a level."""
BUDGET = 200_000
"""Cell updates that a level may spend on sweeps above the fewest; small levels get nearly exact for nothing."""
OMEGA = 1.5


@dataclass(frozen=True, eq=False)
class Border:
    """Known values along the outside of an area; one level of the pyramid."""

    inside: NDArray[np.bool_]
    """(h, w), the area to span."""
    at: NDArray[np.int64]
    """(n,) flat indices of the known cells, none of them inside."""
    values: Film
    """(n, 3) heights there."""


def membrane(border: Border) -> Film:
    """Solve Δh = 0 inside with h given on the border (Pérez et al. 2003, eq. 4); cells elsewhere hold no meaning.

    Cascadic multigrid: the film is solved coarsely, upsampled and relaxed again on each finer level. The picture's
    own edge is free (zero slope). Needs at least one known cell.
    """
    if not border.inside.any() or min(border.inside.shape) == 1:
        film = np.broadcast_to(border.values.mean(axis=0), (*border.inside.shape, 3)).astype(np.float32)
    else:
        rows, cols = border.inside.shape
        coarse = membrane(_coarser(border))
        film = np.asarray(cv2.resize(coarse, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)[:rows, :cols])
    return _relaxed(film, border)


def _coarser(border: Border) -> Border:
    """Halve the resolution: a cell is inside when all four of its cells are, and known when any is."""
    rows, cols = border.inside.shape
    half = (rows + 1) // 2, (cols + 1) // 2
    padded = np.pad(border.inside, ((0, rows % 2), (0, cols % 2)), mode="edge")
    inside = padded[0::2, 0::2] & padded[1::2, 0::2] & padded[0::2, 1::2] & padded[1::2, 1::2]
    parent = (border.at // cols // 2) * half[1] + border.at % cols // 2
    at, index, count = np.unique(parent, return_inverse=True, return_counts=True)
    total = np.stack([np.bincount(index.ravel(), border.values[:, c]) for c in range(3)], axis=1)
    return Border(inside, at, (total / count[:, None]).astype(np.float32))


def _relaxed(film: Film, border: Border) -> Film:
    """Put the border's values in and run red-black successive over-relaxation on the cells that need it."""
    rows, cols = border.inside.shape
    flat = film.reshape(-1, 3).copy()
    flat[border.at] = border.values
    colours = [(cells, _neighbours(cells, rows, cols)) for cells in _unknown(border.inside)]
    cells_in_all = sum(cells.size for cells, _ in colours)
    for _ in range(min(SWEEPS[1], SWEEPS[0] + BUDGET // (cells_in_all + 1))):
        for cells, (up, down, left, right) in colours:
            around = (flat[up] + flat[down] + flat[left] + flat[right]) / 4
            flat[cells] += np.float32(OMEGA) * (around - flat[cells])
    return flat.reshape(rows, cols, 3)


def _unknown(inside: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Flat indices of the cells to relax, the red ones and the black ones of a chessboard."""
    if np.count_nonzero(inside) > SMALL:
        box = np.ones((2 * BAND_CELLS + 1, 2 * BAND_CELLS + 1), np.uint8)
        inside = inside & (cv2.erode(inside.view(np.uint8), box) == 0)
    y, x = np.nonzero(inside)
    flat = y * inside.shape[1] + x
    red = (y + x) % 2 == 0
    return [flat[red], flat[~red]]


def _neighbours(cells: NDArray[np.int64], rows: int, cols: int) -> NDArray[np.int64]:
    """Flat indices of the four neighbours, (4, n); beyond the picture a cell is its own neighbour (zero slope)."""
    y, x = np.divmod(cells, cols)
    up, down = np.where(y > 0, cells - cols, cells), np.where(y < rows - 1, cells + cols, cells)
    left, right = np.where(x > 0, cells - 1, cells), np.where(x < cols - 1, cells + 1, cells)
    return np.stack([up, down, left, right])
