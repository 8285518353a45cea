"""The texts that a prompt is compared with when a ranker looks at a picture, in the ids of the bundle."""

from dataclasses import replace

import torch
from torch import Tensor

from retouch.tokenizer import Tokenizer
from retouch_export.checkpoint import Checkpoint
from retouch_export.description import text_spec

RIVALS = (
    "a picture of something else",
    "an empty background",
    "a blurry shape",
    "a distorted picture",
    "a plain surface",
)
"""What drafts fail by: another thing, nothing, no form, a broken form, a mere filling. They name no thing and no style,
so that hardly any prompt asks for them; one that does is no likelier than one of two and keeps its order."""

STAND_IN = "thing"
"""The word that is read where a textual inversion added one, which CLIP never saw."""


def first_tokenizer(checkpoint: Checkpoint) -> Tokenizer:
    """The tokenizer whose ids a ranker takes, without the words that textual inversions added."""
    return Tokenizer.load(checkpoint.tokenizers[0], replace(text_spec(checkpoint).tokenizers[0], words={}))


def framed(tokenizer: Tokenizer, texts: tuple[str, ...]) -> Tensor:
    """Token ids of texts, (N, tokens) int64; what does not fit is cut."""
    frames = [tokenizer.frame(tokenizer.tokens(text)[: tokenizer.capacity]) for text in texts]
    return torch.stack([torch.from_numpy(frame) for frame in frames])
