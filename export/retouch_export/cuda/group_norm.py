"""GroupNorm and a SiLU after it as one operator.

torch writes a GroupNorm as InstanceNormalization of (B, groups, n) with scale and shift of each channel afterwards.
"""

from dataclasses import dataclass, replace

from onnx import NodeProto, helper

from retouch_export.cuda import DOMAIN
from retouch_export.graph_edit import GraphEdit, attribute, with_opset
from retouch_export.tracing import TracedGraph

MOST_GROUPS = 32
"""The kernel's buffer of sums has room for so many groups."""
MOST_IN_A_GROUP = 512
"""Channels that one block of threads takes."""


def fits(channels: int, groups: int) -> bool:
    """Whether the CUDA kernel takes a norm of this size; it reads channels in pairs, and a pair is of one group."""
    size, rest = divmod(channels, groups)
    return groups <= MOST_GROUPS and rest == 0 and size % 2 == 0 and size <= MOST_IN_A_GROUP


def fuse_group_norm(traced: TracedGraph) -> TracedGraph:
    """Replace every norm over planes that the kernel takes; scale and shift stay fp32 as the kernel wants them."""
    edit = GraphEdit(traced)
    for node in list(edit.nodes("InstanceNormalization")):
        found = _match(edit, node)
        if found is not None:
            _replace(edit, found)
    result = edit.done()
    with_opset(result.proto, DOMAIN, 1)
    return result


@dataclass(frozen=True, eq=False)
class _Found:
    nodes: list[NodeProto]
    """The first makes rows of groups of the input, the last makes the result."""
    gamma: str
    beta: str
    groups: int
    epsilon: float
    silu: bool


def _match(edit: GraphEdit, norm: NodeProto) -> _Found | None:
    rows = edit.maker(norm.input[0], "Reshape")
    shape = None if rows is None else edit.constant(rows.input[1])
    if rows is None or shape is None or shape.tolist()[::2] != [0, -1]:
        return None
    chain = [rows, norm]
    for operator in ("Reshape", "Mul", "Add"):
        after = edit.readers(chain[-1].output[0])
        if len(after) != 1 or after[0].op_type != operator:
            return None
        chain += after
    gamma, beta = (_per_channel(edit, node) for node in chain[-2:])
    if gamma is None or beta is None or not fits(edit.weights[gamma].shape()[0], int(shape[1])):
        return None
    silu = _silu(edit, chain[-1].output[0])
    epsilon = attribute(norm, "epsilon", 1e-5)
    assert isinstance(epsilon, float)
    return _Found([*chain, *silu], gamma, beta, int(shape[1]), epsilon, bool(silu))


def _per_channel(edit: GraphEdit, node: NodeProto) -> str | None:
    """Name of the weight that a node applies to the channels of planes."""
    for value in node.input:
        along = edit.maker(value, "Unsqueeze")
        if along is not None and along.input[0] in edit.weights:
            axes = edit.constant(along.input[1])
            if axes is not None and axes.tolist() == [1, 2]:
                return along.input[0]
    return None


def _silu(edit: GraphEdit, value: str) -> list[NodeProto]:
    """The two nodes of x · sigmoid(x), if nothing else reads x."""
    readers = {node.op_type: node for node in edit.readers(value)}
    if readers.keys() != {"Sigmoid", "Mul"} or len(edit.readers(value)) != 2 or value in edit.outputs:
        return []
    sigmoid, product = readers["Sigmoid"], readers["Mul"]
    whole = {value, sigmoid.output[0]} == set(product.input) and edit.read_once(sigmoid.output[0])
    return [sigmoid, product] if whole else []


def _replace(edit: GraphEdit, found: _Found) -> None:
    names = [_single(edit, name) for name in (found.gamma, found.beta)]
    fused = helper.make_node(
        "GroupNorm",
        [found.nodes[0].input[0], *names],
        [found.nodes[-1].output[0]],
        domain=DOMAIN,
        groups=found.groups,
        epsilon=found.epsilon,
        activation=int(found.silu),
        channels_last=0,
    )
    edit.remove(found.nodes)
    edit.insert(found.nodes[0], fused)


def _single(edit: GraphEdit, name: str) -> str:
    """Enter a weight under a second name that stays fp32; others may use the first in fp16."""
    alias = f"{name}.single"
    edit.weights[alias] = replace(edit.weights[name], single=True)
    return alias
