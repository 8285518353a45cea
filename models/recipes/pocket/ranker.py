"""The ranker: a small network that says how like a prompt a picture is, so that the best of several can be kept.

Two towers in the manner of CLIP (Radford et al., arXiv:2103.00020): a picture and a text become directions, and their
cosine is the likeness. It sees the generator's own styles, and no artwork of the judge's.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recipes.pocket import classifier
from recipes.pocket.networks import Shape

WIDTHS = (32, 80, 160, 288)
"""Channels of the picture's tower after each halving of the side."""
DIRECTION = 192
"""Length of a direction."""
RATE = 3e-3
WORD = 96
"""Length of a token's vector."""
SHARPNESS = 16.0
"""Cosines are multiplied by this before they are compared."""
SAME = 0.8
"""Cosine from which on two texts say the same."""


class Ranker(nn.Module):
    """Pictures (B, 3, 64, 64) 0..1 and token ids (B, T) to likeness (B,), 0..1."""

    rivals: Tensor

    def __init__(self, rivals: int, shape: Shape | None = None) -> None:
        """Leave room for the directions of `rivals` texts."""
        super().__init__()
        shape = Shape() if shape is None else shape
        self.frame = (shape.bos, shape.eos)
        self.picture = classifier.network(DIRECTION, WIDTHS)
        self.words = nn.Embedding(shape.vocabulary, WORD)
        self.importance = nn.Embedding(shape.vocabulary, 1)
        self.text = nn.Sequential(nn.Linear(WORD, 256), nn.ReLU(), nn.Linear(256, DIRECTION))
        nn.init.zeros_(self.importance.weight)
        self.register_buffer("rivals", torch.zeros(rivals, DIRECTION))

    def seen(self, pictures: Tensor) -> Tensor:
        """Directions of pictures, (B, D)."""
        return F.normalize(self.picture(pictures - 0.5), dim=1)

    def said(self, ids: Tensor) -> Tensor:
        """Directions of texts, (B, D): their tokens, each as important as was learned, in any order."""
        bos, eos = self.frame
        framing = ((ids == bos) | (ids == eos)).float()[..., None]
        share = (self.importance(ids) - 1e4 * framing).softmax(dim=1)
        return F.normalize(self.text((self.words(ids) * share).sum(dim=1)), dim=1)

    def forward(self, pictures: Tensor, ids: Tensor) -> Tensor:
        """How sure it is that a picture shows what its text says, and none of the rivals, which say something else."""
        seen, said = self.seen(pictures), self.said(ids)
        own = (seen * said).sum(dim=1, keepdim=True)
        others = seen @ self.rivals.T - 1e4 * (said @ self.rivals.T > SAME).float()
        return (SHARPNESS * torch.cat([own, others], dim=1)).softmax(dim=1)[:, 0]


def mistaken(ranker: Ranker, pictures: Tensor, labels: Tensor, texts: Tensor) -> Tensor:
    """The loss: cross-entropy over all texts, one for each class, (classes, T)."""
    likeness = SHARPNESS * ranker.seen(pictures) @ ranker.said(texts).T
    return F.cross_entropy(likeness, labels, label_smoothing=0.05)


def learn(
    ranker: Ranker, lessons: classifier.Lessons, wordings: Tensor, *, steps: int, batch: int, seed: int, short: bool
) -> list[float]:
    """Train with one cosine; `wordings`, (classes, K, T), are K captions of each class. Returns every loss.

    `short` computes in bfloat16.
    """
    draw, generator = classifier.draws(seed)
    ranker.picture.to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(ranker.parameters(), RATE, weight_decay=0.05)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps, pct_start=min(0.1, 200 / steps))
    every = torch.arange(len(wordings))
    losses = []
    for _ in range(steps):
        pictures, labels = lessons.batch(batch, draw, generator)
        which = torch.randint(wordings.shape[1], (len(wordings),), generator=generator)
        with torch.autocast("cpu", torch.bfloat16, enabled=short):
            seen = pictures.contiguous(memory_format=torch.channels_last)
            loss = mistaken(ranker, seen, labels, wordings[every, which])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        plan.step()
        losses.append(loss.item())
    return losses
