"""Say what a mask will change before anything runs: area, boxes, and the latent cells that are really repainted."""

from dataclasses import dataclass

import numpy as np

from retouch.arrays import Mask
from retouch.canvas import fit_mask, latent_mask, size_of
from retouch.geometry import Box, Size
from retouch.mask import ops
from retouch.regions import bounds
from retouch.work_area import Region


@dataclass(frozen=True, eq=False, kw_only=True)
class RegionReport:
    """One run of the model."""

    box: Box
    """Around this region's mask, in picture pixels."""
    crop: Box
    """What the model sees, in picture pixels."""
    work: Size
    """The size at which it works."""
    cells: int
    """Latent cells that change."""
    cells_in_all: int


@dataclass(frozen=True, eq=False, kw_only=True)
class MaskReport:
    """What a mask marks in a picture and what of it reaches the model."""

    size: Size
    area_px: int
    """Pixels that may change: those above 0."""
    percent: float
    """The same as a share of the picture."""
    soft_px: int
    """Pixels between 0 and 1."""
    box: Box
    """Around all of it."""
    regions: tuple[RegionReport, ...]
    effective: Mask
    """(H, W): 1 where a latent cell changes. The model repaints whole cells, so this is what it can see through
    the mask's edge; with the original overlaid only the mask itself changes."""

    def lines(self) -> list[str]:
        """For people: the mask, then one line a region."""
        soft = f", {self.soft_px} of them soft" if self.soft_px else ""
        head = f"mask: {self.area_px} pixels ({self.percent:.2f} % of {self.size}){soft}, in {self.box}"
        return [head] + [
            f"region {number}: mask in {region.box}; shown {region.crop} at {region.work}; "
            f"{region.cells} of {region.cells_in_all} latent cells change"
            for number, region in enumerate(self.regions, start=1)
        ]


def describe(mask: Mask, regions: tuple[Region, ...], factor: int) -> MaskReport:
    """Report on a mask, (H, W), and the regions planned for it; `factor` is pixels per latent cell and side."""
    effective = np.zeros_like(mask)
    found = [_region(region, factor, effective) for region in regions]
    area = ops.area(mask)
    return MaskReport(
        size=size_of(mask),
        area_px=area,
        percent=100 * area / mask.size,
        soft_px=int(np.count_nonzero((mask > 0) & (mask < 1))),
        box=bounds(mask),
        regions=tuple(found),
        effective=effective,
    )


def _region(region: Region, factor: int, effective: Mask) -> RegionReport:
    """Report on one region and mark the picture pixels of its cells in `effective`, which the caller owns."""
    crop, work = region.placement.crop, region.placement.work
    cells = latent_mask(fit_mask(region.mask, work), factor)[0, 0]
    spread = fit_mask(cells.repeat(factor, axis=0).repeat(factor, axis=1), crop.size)
    inside = crop.clamp(size_of(effective))
    window = effective[inside.slices]
    np.maximum(window, spread[inside.shift(-crop.left, -crop.top).slices], out=window)
    return RegionReport(
        box=bounds(region.mask).shift(crop.left, crop.top),
        crop=crop,
        work=work,
        cells=int(cells.sum()),
        cells_in_all=cells.size,
    )
