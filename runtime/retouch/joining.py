"""From the raw decode of a working box to the mended picture: colours matched, edge blended, result proven."""

from dataclasses import dataclass

from retouch.arrays import RGB, Mask
from retouch.blend import BLENDS, BlendOptions
from retouch.blend.auto import choose
from retouch.colour import match_colours
from retouch.geometry import Placement
from retouch.opacity import reach
from retouch.proof import Proof, prove
from retouch.request import InpaintRequest, given

LEAST_FEATHER_PX = 2.0
AUTO = "auto"


@dataclass(frozen=True, eq=False, kw_only=True)
class Joined:
    """A crop of the mended picture and what can be proven about it."""

    pixels: RGB
    proof: Proof


def feather_px(request: InpaintRequest, placement: Placement, factor: int) -> float:
    """Width of the fade inside the mask, in picture pixels.

    By default half a latent cell: that is as far as the decoder mixes a kept cell with a new one.
    """
    if request.feather is not None:
        return request.feather
    return max(LEAST_FEATHER_PX, factor / 2 / placement.zoom)


def join(crop: RGB, raw: RGB, mask: Mask, request: InpaintRequest, radius_px: float) -> Joined:
    """Lay a raw decode over the crop it was made for; all of the crop's size.

    Without overlay the raw decode is the result, and the proof says how far it drifted.
    """
    if not request.overlay:
        return Joined(pixels=raw.copy(), proof=prove(crop, raw, raw, mask, blend="none"))
    patch = raw if request.colour_match == "none" else match_colours(raw, crop, mask, request.colour_match)
    options = BlendOptions(radius_px=radius_px, outward_px=request.feather_out)
    if request.blend == AUTO:
        best = choose(crop, patch, mask, options)
        name, pixels = best.name, best.result
    else:
        name = given(request.blend)
        pixels = BLENDS[name](options)(crop, patch, mask)
    return Joined(pixels=pixels, proof=prove(crop, raw, pixels, reach(mask, request.feather_out), blend=name))
