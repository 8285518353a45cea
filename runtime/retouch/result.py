"""What a run gives back: the picture, how it was made, and the proof that the rest is untouched."""

from collections.abc import Mapping
from dataclasses import dataclass

from retouch.arrays import RGB, Mask
from retouch.geometry import Placement
from retouch.proof import Proof
from retouch.request import InpaintRequest


@dataclass(frozen=True, eq=False, kw_only=True)
class RegionResult:
    """One region of a run."""

    placement: Placement
    mask: Mask
    """What was repainted, at the size of the crop, (crop height, crop width)."""
    raw: RGB
    """The decoded picture at the size of the crop, before it was joined."""
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
