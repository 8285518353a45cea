"""The plain overlay: the mask is the opacity."""

from retouch.arrays import RGB, Mask
from retouch.blend import BLENDS, Blend, BlendOptions
from retouch.opacity import mix, with_ring


@BLENDS.register
def hard(options: BlendOptions) -> Blend:
    """Use the mask as it is: a binary mask gives a hard edge, a soft one its own fade."""

    def blend(picture: RGB, patch: RGB, mask: Mask) -> RGB:
        return mix(picture, patch, with_ring(mask, options.outward_px))

    return blend
