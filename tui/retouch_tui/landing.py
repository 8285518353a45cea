"""What a step makes of the layers, worked out beforehand so that it can be put in place without a pause."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from retouch.arrays import RGB
from retouch.geometry import Box, Size
from retouch_tui.layers import Mask8, Sketch
from retouch_tui.turns import at_once

if TYPE_CHECKING:
    from retouch_tui.undo import Step


@dataclass(frozen=True, eq=False)
class Layers:
    """What is edited: a picture, the mask and the colour strokes of its size, and the lines that draw both."""

    picture: RGB
    mask: Mask8
    sketch: Sketch | None
    lines: tuple[str, ...]

    @property
    def whole(self) -> Box:
        """The box of the picture."""
        return Box.of(Size(self.picture.shape[1], self.picture.shape[0]))


@dataclass(frozen=True, eq=False)
class Block:
    """New pixels of a box of one layer."""

    box: Box
    pixels: NDArray[np.uint8]


@dataclass(frozen=True, eq=False, kw_only=True)
class Landing:
    """A step that is worked out: putting it in place touches few pixels.

    Either `layers` take the place of those there are, or `mask` and `sketch` are written into them.
    """

    label: str
    box: Box
    """What looks different."""
    lines: tuple[str, ...]
    layers: Layers | None = None
    mask: tuple[Block, ...] = ()
    sketch: tuple[Block, ...] = ()
    step: "Step | None" = None
    """What takes it back; None for undo and redo themselves."""
    travel: Literal["", "back", "on"] = ""
    """Whether it undoes the last step or does the next one again."""


def landing(
    layers: Layers,
    label: str,
    box: Box,
    lines: tuple[str, ...],
    *,
    mask: tuple[Block, ...] = (),
    sketch: tuple[Block, ...] = (),
    step: "Step | None" = None,
) -> Landing:
    """Make ready to put blocks in place; many pixels go into copies of the layers, which then only change hands."""
    if at_once(sum(block.box.area for block in (*mask, *sketch))):
        return Landing(label=label, box=box, lines=lines, mask=mask, sketch=sketch, step=step)
    after = Layers(
        layers.picture,
        _with(layers.mask, mask),
        None if layers.sketch is None else _with(layers.sketch, sketch),
        lines,
    )
    return Landing(label=label, box=box, lines=lines, layers=after, step=step)


def _with(layer: NDArray[np.uint8], blocks: tuple[Block, ...]) -> NDArray[np.uint8]:
    if not blocks:
        return layer
    whole = layer.copy()
    for block in blocks:
        whole[block.box.slices] = block.pixels
    return whole
