"""Scenes encoded once and used several times: a ring of latents, renewed chunk by chunk."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from recipes.pocket.masks import cells_of
from recipes.pocket.networks import TOKENS, Networks
from recipes.pocket.scenes import Scenes

REUSE = 8
"""How often a scene is used, on average: drawing it and encoding it twice is much of what a step would cost."""

Encode = Callable[[list[str]], Tensor]
"""Captions -> token ids, (B, 32) int64."""


def shortened(device: str, short: bool) -> torch.autocast:
    """Compute in bfloat16 within: always on a GPU, on a processor where `short` says so."""
    return torch.autocast(device, dtype=torch.bfloat16, enabled=short or device == "cuda")


@dataclass(frozen=True, eq=False, kw_only=True)
class LatentBatch:
    """What one step learns from."""

    clean: Tensor
    """Latents of the scene, (B, 4, h, w) float32."""
    masked: Tensor
    """Latents of the scene with its hole at mid grey, (B, 4, h, w) float32."""
    cells: Tensor
    """(B, 1, h, w) float32, 1 = repaint."""
    ids: Tensor
    """(B, 32) int64."""

    @property
    def given(self) -> Tensor:
        """What the denoiser sees beside the noised latents, (B, 5, h, w): cells, then the masked picture."""
        return torch.cat([self.cells, self.masked], dim=1)


@dataclass(frozen=True, kw_only=True)
class BankOptions:
    """Sizes of the ring."""

    fresh: int
    """Scenes in a chunk, which are drawn and encoded together."""
    every: int = REUSE
    """Steps until the next chunk: each draw waits for the GPU, so few large ones are better than many small ones."""
    chunks: int = 100
    """Chunks in the ring."""
    first: int = 20
    """Chunks drawn before the first step."""
    short: bool = False
    """Encode in bfloat16 on a processor too; a GPU always does."""


class LatentBank:
    """With e = first + s // every, the ring at step s holds chunks e - chunks .. e - 1: it can be filled anywhere."""

    def __init__(
        self, scenes: Scenes, networks: Networks, encode: Encode, options: BankOptions, *, seed: int, device: str
    ) -> None:
        """Reserve the memory, about 17 KiB per scene of 256 pixels."""
        self._scenes, self._networks, self._encode, self._seed = scenes, networks, encode, seed
        self._options, self._device, self._next = options, device, 0
        room, side = options.chunks * options.fresh, scenes.options.size // 8

        def reserve(*shape: int, dtype: Any) -> Tensor:
            return torch.zeros(room, *shape, dtype=dtype, device=device)

        self._clean, self._masked = (reserve(4, side, side, dtype=torch.float16) for _ in range(2))
        self._cells = reserve(1, side, side, dtype=torch.uint8)
        self._ids = reserve(TOKENS, dtype=torch.int16)
        self._filled = 0

    def batch(self, step: int, count: int, generator: torch.Generator) -> LatentBatch:
        """Bring the ring to `step` and draw `count` of its scenes; steps must not go back."""
        options = self._options
        end = step // options.every + min(options.first, options.chunks)
        for chunk in range(max(self._next, end - options.chunks), end):
            self._renew(chunk)
        self._next = max(self._next, end)
        self._filled = min(end, options.chunks) * options.fresh
        which = torch.randint(self._filled, (count,), device=self._device, generator=generator)
        return LatentBatch(
            clean=self._clean[which].float(),
            masked=self._masked[which].float(),
            cells=self._cells[which].float(),
            ids=self._ids[which].long(),
        )

    def _renew(self, chunk: int) -> None:
        """Draw and encode one chunk into its place."""
        count = self._options.fresh
        scenes = self._scenes.batch(count, self._seed, chunk)
        both = torch.cat([scenes.pictures, scenes.pictures * (scenes.masks == 0)])
        with torch.no_grad(), shortened(self._device, self._options.short):
            clean, masked = self._networks.encode(both).chunk(2)
        place = slice(chunk % self._options.chunks * count, (chunk % self._options.chunks + 1) * count)
        self._clean[place], self._masked[place] = clean.half(), masked.half()
        self._cells[place] = cells_of(scenes.masks).byte()
        self._ids[place] = self._encode(scenes.captions).to(self._device, torch.int16)
