"""Masks of training scenes: what users draw around a thing, over a part of it, or along an edge."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True, eq=False, kw_only=True)
class Blobs:
    """Where B closed shapes go; each field is (B,). The picture reaches from -1 to 1."""

    x: Tensor
    y: Tensor
    width: Tensor
    """Half of the width."""
    height: Tensor


class MaskDrawer:
    """Draws masks of S x S pixels, (B, 1, S, S) float32, 1 = repaint."""

    def __init__(self, size: int, device: str) -> None:
        """Lay out the pixels."""
        line = (torch.arange(size, device=device) + 0.5) / size * 2 - 1
        self.y, self.x = torch.meshgrid(line, line, indexing="ij")

    def blobs(self, where: Blobs, generator: torch.Generator) -> Tensor:
        """Boxes (two of five) and wobbly ellipses."""

        def rand() -> Tensor:
            return torch.rand(len(where.x), 1, 1, device=self.x.device, generator=generator)

        x = (self.x[None] - where.x[:, None, None]) / where.width[:, None, None]
        y = (self.y[None] - where.y[:, None, None]) / where.height[:, None, None]
        angle, wobble = torch.atan2(y, x), torch.ones_like(x)
        for waves in (2, 3, 5):
            wobble = wobble + rand() * 0.12 * torch.sin(waves * angle + rand() * 6.28)
        ellipse = torch.hypot(x, y) / 1.25 * wobble
        box = torch.maximum(x.abs(), y.abs())
        return (torch.where(rand() < 0.4, box, ellipse) < 1).float()[:, None]

    def margins(self, count: int, generator: torch.Generator) -> Tensor:
        """Strips along one side, two opposite sides or all four: what outpainting asks for."""

        def rand() -> Tensor:
            return torch.rand(count, 1, 1, device=self.x.device, generator=generator)

        x, y, width = self.x[None], self.y[None], 0.4 + 0.6 * rand()
        sides = [x < width - 1, x > 1 - width, y < width - 1, y > 1 - width]
        both, frame = x.abs() > 1 - width / 2, torch.maximum(x.abs(), y.abs()) > 1 - width / 2
        every = torch.stack([*sides, both, frame], dim=1)
        which = (rand().flatten() * every.shape[1]).long()
        return every[torch.arange(count, device=x.device), which][:, None].float()


def cells_of(mask: Tensor) -> Tensor:
    """The mask in latent cells, (B, 1, S/8, S/8): the maximum over each cell, as the runtime takes it."""
    return F.max_pool2d(mask, 8)
