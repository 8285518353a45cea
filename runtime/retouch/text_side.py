"""The text side of a bundle: its tokenizers and encoders, and what the UNet takes from them."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from retouch.conditioning import (
    Conditioning,
    PromptOptions,
    TextEncoding,
    TextModel,
    add_guidance_embedding,
    add_time_ids,
    encode_prompt,
)
from retouch.prompt.chunks import ChunkIds
from retouch.request import InpaintRequest, given
from retouch.session import Graphs, Tensor
from retouch.tokenizer import Tokenizer
from retouch.work_area import Region


@dataclass(frozen=True, eq=False)
class Steering:
    """An encoded pair of prompts, and what it adds for a region."""

    conditioning: Conditioning
    takes_time_ids: bool

    def extra(self, region: Region) -> dict[str, Tensor]:
        """Further UNet inputs by name; SDXL is told the size of what it sees."""
        if not self.takes_time_ids:
            return dict(self.conditioning.extra)
        work = region.placement.work
        return dict(add_time_ids(self.conditioning, original=work, crop=(0, 0), target=work).extra)


class TextSide:
    """Encodes the prompts of a request, remembering the last ones: candidates and regions share them."""

    def __init__(self, graphs: Graphs) -> None:
        """Read the vocabularies; the encoders open when first used."""
        self._manifest = graphs.bundle.manifest
        spec = self._manifest.text
        self._models = [
            TextModel(Tokenizer.load(graphs.bundle.folder / tokenizer.folder, tokenizer), _encoder(graphs, role))
            for tokenizer, role in zip(spec.tokenizers, spec.encoders, strict=True)
        ]
        self._chunk = _takes_any_length(graphs)
        self._last: tuple[InpaintRequest, Steering] | None = None

    def __call__(self, request: InpaintRequest) -> Steering:
        """Encode; PromptError if a prompt cannot be read. An empty prompt becomes the model's own for removing."""
        key = InpaintRequest(
            prompt=request.prompt.strip() or self._manifest.defaults.empty_prompt,
            negative_prompt=request.negative_prompt or self._manifest.defaults.negative_prompt,
            prompt_syntax=request.prompt_syntax,
            guidance=given(request.guidance),
        )
        if self._last is None or self._last[0] != key:
            self._last = key, self._encode(key)
        return self._last[1]

    def forget(self) -> None:
        """Forget the prompts."""
        self._last = None

    def _encode(self, request: InpaintRequest) -> Steering:
        spec, guidance = self._manifest.conditioning, given(request.guidance)
        conditioning = encode_prompt(
            request.prompt,
            request.negative_prompt,
            guidance=guidance if spec.guidance_embedding is None else 1.0,  # those were distilled with it inside
            models=self._models,
            options=PromptOptions(
                syntax=request.prompt_syntax,
                chunk=self._chunk,
                zero_empty_negative=self._manifest.text.zero_empty_negative,
            ),
        )
        if spec.pooled_text is None:
            conditioning = replace(conditioning, extra={})
        if spec.guidance_embedding is not None:
            conditioning = add_guidance_embedding(conditioning, guidance, spec.guidance_embedding)
        return Steering(conditioning, takes_time_ids=spec.time_ids is not None)


def _encoder(graphs: Graphs, role: str) -> Callable[[ChunkIds], TextEncoding]:
    def encode(ids: ChunkIds) -> TextEncoding:
        session = graphs[role]
        names = [t.name for t in session.spec.outputs]
        found = dict(zip(names, session({"input_ids": ids}), strict=True))
        return TextEncoding(found["hidden_states"], found.get("pooled"))

    return encode


def _takes_any_length(graphs: Graphs) -> bool:
    """Whether the UNet takes the text of several chunks: the token axis of its graph is free."""
    unet = graphs.bundle.graph("unet")
    return all(isinstance(t.shape[1], str) for t in unet.inputs if t.name == "encoder_hidden_states")
