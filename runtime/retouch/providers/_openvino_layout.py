"""Spares OpenVINO its slowest change of layout, in float32 on the processor; not a bit of the result changes.

Convolutions leave channels last, and group normalisation wants them first. For fewer than 128 channels OpenVINO's
kernel for float32 makes that change several times as slowly as its kernel for transposing (2026.4: 190 of 440 ms of
the bundled model's decoder on one thread). So the change is written out as a transpose of an array whose channels are
last already. With more channels, and in shorter numbers, its own way is the quicker one.
"""

from typing import Any

import numpy as np

FEW_CHANNELS = 128


def transpose_before_norms(model: Any) -> int:
    """Change an `openvino.Model` in place; returns how many normalisations were changed."""
    changed = 0
    for norm in model.get_ordered_ops():
        reshape = norm.input_value(0).get_node() if norm.get_type_name() == "MVN" else None
        if reshape is None or not _groups_channels(reshape):
            continue
        from openvino import opset13 as op

        picture = reshape.input_value(0)
        channels = picture.get_partial_shape()[1].get_length()
        last = op.transpose(picture, np.array([0, 2, 3, 1]))
        rows = op.reshape(last, np.array([0, -1, channels]), special_zero=True)  # (B, H W, C)
        reshape.input(0).replace_source_output(op.transpose(rows, np.array([0, 2, 1])).output(0))
        changed += 1
    if changed:
        model.validate_nodes_and_infer_types()
    return changed


def _groups_channels(node: Any) -> bool:
    """Whether it brings a picture, (B, C, H, W) with few channels, to (B, groups, values) as group normalisation does.

    Layer normalisation of rows of pixels looks alike; OpenVINO takes such transposes apart wrongly there.
    """
    if node.get_type_name() != "Reshape" or node.input_value(1).get_node().get_type_name() != "Constant":
        return False
    shape, wanted = node.input_value(0).get_partial_shape(), node.input_value(1).get_node().data.tolist()
    if shape.rank.get_length() != 4 or shape[1].is_dynamic or len(wanted) != 3 or wanted[0] != 0 or wanted[2] != -1:
        return False
    channels = int(shape[1].get_length())
    groups = int(wanted[1])
    return 0 < groups <= channels < FEW_CHANNELS and channels % groups == 0
