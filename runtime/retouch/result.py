"""What a run gives back: the picture, how it was made, and the proof that the rest is untouched."""

from collections.abc import Mapping
from dataclasses import dataclass

from retouch.arrays import RGB, Mask
from retouch.geometry import Box, Placement
from retouch.proof import Proof
from retouch.request import InpaintRequest


@dataclass(frozen=True, eq=False, kw_only=True)
class RegionResult:
    """One region of a run."""

    placement: Placement
    box: Box
    """The part of the crop that lies in the picture, in picture pixels."""
    mask: Mask
    """How opaque the patch was laid on, at the size of `box`, (h, w)."""
    raw: RGB
    """The decoded picture at the size of `box`, before it was joined, (h, w, 3)."""
    proof: Proof


@dataclass(frozen=True, eq=False, kw_only=True)
class InpaintResult:
    """The outcome of one run."""

    image: RGB
    """The whole picture, (H, W, 3), in the size and colours of the input."""
    request: InpaintRequest
    """The request with the model's defaults filled in."""
    regions: tuple[RegionResult, ...]
    proof: Proof
    """For the whole picture."""
    provider: str
    """The device that ran the graphs, `cpu` or `cuda:0`."""
    seconds: Mapping[str, float]
    """Wall time by phase: load, text, encode, steps, decode, join."""
    notes: tuple[str, ...] = ()
    """What the user should know, one sentence each."""
