"""How like its prompt a painted part is: what the bundle's ranker says of it.

A ranker is a graph of two towers in the manner of CLIP (Radford et al., arXiv:2103.00020). It takes `image`,
(B, 3, S, S) float32 in 0..1, and `input_ids` of the bundle's first tokenizer, and gives `likeness`, (B,) float32 in
0..1: how sure it is that the picture shows what the text says.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch.arrays import RGB
from retouch.canvas import size_of
from retouch.geometry import Box
from retouch.prompt.grammar import parse
from retouch.request import InpaintRequest
from retouch.result import InpaintResult, RegionResult
from retouch.session import Graphs
from retouch.tokenizer import TokenIds, Tokenizer

ROLE = "ranker"
MARGIN = 0.06
"""What the ranker sees beyond the mask on each side, as a share of the mask's longer side."""


class Ranker:
    """Opens the graph when it judges, and lets it rest while pictures are painted: CLIP takes half a gigabyte."""

    def __init__(self, graphs: Graphs) -> None:
        """Read the vocabulary; the bundle must have a ranker."""
        spec = graphs.bundle.manifest.text.tokenizers[0]
        self._tokenizer = Tokenizer.load(graphs.bundle.folder / spec.folder, spec)
        self._graphs = graphs
        self._side = _side(graphs)

    def __call__(self, result: InpaintResult) -> float:
        """Return how like its prompt a result is, 0..1, as the mean of its regions."""
        seen = np.stack([sight(result.image, region, self._side) for region in result.regions])
        ids = np.repeat(self._ids(result.request)[None], len(seen), axis=0)
        (likeness,) = self._graphs[ROLE]({"image": seen, "input_ids": ids})
        self._graphs.rest(ROLE)
        return float(np.mean(likeness))

    def _ids(self, request: InpaintRequest) -> TokenIds:
        """The words that are wanted, without their weights; what does not fit is cut."""
        prompt = parse(request.prompt, request.prompt_syntax, "prompt")
        words = " ".join(piece.text for section in prompt.sections for piece in section if piece.weight > 0)
        return self._tokenizer.frame(self._tokenizer.tokens(words)[: self._tokenizer.capacity])


def sight(image: RGB, region: RegionResult, side: int) -> NDArray[np.float32]:
    """Cut out a square around what was painted, (3, side, side) in 0..1; the picture's border is drawn on."""
    wanted = seen_box(region)
    inside = wanted.clamp(size_of(image))
    scale = side / wanted.width
    width, height = (max(1, round(length * scale)) for length in inside.size)  # shrunk before the square is filled up
    small = cv2.resize(
        image[inside.slices], (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    )
    left, top = (
        min(round(before * scale), side - length)
        for before, length in ((inside.left - wanted.left, width), (inside.top - wanted.top, height))
    )
    right, bottom = side - left - width, side - top - height
    filled = cv2.copyMakeBorder(small, top, bottom, left, right, cv2.BORDER_REPLICATE)
    seen: NDArray[np.float32] = np.ascontiguousarray(filled.transpose(2, 0, 1), np.float32) / np.float32(255)
    return seen


def seen_box(region: RegionResult) -> Box:
    """The square around a region's mask, with a margin, in picture pixels; it may reach beyond the picture."""
    rows, columns = (np.flatnonzero((region.mask > 0).any(axis=axis)) for axis in (1, 0))
    top, bottom, left, right = (
        (int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1) if len(rows) else (0, 1, 0, 1)
    )
    longer = max(bottom - top, right - left)
    side = longer + 2 * round(MARGIN * longer)
    x = region.box.left + (left + right - side) // 2
    y = region.box.top + (top + bottom - side) // 2
    return Box(x, y, x + side, y + side)


def _side(graphs: Graphs) -> int:
    shape = next(tensor.shape for tensor in graphs.bundle.graph(ROLE).inputs if tensor.name == "image")
    return int(shape[2])
