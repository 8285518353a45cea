"""Captions to token ids, by the tokenizer that ships."""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from recipes.pocket.latent_bank import Encode
from retouch.tokenizer import TokenIds, Tokenizer


def encoder_of(tokenizer: Tokenizer) -> Encode:
    """Frame and pad each caption; what is too long is cut. Captions repeat, so they are remembered."""

    @lru_cache(maxsize=200_000)
    def framed(text: str) -> TokenIds:
        return tokenizer.frame(tokenizer.tokens(text)[: tokenizer.capacity])

    def encode(texts: list[str]) -> Tensor:
        return torch.from_numpy(np.stack([framed(text) for text in texts]))

    return encode
