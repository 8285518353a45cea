"""Computes once what both halves of a guided step have in common; the result stays the same.

Guidance asks the UNet for the same latents under two prompts. Until the first look at a prompt, and along the skip
connections from there, the two halves are equal: the first level of a UNet of Stable Diffusion's kind, which is the
one with the most pixels. So latents are cut to one half at the entrance, and doubled where a prompt comes in.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

LATENTS, SHARED = "sample", ("sample", "timestep")
"""The input that holds each half, and all inputs that are the same for both."""


def compute_pair_once(model: Any) -> int:
    """Change an `openvino.Model` of fixed sizes, whose latents are two equal halves, in place.

    Returns how many tensors are doubled; 0 leaves the model as it was, because it is of another kind. Raises ValueError
    or RuntimeError where that shows too late; the model is of no use then.
    """
    latents = next((port for port in model.inputs if LATENTS in port.get_names()), None)
    if latents is None or latents.get_partial_shape()[0] != 2:
        return 0
    halves = _after([port for port in model.inputs if not port.get_names().isdisjoint(SHARED)])
    prompted = _after([port for port in model.inputs if port.get_names().isdisjoint(SHARED)])
    crossings = [
        (output, [target for target in output.get_target_inputs() if target.get_node().get_friendly_name() in prompted])
        for node in model.get_ordered_ops()
        if node.get_friendly_name() in halves - prompted
        for output in node.outputs()
        if output.get_element_type().is_real() and _leads_with(output, 2)
    ]
    crossings = [(output, targets) for output, targets in crossings if targets]
    if not crossings or any(
        port.get_node().input_value(0).get_node().get_friendly_name() not in prompted for port in model.outputs
    ):
        return 0
    from openvino import opset13 as op

    _write_sizes_out(model, prompted)
    entrance = list(latents.get_target_inputs())
    first = op.slice(latents, np.array([0]), np.array([1]), np.array([1]), np.array([0]))
    for target in entrance:
        target.replace_source_output(first.output(0))
    for output, targets in crossings:
        source = first.output(0) if output == latents else output
        doubled = op.concat([source, source], 0)
        for target in targets:
            target.replace_source_output(doubled.output(0))
    model.validate_nodes_and_infer_types()
    if not all(_leads_with(port, 2) for port in model.outputs):
        raise ValueError("the pair became a half on its way")
    return len(crossings)


def _write_sizes_out(model: Any, prompted: set[str]) -> None:
    """Put numbers in place of what computes sizes behind the prompts, which must stay those of the pair."""
    from openvino import opset13 as op

    for node in model.get_ordered_ops():
        if node.get_friendly_name() in prompted and node.get_type_name() != "ShapeOf":
            for port in node.inputs():
                source = port.get_source_output()
                if source.get_element_type().is_integral() and source.get_node().get_type_name() != "Constant":
                    port.replace_source_output(op.constant(_value(source)).output(0))


def _value(port: Any) -> NDArray[Any]:
    """What a computation of sizes comes to; ValueError if it is none."""
    from openvino import Tensor

    node = port.get_node()
    if node.get_type_name() == "Constant":
        return np.array(node.data)
    dtype = port.get_element_type().to_dtype()
    if node.get_type_name() == "ShapeOf":
        return np.array(node.input_value(0).get_shape(), dtype)
    if not node.inputs():
        raise ValueError(f"{node.get_friendly_name()} is no size")
    found = Tensor(np.zeros(list(port.get_shape()), dtype))
    if not node.evaluate([found], [Tensor(_value(source)) for source in node.input_values()]):
        raise ValueError(f"{node.get_friendly_name()} cannot be computed beforehand")
    return np.array(found.data)


def _leads_with(port: Any, length: int) -> bool:
    shape = port.get_partial_shape()
    return bool(shape.rank.get_length() > 1 and shape[0] == length)


def _after(ports: list[Any]) -> set[str]:
    """Names of the nodes that these ports have an effect on, their own among them."""
    found, waiting = set[str](), [port.get_node() for port in ports]
    while waiting:
        node = waiting.pop()
        if node.get_friendly_name() not in found:
            found.add(node.get_friendly_name())
            waiting += [target.get_node() for output in node.outputs() for target in output.get_target_inputs()]
    return found
