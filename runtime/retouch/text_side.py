"""The text side of a bundle: its tokenizers and encoders, and what the UNet takes from them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retouch.request import InpaintRequest, given
from retouch.session import Graphs, Tensor
from retouch.tokenizer import Tokenizer
from retouch.work_area import Region


@dataclass(frozen=True, eq=False)
class Text:
    """An encoded pair of prompts."""

    context: NDArray[np.float32]
    extra_: Mapping[str, Tensor]
    notes: tuple[str, ...]

    def extra(self, region: Region) -> dict[str, Tensor]:
        return dict(self.extra_)


class TextSide:
    def __init__(self, graphs: Graphs) -> None:
        self._graphs = graphs
        spec = graphs.bundle.manifest.text
        self._tokenizer = Tokenizer.load(graphs.bundle.folder / spec.tokenizers[0].folder, spec.tokenizers[0])

    def __call__(self, request: InpaintRequest) -> Text:
        prompts = [request.prompt] if given(request.guidance) == 1 else [request.negative_prompt, request.prompt]
        ids = np.stack([self._tokenizer.frame(self._tokenizer.tokens(p)[: self._tokenizer.capacity]) for p in prompts])
        (hidden, *_) = self._graphs["text_encoder"]({"input_ids": ids})
        return Text(hidden.astype(np.float32), {}, ())
