"""The forward process and its training target."""

from dataclasses import dataclass

import torch
from torch import Tensor

TIMESTEPS = 1000
BETA_START, BETA_END = 0.00085, 0.012
WALK = 50
"""Steps of the walk along which a model is distilled and sampled: timesteps 19, 39, ..., 999."""
MIN_SNR = 5.0
FLOOR = 0.2
"""Added to the weight: the noisiest timesteps decide what is drawn, and would hardly count."""


@dataclass(frozen=True, eq=False)
class Diffusion:
    """x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) noise, v = sqrt(a_t) noise - sqrt(1 - a_t) x_0 (Salimans & Ho 2022)."""

    alphas: Tensor
    """Cumulative products a_t, (1000,) float32."""

    @classmethod
    def on(cls, device: str) -> "Diffusion":
        """The scaled linear schedule of Stable Diffusion."""
        betas = torch.linspace(BETA_START**0.5, BETA_END**0.5, TIMESTEPS, dtype=torch.float64) ** 2
        return cls(torch.cumprod(1 - betas, dim=0).float().to(device))

    def at(self, timesteps: Tensor) -> Tensor:
        """a_t of (B,) timesteps, (B, 1, 1, 1)."""
        return self.alphas[timesteps][:, None, None, None]

    def noised(self, clean: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """x_t."""
        alpha = self.at(timesteps)
        return alpha.sqrt() * clean + (1 - alpha).sqrt() * noise

    def target(self, clean: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """v."""
        alpha = self.at(timesteps)
        return alpha.sqrt() * noise - (1 - alpha).sqrt() * clean

    def clean(self, noised: Tensor, velocity: Tensor, timesteps: Tensor) -> Tensor:
        """The x_0 that a velocity means."""
        alpha = self.at(timesteps)
        return alpha.sqrt() * noised - (1 - alpha).sqrt() * velocity

    def noise(self, noised: Tensor, velocity: Tensor, timesteps: Tensor) -> Tensor:
        """The noise that a velocity means."""
        alpha = self.at(timesteps)
        return alpha.sqrt() * velocity + (1 - alpha).sqrt() * noised

    def weight(self, timesteps: Tensor) -> Tensor:
        """Min-SNR weight of a loss on v, (B, 1, 1, 1): min(SNR, 5) / (SNR + 1) (Hang et al., arXiv:2303.09556)."""
        alpha = self.at(timesteps)
        ratio = alpha / (1 - alpha)
        return ratio.clamp(max=MIN_SNR) / (ratio + 1) + FLOOR

    def ddim(self, noised: Tensor, velocity: Tensor, timesteps: Tensor, to: Tensor) -> Tensor:
        """One DDIM step to the timesteps `to`, (B,); -1 is the clean end (Song et al. 2021, eq. 12 with eta 0)."""
        clean, noise = self.clean(noised, velocity, timesteps), self.noise(noised, velocity, timesteps)
        alpha = torch.where(to < 0, torch.ones_like(self.alphas[:1]), self.alphas[to.clamp(min=0)])[:, None, None, None]
        return alpha.sqrt() * clean + (1 - alpha).sqrt() * noise
