"""Lay sprites onto pictures."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True, eq=False, kw_only=True)
class Spots:
    """Where B sprites go; each field is (B,) float32. The picture reaches from -1 to 1, y downwards."""

    x: Tensor
    y: Tensor
    scale: Tensor
    """Half of the sprite's side."""
    turn: Tensor
    """Radians, clockwise."""
    flip: Tensor
    """-1 mirrors left and right, 1 does not."""

    def moved(self, right: Tensor, down: Tensor) -> "Spots":
        """The same spots shifted."""
        return Spots(x=self.x + right, y=self.y + down, scale=self.scale, turn=self.turn, flip=self.flip)


def premultiplied(rgba: Tensor) -> Tensor:
    """(B, 4, P, P) uint8 -> float32 0..1 with the opacity multiplied in."""
    scaled = rgba.float() / 255
    return torch.cat([scaled[:, :3] * scaled[:, 3:], scaled[:, 3:]], dim=1)


def placed(layer: Tensor, spots: Spots, size: int) -> Tensor:
    """Sample (B, C, P, P) layers at their spots of an S x S picture; 0 around them."""
    cosine, sine = torch.cos(spots.turn), torch.sin(spots.turn)
    across, down = spots.flip / spots.scale, 1 / spots.scale
    rows = [
        torch.stack([cosine, sine, -(spots.x * cosine + spots.y * sine)], dim=1) * across[:, None],
        torch.stack([-sine, cosine, spots.x * sine - spots.y * cosine], dim=1) * down[:, None],
    ]
    grid = F.affine_grid(torch.stack(rows, dim=1), [len(layer), layer.shape[1], size, size], align_corners=False)
    return F.grid_sample(layer, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def over(picture: Tensor, layer: Tensor) -> Tensor:
    """Compose premultiplied (B, 4, S, S) layers over (B, 3, S, S) pictures."""
    return picture * (1 - layer[:, 3:]) + layer[:, :3]


def shaded(picture: Tensor, sprites: Tensor, spots: Spots, depth: Tensor) -> Tensor:
    """Darken by a soft shadow to the lower right of each sprite; `depth`, (B,), is 0 for none."""
    soft = F.avg_pool2d(sprites[:, 3:], 9, 1, 4)
    fallen = spots.moved(0.04 * spots.scale, 0.07 * spots.scale)
    return picture * (1 - placed(soft, fallen, picture.shape[-1]) * depth[:, None, None, None])
