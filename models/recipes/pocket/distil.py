"""Distil guidance and steps away: `python -m recipes.pocket.distil START OUTPUT`; 4 steps without guidance remain.

Latent consistency distillation (Luo et al. 2023, arXiv:2310.04378): the student's guess of the clean latents at one
timestep must equal its guess after the teacher, guided, has taken one DDIM step of a 50-step walk. The guidance scale
is fixed, so the student needs no input for it. The boundary weights of the paper are left out, as the sampler `lcm`
leaves them out: they are below 1e-5 at every timestep it visits.
"""

import copy
from typing import Any

import torch
from torch import Tensor

from recipes.pocket.diffusion import TIMESTEPS, WALK, Diffusion
from recipes.pocket.latent_bank import BankOptions, Encode, LatentBank
from recipes.pocket.networks import Networks
from recipes.pocket.options import StageOptions, fast_arithmetic, stage_parser
from recipes.pocket.packed import pack
from recipes.pocket.run import Run
from recipes.pocket.sampling import SampleOptions, look
from recipes.pocket.start import load_tokenizer
from recipes.pocket.text_ids import encoder_of
from recipes.pocket.train import KEPT_WEIGHT, adopt

HUBER = 0.001
"""Below this the loss is quadratic."""


class Distillation:
    """Teach a copy of the denoiser; the text encoder and the autoencoder stay."""

    def __init__(
        self,
        networks: Networks,
        bank: LatentBank,
        encode: Encode,
        *,
        batch: int,
        guidance: float,
        seed: int,
        device: str,
    ) -> None:
        """Keep the teacher as it is; `networks.unet` becomes the student."""
        self._networks, self._bank, self._guidance = networks, bank, guidance
        self._batch, self._seed, self._device = batch, seed, device
        self._teacher = copy.deepcopy(networks.unet).requires_grad_(False).eval()
        for frozen in (networks.vae, networks.text):
            frozen.requires_grad_(False).eval()
        networks.unet.train()
        self._diffusion = Diffusion.on(device)
        with torch.no_grad():
            self._empty = networks.context(encode([""]).to(device))

    def parameters(self) -> list[Tensor]:
        """The student."""
        return list(self._networks.unet.parameters())

    def loss(self, step: int) -> Tensor:
        """Pseudo-Huber distance of the two guesses, in the repainted cells above all."""
        draw = torch.Generator(self._device).manual_seed(self._seed * 1_000_003 + step)
        batch = self._bank.batch(step, self._batch, draw)
        stride = TIMESTEPS // WALK
        timesteps = torch.randint(1, WALK + 1, (self._batch,), device=self._device, generator=draw) * stride - 1
        noise = torch.randn(batch.clean.shape, device=self._device, generator=draw)
        noised = self._diffusion.noised(batch.clean, noise, timesteps)
        with torch.no_grad():
            context = self._networks.context(batch.ids)
            target = self._target(noised, timesteps, batch.given, context, stride)
        velocity = self._velocity(self._networks.unet, noised, timesteps, batch.given, context)
        error = self._diffusion.clean(noised, velocity, timesteps) - target
        distance = (error.square() + HUBER**2).sqrt() - HUBER
        return (distance * (KEPT_WEIGHT + (1 - KEPT_WEIGHT) * batch.cells)).mean()

    def _target(self, noised: Tensor, timesteps: Tensor, given: Tensor, context: Tensor, stride: int) -> Tensor:
        """The student's guess one guided step of the teacher later; the step's own end where that is clean."""
        empty = self._empty.expand(len(noised), -1, -1)
        without = self._velocity(self._teacher, noised, timesteps, given, empty)
        guided = without + self._guidance * (self._velocity(self._teacher, noised, timesteps, given, context) - without)
        earlier = timesteps - stride
        walked = self._diffusion.ddim(noised, guided, timesteps, earlier)
        at = earlier.clamp(min=0)
        guess = self._diffusion.clean(walked, self._velocity(self._networks.unet, walked, at, given, context), at)
        return torch.where((earlier < 0)[:, None, None, None], walked, guess)

    def _velocity(self, unet: Any, noised: Tensor, timesteps: Tensor, given: Tensor, context: Tensor) -> Tensor:
        seen = torch.cat([noised, given], dim=1).contiguous(memory_format=torch.channels_last)
        with torch.autocast(self._device, dtype=torch.bfloat16, enabled=self._device == "cuda"):
            velocity: Tensor = unet(seen, timesteps, context).sample.float()
        return velocity


def main() -> None:
    """Distil, then write the averaged weights and a sheet of 4-step samples."""
    parser = stage_parser("Distil the pocket model to 4 steps without guidance.", batch=256, rate=1e-4)
    parser.add_argument("--guidance", type=float, default=3.5, help="the scale that is distilled")
    parsed = vars(parser.parse_args())
    guidance = parsed.pop("guidance")
    options = StageOptions(**parsed)
    fast_arithmetic()
    scenes = options.scenes()
    networks, encode = options.networks(), encoder_of(load_tokenizer())
    bank = LatentBank(
        scenes, networks, encode, BankOptions(fresh=options.batch), seed=options.seed + 1, device=options.device
    )
    stage = Distillation(
        networks, bank, encode, batch=options.batch, guidance=guidance, seed=options.seed, device=options.device
    )
    run = Run(stage, options.run(), options.device)
    run()
    adopt(stage.parameters(), run.average)
    pack({"unet": networks.unet.state_dict(), "text_encoder": networks.text.state_dict()}, options.output)
    networks.unet.eval()
    quick = SampleOptions(steps=4, guidance=1.0, consistency=True)
    grounds = scenes.backgrounds.pixels[:, :, :256, :256]
    look(networks, encode, grounds, options.output / f"samples-{run.step}.png", quick)


if __name__ == "__main__":
    main()
