"""CLIP as a bundle's ranker: how sure it is that a picture shows what a text says.

Radford et al. 2021 (arXiv:2103.00020). CLIP's cosines mean little by themselves: those of fitting pictures lie higher
for one prompt than for another. So the prompt is compared with rival texts that say what a failed draft is like, as
CLIP classifies without examples. Within one prompt that puts drafts in CLIP's order, a draft that looks like a rival
going further back; and 0.5 means for every prompt that the picture is as like it as all rivals together.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ClipRanker(nn.Module):
    """`image` (B, 3, S, S) in 0..1 and `input_ids` (B, tokens) int64 to `likeness` (B,) in 0..1."""

    mean: Tensor
    deviation: Tensor
    rivals: Tensor

    def __init__(
        self, model: nn.Module, *, mean: Tensor, deviation: Tensor, rival_ids: Tensor, end: int, stand_in: int
    ) -> None:
        """Wrap a CLIPModel of transformers.

        `mean` and `deviation` are those of its training pictures, (3,), by which it normalises; `rival_ids`, (R,
        tokens), are framed texts; `end` is the id that ends a text, `stand_in` the one for ids that it does not know.
        """
        super().__init__()
        self.model = model
        self.config: Any = model.config
        self.end, self.stand_in = end, stand_in
        self.register_buffer("mean", mean[:, None, None])
        self.register_buffer("deviation", deviation[:, None, None])
        with torch.inference_mode():
            rivals = self.said(rival_ids)
        self.register_buffer("rivals", rivals.clone())

    def seen(self, image: Tensor) -> Tensor:
        """Directions of pictures, (B, D)."""
        pooled = self.model.vision_model((image - self.mean) / self.deviation).pooler_output
        return F.normalize(self.model.visual_projection(pooled), dim=1)

    def said(self, input_ids: Tensor) -> Tensor:
        """Directions of texts, (B, D), read at their first end: what stands behind it is padding of any kind."""
        known = torch.where(input_ids < self.config.text_config.vocab_size, input_ids, self.stand_in)
        hidden = self.model.text_model(known).last_hidden_state
        ends = (known == self.end).to(torch.int32).argmax(dim=1)
        rows = torch.arange(hidden.shape[0], device=hidden.device)
        return F.normalize(self.model.text_projection(hidden[rows, ends]), dim=1)

    def forward(self, image: Tensor, input_ids: Tensor) -> tuple[Tensor]:
        """The share of the text among itself and its rivals, as CLIP's own sharpness deals them."""
        seen = self.seen(image)
        own = (seen * self.said(input_ids)).sum(dim=1, keepdim=True)
        cosines = torch.cat([own, seen @ self.rivals.T], dim=1)
        return ((self.model.logit_scale.exp() * cosines).softmax(dim=1)[:, 0],)
