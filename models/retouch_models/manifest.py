"""The bundle contract: what `manifest.json` says about a model, so that nothing is guessed from a name.

A bundle is a folder with `manifest.json`, the `.onnx` graphs (weights inside or in one data file beside each)
and the tokenizer files. Lengths are pixels unless a name says otherwise.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from retouch_models.decode import LATER, Misfit, decode, encode
from retouch_models.errors import BundleError

SCHEMA = 1
"""Version of this contract; a bundle with a higher one is refused."""

MANIFEST = "manifest.json"

Prediction = Literal["epsilon", "v", "sample"]
Spacing = Literal["leading", "trailing", "linspace"]
BetaSchedule = Literal["scaled_linear", "linear", "cosine", "given"]


@dataclass(frozen=True, kw_only=True)
class SizeSpec:
    """Sizes the model works at, in pixels."""

    native: int
    """Side of the square the model was trained on."""
    multiple: int
    """Every working side is a multiple of this."""
    minimum: int
    """Smallest working side."""
    maximum: int
    """Largest working side that still gives sensible pictures."""
    fixed: tuple[tuple[int, int], ...] = field(default=(), metadata=LATER)
    """The only sizes it works at, (width, height), the usual one first; empty for every size on the grid."""

    @property
    def usual(self) -> tuple[int, int]:
        """Width and height to work at if nothing speaks for others."""
        return self.fixed[0] if self.fixed else (self.native, self.native)

    def allows(self, width: int, height: int) -> bool:
        """Whether the model can work at this size."""
        if self.fixed:
            return (width, height) in self.fixed
        return all(side % self.multiple == 0 and self.minimum <= side <= self.maximum for side in (width, height))

    def words(self) -> str:
        """Say which sizes the model works at."""
        if self.fixed:
            return " or ".join(f"{width}x{height}" for width, height in self.fixed)
        return f"sides of {self.minimum} to {self.maximum}, each a multiple of {self.multiple}"


@dataclass(frozen=True, kw_only=True)
class LatentSpec:
    """How pictures and latents relate: z = (encode(x) - shift) * scale."""

    channels: int
    factor: int = 8
    """Pixels per latent cell and side."""
    scale: float = 0.18215
    shift: float = 0.0
    preview: tuple[tuple[float, ...], ...] | None = None
    """Rows of a (channels + 1, 3) matrix: latents and a bias to RGB in 0..1, a cheap preview."""


@dataclass(frozen=True, kw_only=True)
class NoiseSpec:
    """The training noise and what the UNet predicts."""

    prediction: Prediction
    timesteps: int = 1000
    beta_schedule: BetaSchedule = "scaled_linear"
    beta_start: float = 0.00085
    beta_end: float = 0.012
    betas: tuple[float, ...] | None = None
    """Only for the beta schedule `given`."""
    spacing: Spacing = "leading"
    steps_offset: int = 1
    zero_terminal_snr: bool = False
    final_sigma_zero: bool = True
    """Whether the last step ends at sigma 0 (true) or at the first training sigma."""


@dataclass(frozen=True, kw_only=True)
class TokenizerSpec:
    """One CLIP byte-pair vocabulary: `vocab.json` and `merges.txt` in `folder`."""

    folder: str
    tokens: int
    """Length of the framed sequence, start and end included."""
    bos: int
    eos: int
    pad: int
    words: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Words beyond the vocabulary, with the ids that stand for them: textual inversions."""


@dataclass(frozen=True, kw_only=True)
class TextSpec:
    """The text side: tokenizers and encoder graphs in the order in which their hidden states are joined."""

    tokenizers: tuple[TokenizerSpec, ...]
    encoders: tuple[str, ...] = ("text_encoder",)
    """Names of graphs; each gives `hidden_states` (B, tokens, D) and may give `pooled` (B, P)."""
    width: int = 768
    """Width of the joined hidden states."""
    zero_empty_negative: bool = False
    """Whether empty undesired content is zeros instead of the encoding of no words, as SDXL was trained."""


@dataclass(frozen=True, kw_only=True)
class ConditioningSpec:
    """What the UNet takes beyond latents, timestep and text."""

    masked_picture: bool = True
    """True: 9 channels, latents + mask + latents of the masked picture. False: an ordinary model."""
    pooled_text: int | None = None
    """Width of `text_embeds`, the pooled text of SDXL."""
    time_ids: int | None = None
    """Count of `time_ids`, sizes and crop of SDXL."""
    guidance_embedding: int | None = None
    """Width of `timestep_cond`, the guidance embedding of LCM kinds."""


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """Settings that suit the model."""

    steps: int = 20
    guidance: float = 7.5
    sampler: str = "dpmpp_2m"
    schedule: str = "model"
    negative_prompt: str = ""
    """Undesired content that is used when the user gives none."""
    empty_prompt: str = ""
    """Prompt that is used when the user gives none: what removes a thing."""
    blend: str = field(default="feather", metadata=LATER)
    """How what it paints is joined to the picture."""
    best_of: int = field(default=1, metadata=LATER)
    """Drafts from which the one most like the prompt is chosen, where no seed is asked for; needs a ranker."""


Axis = int | str


@dataclass(frozen=True, kw_only=True)
class TensorSpec:
    """One input or output of a graph: ONNX element type and axes; a text axis is free ("batch", "height")."""

    name: str
    dtype: str
    shape: tuple[Axis, ...]


