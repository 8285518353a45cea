"""The networks of a pipeline as diffusers and transformers build them: from a configuration, and with weights."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from retouch_export.loading import fill, stored_tensors
from retouch_export.safetensors_file import refuse_pickles
from retouch_models.errors import ExportError

TEXT_CLASSES = ("CLIPTextModel", "CLIPTextModelWithProjection")
_CONFIGS = {**dict.fromkeys(TEXT_CLASSES, "CLIPTextConfig"), "CLIPModel": "CLIPConfig"}
"""Networks of transformers, and their configurations; the others are diffusers'."""


def model_class(name: str) -> Any:
    """The class of that name; only those that a bundle can hold."""
    import diffusers
    import transformers

    return getattr(transformers if name in _CONFIGS else diffusers, name)


def build(class_name: str, config: dict[str, Any]) -> Any:
    """Build a network with random weights; under `torch.device("meta")` it takes no memory."""
    if class_name not in _CONFIGS:
        return model_class(class_name).from_config(config)
    import transformers

    return model_class(class_name)(getattr(transformers, _CONFIGS[class_name])(**config))


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a part; raises ExportError if it has none, or only pickles."""
    files = sorted(f for f in folder.glob("*.safetensors") if ".fp16." not in f.name and "ema" not in f.name)
    files = files if files else sorted(folder.glob("*.fp16.safetensors"))
    if files:
        return files
    refuse_pickles(folder)
    raise ExportError(f"{folder} has no weights (*.safetensors); fetch the model again")


@dataclass(frozen=True, eq=False)
class Outline:
    """What is known of a network without its weights."""

    config: Any
    """With all defaults filled in."""
    parameters: int
    layers: tuple[str, ...]
    """Names of the layers that have weights."""


def describe(class_name: str, config: dict[str, Any], where: str) -> Outline:
    """Build the network without memory; ExportError if the configuration describes none."""
    try:
        with torch.device("meta"):
            network = build(class_name, config)
    except (TypeError, ValueError, KeyError, AttributeError, NotImplementedError, RuntimeError) as error:
        raise ExportError(
            f"{where}: config.json describes no network that can be built ({first_line(error)})"
        ) from error
    return Outline(
        config=network.config,
        parameters=sum(p.numel() for p in network.parameters()),
        layers=tuple(name for name, layer in network.named_modules() if hasattr(layer, "weight")),
    )


def load_weights(class_name: str, folder: Path) -> Any:
    """Load a part as `loading.fill` does; raises ExportError for missing keys and wrong shapes."""
    config = read_json(folder / "config.json")
    return fill(lambda: build(class_name, config), stored_tensors(weight_files(folder)), str(folder))


def first_line(error: BaseException) -> str:
    """The first line of a message, at most 300 characters."""
    text = str(error).strip()
    return text.splitlines()[0][:300] if text else type(error).__name__


def read_json(path: Path) -> dict[str, Any]:
    """Read a configuration; raises ExportError."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ExportError(f"{path} is missing; give a folder in the layout of diffusers") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ExportError(f"{path} cannot be read ({error}); fetch the model again") from None
    if not isinstance(data, dict):
        raise ExportError(f"{path} is not a configuration; fetch the model again")
    return data
