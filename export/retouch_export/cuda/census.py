"""How many fused nodes a network must give: counted from its modules, so that a silent miss fails the export."""

from collections import Counter
from collections.abc import Mapping

from torch import nn

from retouch_export.cuda import bias_add, group_norm, split_gelu
from retouch_export.tracing import TracedGraph
from retouch_models.errors import ExportError

NORMS = ("GroupNorm", "SkipGroupNorm")
LAYER_NORMS = ("LayerNormalization", "SkipLayerNormalization")

Census = Mapping[tuple[str, ...], int]
"""Operators, any of which counts, to how many there must be."""


def expected(network: nn.Module, traced: TracedGraph) -> Census:
    """Count what the modules that a traced graph is made of become on CUDA."""
    from diffusers.models.activations import GEGLU
    from diffusers.models.attention_processor import Attention
    from diffusers.models.transformers.transformer_2d import Transformer2DModel
    from transformers.activations import QuickGELUActivation

    parts = _reached(network, traced)
    attentions = [part for part in parts if isinstance(part, Attention)]
    # The one wide head of a VAE stays as plain matrices, its norm of (B, C, n) as it is.
    wide = {id(part.group_norm) for part in attentions if part.group_norm is not None}
    norms = [part for part in parts if isinstance(part, nn.GroupNorm) and id(part) not in wide]
    planes = sum(group_norm.fits(norm.num_channels, norm.num_groups) for norm in norms)
    halves = [part for part in parts if isinstance(part, GEGLU)]
    transformers = [part for part in parts if isinstance(part, Transformer2DModel)]
    found: dict[tuple[str, ...], int] = {
        ("NhwcConv",): sum(isinstance(part, nn.Conv2d) for part in parts),
        NORMS: planes,
        ("InstanceNormalization",): len(norms) - planes + len(wide),
        ("QuickGelu",): sum(isinstance(child, QuickGELUActivation) for part in parts for child in part.children()),
        ("BiasSplitGelu",): sum(part.proj.out_features in split_gelu.WIDTHS for part in halves),
    }
    if transformers:
        # Of three norms in a block the first of all follows no sum; the last sum of all is followed by no norm.
        blocks = [len(part.transformer_blocks) for part in transformers]
        found[("MultiHeadAttention",)] = len(attentions)
        found[("SkipLayerNormalization",)] = sum(3 * count - 1 for count in blocks)
        found[LAYER_NORMS] = sum(3 * count for count in blocks)
        found[("BiasAdd",)] = sum(part.inner_dim in bias_add.WIDTHS for part in transformers)
    return found


def _reached(network: nn.Module, traced: TracedGraph) -> list[nn.Module]:
    """Modules of which the graph holds a weight; equal weights are other names for one."""
    nodes = traced.proto.graph.node
    names = {*traced.weights, *(value for node in nodes if node.op_type == "Identity" for value in node.output)}
    owners = {name.removesuffix("^T").rpartition(".")[0] for name in names}
    above = {owner[: i + 1].rstrip(".") for owner in owners for i in range(len(owner)) if owner[i] == "."} | owners
    return [part for name, part in network.named_modules() if name in above]


def check_census(traced: TracedGraph, wanted: Census, role: str) -> None:
    """Raise ExportError, naming the graph, unless it has just these nodes."""
    count = traced.census()
    for operators, number in wanted.items():
        found = sum(count[operator] for operator in operators)
        if found != number:
            raise ExportError(
                f"{role}: the graph for CUDA has {found} nodes {' or '.join(operators)} where the model has {number}; "
                "report this with the model's config.json"
            )


def turned(traced: TracedGraph) -> int:
    """Count transpositions of activations; those of weights are made when the graph opens."""
    nodes = (node for node in traced.proto.graph.node if node.op_type == "Transpose")
    return sum(node.input[0] not in traced.weights for node in nodes)


def table(traced: TracedGraph) -> Counter[str]:
    """Count of nodes by operator, without constants and shapes, and without what is done to weights."""
    count = traced.census()
    for operator in ("Constant", "Shape", "Gather", "Unsqueeze"):
        del count[operator]
    count["Transpose"] = turned(traced)
    return count
