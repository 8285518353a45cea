"""Train the autoencoder: `python -m recipes.pocket.train_vae START OUTPUT`; START may be `new`.

Needed only for a model from scratch: a denoiser understands the latents of one autoencoder alone.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from recipes.pocket.networks import Networks, Shape, build
from recipes.pocket.options import StageOptions, fast_arithmetic, stage_parser
from recipes.pocket.packed import pack
from recipes.pocket.run import Run
from recipes.pocket.scenes import Scenes
from recipes.pocket.train import adopt

CROP_PX = 160
"""Larger batches of smaller pictures: the autoencoder sees only a neighbourhood anyway."""
EDGE_WEIGHTS = (1.0, 1.0, 0.5)
"""Weight of the difference of gradients at full, half and quarter size."""
KL_WEIGHT = 1e-3
MEASURED_SCENES = 64


class Reconstruction:
    """Reproduce scenes: absolute error, edges at three sizes, and a little pull towards a normal distribution."""

    def __init__(self, networks: Networks, scenes: Scenes, *, batch: int, seed: int, device: str) -> None:
        """Train the autoencoder alone."""
        self._vae, self._scenes, self._batch, self._seed, self._device = networks.vae, scenes, batch, seed, device
        networks.vae.requires_grad_(True).train()

    def parameters(self) -> list[Tensor]:
        """All of the autoencoder."""
        return list(self._vae.parameters())

    def loss(self, step: int) -> Tensor:
        """Of one batch of crops."""
        pictures = self._scenes.batch(self._batch, self._seed, step).pictures
        draw = torch.Generator(self._device).manual_seed(self._seed * 1_000_003 + step)
        side = min(CROP_PX, pictures.shape[-1])
        room = pictures.shape[-1] - side + 1
        top, left = (int(torch.randint(room, (), device=self._device, generator=draw)) for _ in range(2))
        crop = pictures[:, :, top : top + side, left : left + side].contiguous(memory_format=torch.channels_last)
        with torch.autocast(self._device, dtype=torch.bfloat16, enabled=self._device == "cuda"):
            mean, log_variance = self._vae.quant_conv(self._vae.encoder(crop)).float().chunk(2, dim=1)
            log_variance = log_variance.clamp(-30, 20)
            noise = torch.randn(mean.shape, device=self._device, generator=draw)
            decoded = self._vae.decode(mean + noise * (log_variance / 2).exp()).sample.float()
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
        return (decoded - crop).abs().mean() + edge_difference(decoded, crop) + KL_WEIGHT * divergence


def edge_difference(first: Tensor, second: Tensor) -> Tensor:
    """Mean difference of the gradients of two (B, 3, S, S) pictures, at three sizes."""
    total = torch.zeros((), device=first.device)
    for weight in EDGE_WEIGHTS:
        for axis in (-1, -2):
            total = total + weight * (first.diff(dim=axis) - second.diff(dim=axis)).abs().mean()
        first, second = F.avg_pool2d(first, 2), F.avg_pool2d(second, 2)
    return total


def latent_scale(networks: Networks, scenes: Scenes, seed: int) -> float:
    """The factor that brings unscaled latents of scenes to a standard deviation of 1."""
    with torch.no_grad():
        latents = networks.encode(scenes.batch(MEASURED_SCENES, seed, -1).pictures) / networks.scale
    return float(1 / latents.std())


def main() -> None:
    """Train, then write the averaged weights and the scale of the latents."""
    parser = stage_parser("Train the autoencoder of the pocket model.", batch=64, rate=1e-3)
    options = StageOptions(**vars(parser.parse_args()))
    fast_arithmetic()
    scenes = options.scenes()
    fresh = options.start == Path("new")
    networks = build(Shape(), seed=options.seed, device=options.device) if fresh else options.networks()
    stage = Reconstruction(networks, scenes, batch=options.batch, seed=options.seed, device=options.device)
    run = Run(stage, options.run(), options.device)
    run()
    adopt(stage.parameters(), run.average)
    pack({"vae": networks.vae.state_dict()}, options.output)
    scale = {"scaling_factor": latent_scale(networks, scenes, options.seed)}
    (options.output / "scale.json").write_text(json.dumps(scale) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
