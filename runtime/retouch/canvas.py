"""Between the picture and the model's canvas: cut a crop out, bring the result back, in the same place.

Both ways of resizing sample at pixel centres, so nothing moves, and a crop of the work size is copied as it is.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch.arrays import RGB, Mask
from retouch.geometry import Box, Placement, Size

LatentMask = NDArray[np.float32]
"""What to repaint in latent cells, (1, 1, h/f, w/f), 0 keep .. 1 repaint."""


def size_of(array: NDArray[np.uint8] | NDArray[np.float32]) -> Size:
    """Width and height of a picture or mask."""
    return Size(array.shape[1], array.shape[0])


def resample(image: RGB, size: Size) -> RGB:
    """Resize (H, W, 3) or (H, W) uint8: area averages to shrink, Lanczos to enlarge, a copy at the same size."""
    if size_of(image) == size:
        return image.copy()
    shrinks = size.area < size_of(image).area
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LANCZOS4
    resized: RGB = cv2.resize(np.ascontiguousarray(image), tuple(size), interpolation=method)
    return resized


def take(image: RGB, crop: Box) -> RGB:
    """The pixels of a crop as a copy; where it overhangs the picture the nearest edge pixel is repeated."""
    inside = crop.clamp(size_of(image))
    part = image[inside.slices]
    if inside == crop:
        return part.copy()
    sides = _overhang(crop, inside)
    padded: RGB = cv2.copyMakeBorder(np.ascontiguousarray(part), *sides, cv2.BORDER_REPLICATE)
    return padded


def take_mask(mask: Mask, crop: Box) -> Mask:
    """The part of a mask in a crop as a copy; 0 (keep) where the crop overhangs the picture."""
    inside = crop.clamp(size_of(mask))
    top, bottom, left, right = _overhang(crop, inside)
    return np.pad(mask[inside.slices], ((top, bottom), (left, right)))


def cut(image: RGB, placement: Placement) -> RGB:
    """The crop at work size."""
    return resample(take(image, placement.crop), placement.work)


def cut_mask(mask: Mask, placement: Placement) -> Mask:
    """The mask in the crop at work size; see `fit_mask`."""
    return fit_mask(take_mask(mask, placement.crop), placement.work)


def fit_mask(mask: Mask, size: Size) -> Mask:
    """Resize a mask: each new pixel takes the largest value among the old pixels that it touches.

    So the thinnest stroke survives any shrinking, soft values stay as they were drawn, and a binary mask
    stays binary. The mask grows by less than one pixel; it is never composited at this size.
    """
    if size_of(mask) == size:
        return mask.copy()
    return _touching_max(_touching_max(mask, size.width, axis=1), size.height, axis=0)


def place(patch: RGB, placement: Placement) -> RGB:
    """A result at work size brought back to the size of the crop, overhang included."""
    return resample(patch, placement.crop.size)


def paste(picture: RGB, patch: RGB, crop: Box) -> RGB:
    """A copy of the picture with the crop's pixels replaced; the overhang is dropped.

    Args of shape (H, W, 3) and (crop.height, crop.width, 3); nothing outside the crop changes.
    """
    inside = crop.clamp(size_of(picture))
    result = picture.copy()
    result[inside.slices] = patch[inside.shift(-crop.left, -crop.top).slices]
    return result


def latent_mask(mask: Mask, factor: int, *, threshold: float = 0.0, soft: bool = False) -> LatentMask:
    """Bring a work-size mask to latent cells: the maximum over each factor x factor block.

    A cell is repainted (1) when any of its pixels is above the threshold, so a one-pixel stroke counts.
    `soft` keeps the maximum itself.
    """
    height, width = mask.shape[0] // factor, mask.shape[1] // factor
    blocks = mask[: height * factor, : width * factor].reshape(height, factor, width, factor)
    cells: NDArray[np.float32] = blocks.max(axis=(1, 3))
    return (cells if soft else (cells > threshold).astype(np.float32))[None, None]


def latent_mask_nearest(mask: Mask, factor: int) -> LatentMask:
    """The mask as diffusers brings it to latents: >= 0.5, then the top left pixel of each block.

    This is what `torch.nn.functional.interpolate(mode="nearest")` picks (source index floor(i * factor)).
    Thin strokes vanish; it exists to compare results with diffusers.
    """
    height, width = mask.shape[0] // factor * factor, mask.shape[1] // factor * factor
    sampled = mask[:height:factor, :width:factor] >= 0.5
    return sampled[None, None].astype(np.float32)


LATENT_MASKS: dict[str, Callable[[Mask, int], LatentMask]] = {"max": latent_mask, "nearest": latent_mask_nearest}
"""The two ways a mask reaches the latents, by the name a user types."""


def _overhang(crop: Box, inside: Box) -> tuple[int, int, int, int]:
    """Rows and columns of the crop outside the picture: top, bottom, left, right."""
    return inside.top - crop.top, crop.bottom - inside.bottom, inside.left - crop.left, crop.right - inside.right


def _touching_max(mask: Mask, length: int, axis: int) -> Mask:
    """Resize one axis; new pixel i takes the maximum over old pixels floor(i*s) .. ceil((i+1)*s)."""
    old = mask.shape[axis]
    if old == length:
        return mask
    index = np.arange(length)
    first, behind = index * old // length, -(-(index + 1) * old // length)
    if length > old:  # enlarged: at most two old pixels
        wide: Mask = np.maximum(mask.take(first, axis=axis), mask.take(behind - 1, axis=axis))
        return wide
    after = [(0, 1), (0, 0)] if axis == 0 else [(0, 0), (0, 1)]  # reduceat refuses an end behind the last pixel
    bounds = np.stack([first, behind], axis=1).ravel()
    largest: Mask = np.maximum.reduceat(np.pad(mask, after), bounds, axis=axis)
    return largest[::2] if axis == 0 else largest[:, ::2]
