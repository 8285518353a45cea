"""Train the denoiser and the text encoder: `python -m recipes.pocket.train START OUTPUT`.

Started again with the same arguments, it goes on where it stopped.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from recipes.pocket.diffusion import TIMESTEPS, Diffusion
from recipes.pocket.latent_bank import BankOptions, LatentBank, shortened
from recipes.pocket.networks import Networks
from recipes.pocket.options import StageOptions, fast_arithmetic, stage_parser
from recipes.pocket.packed import pack
from recipes.pocket.run import Run
from recipes.pocket.sampling import SampleOptions, look
from recipes.pocket.start import load_tokenizer
from recipes.pocket.text_ids import encoder_of

KEPT_WEIGHT = 0.25
"""Weight of latent cells that are not repainted; those that are count 1."""
COMPILERS: dict[str, Callable[[Any], Any]] = {
    "none": lambda unet: unet,
    "whole": torch.compile,
}


class Denoising:
    """Predict v in latent inpainting, with min-SNR weights."""

    def __init__(
        self,
        networks: Networks,
        bank: LatentBank,
        *,
        batch: int,
        seed: int,
        device: str,
        compiler: str = "none",
        short: bool = False,
        early: float = 1.0,
    ) -> None:
        """Freeze the autoencoder.

        A timestep is a uniform draw to the power of `early`: below 1, the noisy ones come more often.
        """
        self._networks, self._bank, self._batch, self._seed, self._device = networks, bank, batch, seed, device
        self._diffusion, self._short, self._early = Diffusion.on(device), short, early
        self._unet = COMPILERS[compiler](networks.unet)
        networks.vae.requires_grad_(False).eval()
        networks.unet.train()
        networks.text.train()

    def parameters(self) -> list[Tensor]:
        """All of the denoiser and the text encoder."""
        return self._networks.learning()

    def loss(self, step: int) -> Tensor:
        """Mean weighted squared error of v."""
        draw = torch.Generator(self._device).manual_seed(self._seed * 1_000_003 + step)
        given = self._bank.batch(step, self._batch, draw)
        uniform = torch.rand(self._batch, device=self._device, generator=draw)
        timesteps = (uniform.pow(self._early) * TIMESTEPS).long().clamp(max=TIMESTEPS - 1)
        noise = torch.randn(given.clean.shape, device=self._device, generator=draw)
        noised = self._diffusion.noised(given.clean, noise, timesteps)
        seen = torch.cat([noised, given.given], dim=1).contiguous(memory_format=torch.channels_last)
        with shortened(self._device, self._short):
            predicted = self._unet(seen, timesteps, self._networks.context(given.ids)).sample.float()
        error = (predicted - self._diffusion.target(given.clean, noise, timesteps)).square()
        weight = self._diffusion.weight(timesteps) * (KEPT_WEIGHT + (1 - KEPT_WEIGHT) * given.cells)
        return (error * weight).mean()


def main() -> None:
    """Train, then write the averaged weights and a sheet of samples."""
    parser = stage_parser("Train the denoiser and the text encoder of the pocket model.", batch=384, rate=5e-4)
    parser.add_argument("--compile", choices=COMPILERS, default="none", help="worth it only in a run of hours")
    parser.add_argument("--early", type=float, default=1.0, help="below 1, noisy timesteps are drawn more often")
    parsed = vars(parser.parse_args())
    compiler, early = parsed.pop("compile"), parsed.pop("early")
    options = StageOptions(**parsed)
    fast_arithmetic()
    scenes = options.scenes()
    networks, encode = options.networks(), encoder_of(load_tokenizer())
    held = BankOptions(fresh=options.batch, short=options.short)
    bank = LatentBank(scenes, networks, encode, held, seed=options.seed, device=options.device)
    stage = Denoising(
        networks,
        bank,
        batch=options.batch,
        seed=options.seed,
        device=options.device,
        compiler=compiler,
        short=options.short,
        early=early,
    )
    run = Run(stage, options.run(), options.device)
    run()
    adopt(networks.learning(), run.average)
    pack({"unet": networks.unet.state_dict(), "text_encoder": networks.text.state_dict()}, options.output)
    networks.unet.eval()
    networks.text.eval()
    sheet = options.output / f"samples-{run.step}.png"
    look(networks, encode, scenes.backgrounds.pixels[:, :, :256, :256], sheet, SampleOptions())


def adopt(parameters: Sequence[Tensor], average: Sequence[Tensor]) -> None:
    """Put the averaged weights into the networks."""
    with torch.no_grad():
        for own, mean in zip(parameters, average, strict=True):
            own.copy_(mean)


if __name__ == "__main__":
    main()
