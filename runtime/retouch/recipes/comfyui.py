"""Recipes of ComfyUI: the text `prompt`, a graph of nodes. A graph can be anything, so this is a best effort: the
sampler node, and what its inputs lead back to."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from retouch.picture import Picture
from retouch.prompt import from_a1111
from retouch.recipe import ModelFact, PictureFact, Recipe
from retouch.recipes import READERS
from retouch.recipes._gather import Gathered

_SAMPLERS = ("KSampler", "KSamplerAdvanced", "KSampler (Efficient)", "SamplerCustom")
_TEXT_INPUTS = ("text", "text_g", "value", "string", "prompt")
_MODEL_INPUTS = ("ckpt_name", "unet_name", "model_name")
_USED = frozenset(
    {"seed", "noise_seed", "steps", "cfg", "sampler_name", "scheduler", "denoise", "model", "positive", "negative"}
    | {"latent_image", "add_noise", "return_with_leftover_noise", "control_after_generate"}
)

Node = Mapping[str, Any]


@READERS.register
def read(picture: Picture) -> Recipe | None:
    """Read the graph; None when there is none, or no sampler in it."""
    nodes = _nodes(picture.text.get("prompt"))
    samplers = [node for node in nodes.values() if node.get("class_type") in _SAMPLERS]
    if not samplers:
        return None
    sampler, inputs = samplers[0], _inputs(samplers[0])
    found = Gathered()
    found.prompt("prompt", _text(nodes, inputs.get("positive")), from_a1111)
    found.prompt("negative_prompt", _text(nodes, inputs.get("negative")), from_a1111)
    found.whole("seed", _value(nodes, inputs.get("seed", inputs.get("noise_seed"))), "seed")
    found.whole("steps", _value(nodes, inputs.get("steps")), "steps")
    found.number("guidance", _value(nodes, inputs.get("cfg")), "cfg")
    found.number("strength", _value(nodes, inputs.get("denoise")), "denoise")
    found.sampler(_value(nodes, inputs.get("sampler_name")), _value(nodes, inputs.get("scheduler")), "sampler_name")
    found.take("rng", "torch-cpu", "noise")
    found.rest({k: v for k, v in inputs.items() if not isinstance(v, list)}, _USED)
    if len(samplers) > 1:
        found.leave("samplers", f"{len(samplers)} in the graph; only {sampler['class_type']} was read")
    for node in _upstream(nodes, inputs.get("model")):
        if "lora_name" in _inputs(node):
            found.leave("network", _inputs(node)["lora_name"])
    return Recipe(
        request=found.request(),
        model=_model(nodes, inputs.get("model")),
        picture=_size(nodes, inputs.get("latent_image")),
        source="comfyui",
        unmapped=found.unmapped(),
    )


def _nodes(text: str | None) -> dict[str, Node]:
    try:
        data = json.loads(text or "null")
    except (ValueError, RecursionError):
        return {}
    return {str(k): v for k, v in data.items() if isinstance(v, Mapping)} if isinstance(data, Mapping) else {}


def _inputs(node: Node) -> Node:
    inputs = node.get("inputs")
    return inputs if isinstance(inputs, Mapping) else {}


def _upstream(nodes: Mapping[str, Node], link: object) -> Iterator[Node]:
    """The node that a link `[id, output]` leads to, and all that feed it, nearest first; loops end."""
    seen: set[str] = set()
    waiting = [link]
    while waiting:
        target = waiting.pop(0)
        name = str(target[0]) if isinstance(target, list) and target else None
        if name is None or name in seen or name not in nodes:
            continue
        seen.add(name)
        yield nodes[name]
        waiting += _inputs(nodes[name]).values()


def _text(nodes: Mapping[str, Node], link: object) -> str | None:
    for node in _upstream(nodes, link):
        for name in _TEXT_INPUTS:
            if isinstance(_inputs(node).get(name), str):
                return str(_inputs(node)[name])
    return None


def _value(nodes: Mapping[str, Node], value: object) -> object:
    """A plain value, or the one of the node that a link leads to."""
    if not isinstance(value, list):
        return value
    for node in _upstream(nodes, value):
        for inner in _inputs(node).values():
            if isinstance(inner, (int, float, str)):
                return inner
    return None


def _model(nodes: Mapping[str, Node], link: object) -> ModelFact | None:
    names = (_inputs(n).get(i) for n in _upstream(nodes, link) for i in _MODEL_INPUTS)
    name = next((n for n in names if isinstance(n, str)), None)
    return None if name is None else ModelFact(name=name)


def _size(nodes: Mapping[str, Node], link: object) -> PictureFact | None:
    for node in _upstream(nodes, link):
        width, height = _inputs(node).get("width"), _inputs(node).get("height")
        if isinstance(width, int) and isinstance(height, int):
            return PictureFact(width=width, height=height)
    return None
