"""Sampling while training: a quick look, not the product's samplers."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from recipes.pocket.diffusion import TIMESTEPS, WALK, Diffusion
from recipes.pocket.latent_bank import Encode
from recipes.pocket.masks import cells_of
from recipes.pocket.networks import Networks

PROMPTS = (
    *("a red apple", "a dog", "slice of pizza", "a car", "sunflower", "a house", "smiling face with sunglasses"),
    *("blue star", "an owl, flat style", "a cup of coffee", "a rocket", "a cat, cartoon style", "background"),
    *("a red heart", "a tree", "birthday cake"),
)


@dataclass(frozen=True, kw_only=True)
class SampleOptions:
    """How to sample."""

    steps: int = 15
    guidance: float = 3.5
    consistency: bool = False
    """Jump to the clean latents and add fresh noise, as a distilled model is sampled."""
    seed: int = 0


def sample(
    networks: Networks, encode: Encode, pictures: Tensor, masks: Tensor, prompts: list[str], options: SampleOptions
) -> Tensor:
    """Repaint (B, 3, S, S) pictures -1..1 under (B, 1, S, S) masks; the raw decode."""
    with torch.no_grad():
        return _sampled(networks, encode, pictures, masks, prompts, options)


def _sampled(
    networks: Networks, encode: Encode, pictures: Tensor, masks: Tensor, prompts: list[str], options: SampleOptions
) -> Tensor:
    """See `sample`."""
    device = str(pictures.device)
    diffusion, generator = Diffusion.on(device), torch.Generator(device).manual_seed(options.seed)
    count = len(prompts)
    with torch.autocast(pictures.device.type, dtype=torch.bfloat16, enabled=pictures.is_cuda):
        context = networks.context(encode([""] * count + list(prompts)).to(device))
        given = torch.cat([cells_of(masks), networks.encode(pictures * (masks == 0))], dim=1)
    stride = TIMESTEPS // WALK
    x = torch.randn(count, 4, *given.shape[2:], device=device, generator=generator)
    stops = [stride * (WALK - WALK * i // options.steps) - 1 for i in range(options.steps + 1)]
    for now, then in pairwise(stops):
        at, to = (torch.full((count,), t, device=device) for t in (now, then))
        with torch.autocast(pictures.device.type, dtype=torch.bfloat16, enabled=pictures.is_cuda):
            doubled = torch.cat([x, given], dim=1).repeat(2, 1, 1, 1)
            without, with_prompt = networks.unet(doubled, at.repeat(2), context).sample.float().chunk(2)
        velocity = without + options.guidance * (with_prompt - without)
        if options.consistency and then >= 0:
            fresh = torch.randn(x.shape, device=device, generator=generator)
            x = diffusion.noised(diffusion.clean(x, velocity, at), fresh, to)
        else:
            x = diffusion.ddim(x, velocity, at, to)
    return networks.decode(x)


def look(networks: Networks, encode: Encode, grounds: Tensor, path: Path, options: SampleOptions) -> None:
    """Write a sheet of `PROMPTS` painted into (N, 3, S, S) uint8 backgrounds."""
    count = len(PROMPTS)
    size = grounds.shape[-1] // 8 * 8
    pictures = grounds[torch.arange(count) % len(grounds)][..., :size, :size].float() / 127.5 - 1
    masks = torch.zeros(count, 1, size, size, device=grounds.device)
    masks[:, :, size // 8 : -size // 8, size // 8 : -size // 8] = 1
    painted = sample(networks, encode, pictures, masks, list(PROMPTS), options)
    rows = [torch.cat(list(row), dim=-1) for row in painted.split(8)]
    sheet = ((torch.cat(rows, dim=-2).clamp(-1, 1) + 1) * 127.5).round().byte()
    Image.fromarray(sheet.permute(1, 2, 0).cpu().numpy()).save(path)