@dataclass(frozen=True, kw_only=True)
class FileSpec:
    """One file of the bundle, by its path inside it."""

    file: str
    sha256: str
    bytes: int


_FLOAT32_AT_LEAST = 3.0
"""Bytes for each weight from which a graph's files count as float32."""


@dataclass(frozen=True, kw_only=True)
class GraphSpec:
    """One ONNX graph of the bundle."""

    file: FileSpec
    data: FileSpec | None = None
    """The external data file, if the weights are outside the graph."""
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    opset: int
    precision: str
    """How weights are stored: fp32, fp16, int8 …"""
    providers: tuple[str, ...] = ()
    """ONNX Runtime providers it was made for; empty for any."""
    parameters: int = 0
    gflop: float | None = None
    """Work of one evaluation at batch 1 and native size."""

    @property
    def one_size(self) -> bool:
        """Whether the graph takes pictures of one size only."""
        return all(isinstance(axis, int) for axis in self.inputs[0].shape[2:])

    @property
    def stored_bytes(self) -> int:
        """Bytes of its files."""
        return self.file.bytes + (0 if self.data is None else self.data.bytes)

    @property
    def folded(self) -> bool:
        """Whether its weights are stored in fewer bytes than float32 takes."""
        return self.stored_bytes < _FLOAT32_AT_LEAST * self.parameters


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Everything the runtime needs to know about a model."""

    schema: int = SCHEMA
    name: str
    title: str
    family: str
    description: str = ""
    licence: str
    attribution: tuple[str, ...] = ()
    made_with: str = ""
    source: str = ""
    size: SizeSpec
    latent: LatentSpec
    noise: NoiseSpec
    text: TextSpec
    conditioning: ConditioningSpec
    defaults: Defaults
    graphs: Mapping[str, GraphSpec]
    """By role: the text encoders, `unet`, `vae_encoder`, `vae_decoder`, and perhaps `preview_decoder` and `ranker`;
    a variant for another provider is named `unet@cuda`. Where a UNet is cut for a provider, `unet_text@cuda` and
    `unet_time@cuda` give what it takes in place of text and timestep. A ranker takes `image`, 0..1, and `input_ids` of
    the first tokenizer, and gives `likeness`, 0..1. Tensors say their types, and callers convert."""
    files: tuple[FileSpec, ...] = ()
    """The other files: vocabularies, model card."""
    parity: Mapping[str, Any] = field(default_factory=dict)
    """What the export measured against PyTorch: per graph and for a whole picture."""

    @property
    def ranks(self) -> bool:
        """Whether it can tell which of several drafts is most like the prompt."""
        return "ranker" in self.graphs

    def all_files(self) -> tuple[FileSpec, ...]:
        """Every file of the bundle but the manifest itself."""
        graphs = [f for g in self.graphs.values() for f in (g.file, g.data) if f is not None]
        return (*dict.fromkeys((*graphs, *self.files)),)

    def to_json(self) -> str:
        """Return the text of `manifest.json`; equal manifests give equal text."""
        return json.dumps(encode(self), indent=1, ensure_ascii=False) + "\n"


def parse_manifest(text: str, where: str) -> Manifest:
    """Read `manifest.json`; `where` names the bundle in errors (BundleError)."""
    try:
        data = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise BundleError(f"{where}: {MANIFEST} is not JSON ({error}); fetch or export the model again") from None
    schema = data.get("schema") if isinstance(data, dict) else None
    if isinstance(schema, int) and schema > SCHEMA:
        raise BundleError(
            f"{where}: made for a newer retouch (bundle schema {schema}, this one reads up to {SCHEMA}); "
            "upgrade with: pip install -U retouch"
        )
    try:
        manifest = decode(Manifest, data)
    except Misfit as misfit:
        raise BundleError(f"{where}: {MANIFEST}: {misfit}; fetch or export the model again") from None
    _check(manifest, where)
    return manifest


def _check(manifest: Manifest, where: str) -> None:
    needed = {"unet", "vae_encoder", "vae_decoder", *manifest.text.encoders}
    missing = sorted(needed - manifest.graphs.keys())
    if missing:
        raise BundleError(f"{where}: the manifest has no graph {', '.join(missing)}; export the model again")
    for spec in manifest.all_files():
        parts = spec.file.replace("\\", "/").split("/")
        if spec.file.startswith(("/", "\\")) or ".." in parts or any(":" in part for part in parts):
            raise BundleError(f"{where}: the manifest names a file outside the bundle ({spec.file}); do not use it")
        if not parts[-1] or spec.file == MANIFEST:
            raise BundleError(f"{where}: the manifest names {spec.file!r} as a file; export the model again")
    if not _agree(manifest.size, manifest.latent.factor):
        raise BundleError(f"{where}: the sizes in the manifest contradict each other; export the model again")


def _agree(size: SizeSpec, factor: int) -> bool:
    """Whether the sizes go together; a model for certain sizes need not be able to work at its native one."""
    if size.multiple <= 0 or size.multiple % factor or size.native <= 0:
        return False
    sides = [side for pair in size.fixed for side in pair] if size.fixed else [size.native]
    on_grid = not size.fixed or all(side % size.multiple == 0 for side in sides)
    return on_grid and all(0 < size.minimum <= side <= size.maximum for side in sides)
