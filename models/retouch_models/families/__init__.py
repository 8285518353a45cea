"""Kinds of models, one module each: how to recognise one, and what its configuration does not say.

Recognition goes by the structure of the network, not by its name or its widths, so that a fine-tune, a distilled
or a small model of a kind is taken for what it is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from retouch_models.manifest import Defaults, Prediction, Spacing
from retouch_models.registry import Registry


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a checkpoint's configuration files say about its structure and its training noise."""

    channels: int
    """Input channels of the UNet: 9 for inpainting models, 4 for ordinary ones."""
    levels: int
    """Resolutions of the UNet; every level but the last halves the picture."""
    linear_projection: bool
    """Whether the projections around the attention are matrices (SD 2 and SDXL) or 1x1 convolutions (SD 1)."""
    text_encoders: int
    pooled_text: bool
    """Whether the UNet takes the pooled text and the sizes of the picture, as SDXL does."""
    guidance_embedding: bool
    """Whether the UNet takes the guidance as an input, as LCM kinds do."""
    prediction: Prediction
    spacing: Spacing
    native: int
    """Side in pixels that the configuration names."""

    @property
    def distilled(self) -> bool:
        """Whether the schedule is that of Turbo kinds: few steps from the very end, predicting the noise."""
        return self.spacing == "trailing" and self.prediction == "epsilon"


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """Largest relative error (L2 of the difference over L2 of PyTorch's fp32 result) of a graph, by precision."""

    fp32: float = 1e-4
    fp16: float = 5e-3
    int8: float = 6e-2
    picture_db: Mapping[str, float] = field(default_factory=lambda: {"fp32": 50.0, "fp16": 30.0, "int8": 20.0})
    """Least PSNR of one whole picture against diffusers."""

    def of(self, precision: str) -> float:
        """Largest relative error of a graph stored in that precision."""
        return {"fp32": self.fp32, "fp16": self.fp16, "int8": self.int8}[precision]


@dataclass(frozen=True, kw_only=True)
class Family:
    """One kind of model."""

    title: str
    recognises: Callable[[Facts], bool]
    """Whether a checkpoint is of this kind; the kinds exclude each other."""
    defaults: Defaults
    smallest: float = 0.5
    """Smallest working side, relative to the native one."""
    largest: float = 2.0
    """Largest working side that still gives sensible pictures, relative to the native one."""
    tolerance: Tolerance = field(default_factory=Tolerance)
    fast_sigmas: tuple[float, ...] = ()
    """Noise levels of the fast preset, falling, without the 0 at the end; empty where none were fitted."""


FAMILIES: Registry[Callable[[], Family]] = Registry("retouch_models.families", "model family")


def recognise(facts: Facts) -> tuple[str, Family] | None:
    """Name and family of the checkpoint with these facts, None if it is of no known kind."""
    if facts.channels not in (4, 9):
        return None
    families = {name: FAMILIES[name]() for name in FAMILIES}
    return next(((name, family) for name, family in families.items() if family.recognises(facts)), None)
