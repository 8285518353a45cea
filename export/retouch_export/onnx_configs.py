"""What optimum's exporter is told about each graph: its own descriptions, with the names and axes of the bundle.

optimum knows which inputs a UNet of each kind has, in which order, and how transformers must be patched to be
traceable; the bundle differs in names (`image`, `latents`, `hidden_states`) and in a timestep that has an axis.
"""

from typing import Any

from optimum.exporters.onnx import OnnxConfig
from optimum.exporters.onnx.model_configs import (
    CLIPOnnxConfig,
    CLIPTextOnnxConfig,
    UNetOnnxConfig,
    VaeDecoderOnnxConfig,
    VaeEncoderOnnxConfig,
)

from retouch_export.clip_ranker import ClipRanker
from retouch_export.modules import PreviewDecoder, TextEncoder, UNet, VaeDecoder, VaeEncoder

Axes = dict[str, dict[int, str]]


class TextEncoderConfig(CLIPTextOnnxConfig):
    """Token ids to hidden states and the pooled text."""

    @property
    def outputs(self) -> Axes:
        """Names and free axes of the outputs."""
        return {"hidden_states": {0: "batch", 1: "tokens"}, "pooled": {0: "batch"}}

    @property
    def inputs(self) -> Axes:
        """Names and free axes of the inputs."""
        return {"input_ids": {0: "batch", 1: "tokens"}}


class UNetConfig(UNetOnnxConfig):
    """The denoiser; optimum says which of the optional inputs this one has."""

    @property
    def inputs(self) -> Axes:
        """Names and free axes of the inputs: batch and timesteps are apart, so one timestep serves a batch."""
        axes = {name: {0: "batch"} for name in super().inputs}
        axes["sample"] = {0: "batch", 2: "height", 3: "width"}
        axes["timestep"] = {0: "timesteps"}
        axes["encoder_hidden_states"] = {0: "batch", 1: "text"}
        return axes

    def ordered_inputs(self, model: Any) -> Axes:
        """Order the inputs as the module takes them."""
        return OnnxConfig.ordered_inputs(self, model)

    @property
    def outputs(self) -> Axes:
        """Names and free axes of the outputs."""
        return {"out_sample": {0: "batch", 2: "height", 3: "width"}}

    @property
    def torch_to_onnx_output_map(self) -> dict[str, str]:
        """The module has the bundle's names already."""
        return {}


class VaeEncoderConfig(VaeEncoderOnnxConfig):
    """Picture to latents."""

    @property
    def inputs(self) -> Axes:
        """Names and free axes of the inputs."""
        return {"image": {0: "batch", 2: "image_height", 3: "image_width"}}

    @property
    def outputs(self) -> Axes:
        """Names and free axes of the outputs."""
        return {"latents": {0: "batch", 2: "height", 3: "width"}}


class VaeDecoderConfig(VaeDecoderOnnxConfig):
    """Latents to picture."""

    @property
    def inputs(self) -> Axes:
        """Names and free axes of the inputs."""
        return {"latents": {0: "batch", 2: "height", 3: "width"}}

    @property
    def outputs(self) -> Axes:
        """Names and free axes of the outputs."""
        return {"image": {0: "batch", 2: "image_height", 3: "image_width"}}


class ClipRankerConfig(CLIPOnnxConfig):
    """Picture and token ids, both of one size, to likeness."""

    @property
    def inputs(self) -> Axes:
        """Names and free axes of the inputs."""
        return {"image": {0: "batch"}, "input_ids": {0: "batch"}}

    @property
    def outputs(self) -> Axes:
        """Names and free axes of the outputs."""
        return {"likeness": {0: "batch"}}


CONFIGS: dict[type, type[OnnxConfig]] = {
    TextEncoder: TextEncoderConfig,
    UNet: UNetConfig,
    VaeEncoder: VaeEncoderConfig,
    VaeDecoder: VaeDecoderConfig,
    PreviewDecoder: VaeDecoderConfig,
    ClipRanker: ClipRankerConfig,
}
"""By the class of the module in `modules.py` or `clip_ranker.py`."""
