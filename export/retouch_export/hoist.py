"""Cuts a UNet into three graphs: what the text decides, what the timestep decides, and the step that is left.

A value belongs to the text if its contents depend on the hidden states of the text alone, to the time if they depend
on inputs beside sample and text alone; so the cut holds for any network, whatever its nodes are called. It changes no
number. The text's part (keys and values of cross-attention) is then computed once per prompt, the time's part once per
run for all steps.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper, shape_inference

from retouch_export.graph_edit import GraphEdit, living
from retouch_export.tidy import tidy
from retouch_export.tracing import TracedGraph
from retouch_models.errors import ExportError

SAMPLE, TEXT = "sample", "encoder_hidden_states"
TIME = "time"
"""Name of the one output of the time's graph: (rows, N), all projections side by side; one row serves a batch."""
ROWS = "rows"

_BROADCAST = ("Expand",)
_AXES_ONLY = ("Unsqueeze",)
_Walk = tuple[list[NodeProto], list[str]]


@dataclass(frozen=True, eq=False)
class Hoisted:
    """The three graphs; `text` and `time` feed `step`."""

    text: TracedGraph
    """`encoder_hidden_states` to `text.0`, `text.1` …"""
    time: TracedGraph
    """`timestep` and the other inputs to `time`."""
    step: TracedGraph
    """`sample`, `time`, `text.0` … to `out_sample`."""


def text_name(index: int) -> str:
    """Name of a result of the text's graph."""
    return f"text.{index}"


def hoist(traced: TracedGraph) -> Hoisted:
    """Cut a UNet; raises ExportError if its time embedding is not made of rows."""
    graph = _leave_rows_alone(tidy(traced))
    origins = _Origins(graph)
    makers = {value: node for node in graph.proto.graph.node for value in node.output}
    of_text, of_time = {TEXT}, set(origins.inputs) - {SAMPLE, TEXT}

    def stops(value: str) -> bool:
        kind = origins.contents[value]
        if kind and kind <= of_time:
            return value not in makers or makers[value].op_type not in _AXES_ONLY
        return bool(kind) and kind <= of_text

    nodes, cut = _walk_back(graph, [value.name for value in graph.proto.graph.output], stops)
    texts = [value for value in cut if origins.contents[value] <= of_text]
    times = [value for value in cut if origins.contents[value] <= of_time]
    if not texts or not times or len(texts) + len(times) + 1 != len(cut):
        raise ExportError("the UNet cannot be cut into text, time and step; report this with its config.json")
    text = _part(graph, texts, list(of_text))
    renamed = {value: text_name(i) for i, value in enumerate(texts)}
    text = _renamed(text, renamed)
    time, widths = _joined(_part(graph, times, [name for name in origins.inputs if name in of_time]), times)
    return Hoisted(text, time, _step(graph, nodes, text, times, widths, renamed))


class _Origins:
    """On which inputs of a graph the contents of each value depend; shapes do not count."""

    def __init__(self, graph: TracedGraph) -> None:
        self.inputs = [value.name for value in graph.proto.graph.input]
        self.contents: dict[str, frozenset[str]] = {name: frozenset({name}) for name in self.inputs}
        for name in ("", *graph.weights):
            self.contents[name] = frozenset()
        for node in graph.proto.graph.node:
            taken = () if node.op_type in ("Shape", "Size") else node.input
            found = frozenset().union(*(self.contents[value] for value in taken))
            for value in node.output:
                self.contents[value] = found


def _leave_rows_alone(traced: TracedGraph) -> TracedGraph:
    """Do not repeat what belongs to the time for each picture of the batch: the step does that, once, at its end."""
    edit, origins = GraphEdit(traced), _Origins(traced)
    for node in list(edit.nodes(*_BROADCAST)):
        origin = origins.contents[node.input[0]]
        if origin and not origin & {SAMPLE, TEXT}:
            edit.redirect(node.output[0], node.input[0])
    return edit.done()


def _walk_back(graph: TracedGraph, outputs: list[str], stops: Callable[[str], bool]) -> _Walk:
    """Nodes that are needed for the outputs, down to the values where the walk stops, in the order of the graph."""
    needed, cut, nodes = set(outputs), dict[str, None](), []
    for node in reversed(graph.proto.graph.node):
        wanted = [value for value in node.output if value in needed and not stops(value)]
        if wanted:
            nodes.append(node)
            needed.update(value for value in node.input if value and value not in graph.weights)
    nodes.reverse()
    made = {value for node in nodes for value in node.output}
    for node in nodes:
        cut.update((value, None) for value in node.input if value in needed and value not in made)
    return nodes, list(cut)


def _part(graph: TracedGraph, outputs: list[str], inputs: list[str]) -> TracedGraph:
    """Return the graph of some values inside another one."""
    nodes = living(list(graph.proto.graph.node), outputs)
    named = {value.name: value for value in graph.proto.graph.input}
    used = {value for node in nodes for value in node.input}
    strange = used & set(named) - set(inputs)
    if strange:
        raise ExportError(f"the UNet cannot be cut: a part of it needs {', '.join(sorted(strange))} as well")
    shapes = _shapes(graph, nodes, outputs, [named[name] for name in inputs])
    return _graph(graph, nodes, [named[name] for name in inputs], shapes)


def _graph(
    origin: TracedGraph, nodes: list[NodeProto], inputs: list[ValueInfoProto], outputs: list[ValueInfoProto]
) -> TracedGraph:
    proto = onnx.ModelProto()
    proto.CopyFrom(origin.proto)
    graph = helper.make_graph(nodes, origin.proto.graph.name, inputs, outputs)
    proto.graph.CopyFrom(graph)
    used = {value for node in nodes for value in node.input}
    return TracedGraph(proto, {name: weight for name, weight in origin.weights.items() if name in used})


def _shapes(
    graph: TracedGraph, nodes: list[NodeProto], outputs: list[str], inputs: list[ValueInfoProto]
) -> list[ValueInfoProto]:
    """Describe the outputs of a part, as far as their shapes follow from those of inputs and weights."""
    used = {value for node in nodes for value in node.input}
    weights = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, weight.shape())
        for name, weight in graph.weights.items()
        if name in used
    ]
    unknown = [helper.make_empty_tensor_value_info(name) for name in outputs]
    model = helper.make_model(
        helper.make_graph(nodes, "part", [*inputs, *weights], unknown), opset_imports=graph.proto.opset_import
    )
    found = {value.name: value for value in shape_inference.infer_shapes(model, data_prop=True).graph.output}
    return [found[name] for name in outputs]


def _renamed(graph: TracedGraph, names: dict[str, str]) -> TracedGraph:
    """Give values other names."""
    proto = onnx.ModelProto()
    proto.CopyFrom(graph.proto)
    for node in proto.graph.node:
        for values in (node.input, node.output):
            values[:] = [names.get(value, value) for value in values]
    for value in (*proto.graph.input, *proto.graph.output):
        value.name = names.get(value.name, value.name)
    return TracedGraph(proto, graph.weights)


def _joined(part: TracedGraph, times: list[str]) -> tuple[TracedGraph, list[int]]:
    """Put the rows of all outputs side by side into one; returns their widths as well."""
    widths = []
    for value in part.proto.graph.output:
        dims = value.type.tensor_type.shape.dim
        if len(dims) != 2 or not dims[1].dim_value:
            raise ExportError(f"the time embedding of the UNet is not made of rows ({value.name})")
        widths.append(dims[1].dim_value)
    nodes = [*part.proto.graph.node, helper.make_node("Concat", times, [TIME], axis=1)]
    output = helper.make_tensor_value_info(TIME, TensorProto.FLOAT, [ROWS, sum(widths)])
    return _graph(part, nodes, list(part.proto.graph.input), [output]), widths


def _step(
    graph: TracedGraph,
    nodes: list[NodeProto],
    text: TracedGraph,
    times: list[str],
    widths: list[int],
    renamed: dict[str, str],
) -> TracedGraph:
    """The step: `time` is repeated for the batch and taken apart again."""
    sample = next(value for value in graph.proto.graph.input if value.name == SAMPLE)
    inputs = [
        sample,
        helper.make_tensor_value_info(TIME, TensorProto.FLOAT, [ROWS, sum(widths)]),
        *text.proto.graph.output,
    ]
    apart = _taken_apart(times, widths)
    return _renamed(_graph(graph, [*apart, *nodes], inputs, list(graph.proto.graph.output)), renamed)


def _taken_apart(times: list[str], widths: list[int]) -> list[NodeProto]:
    """Slices and not one `Split`: on CUDA a split into unequal parts copies their sizes from the host at every run."""
    numbers = {f"{TIME}.width": [sum(widths)], f"{TIME}.axis": [1]}
    ends = np.cumsum([0, *widths])
    numbers |= {f"{TIME}.at.{i}": [int(end)] for i, end in enumerate(ends)}
    nodes = [
        helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.array(value, np.int64)))
        for name, value in numbers.items()
    ]
    nodes += [
        helper.make_node("Shape", [SAMPLE], [f"{TIME}.batch"], start=0, end=1),
        helper.make_node("Concat", [f"{TIME}.batch", f"{TIME}.width"], [f"{TIME}.shape"], axis=0),
        helper.make_node("Expand", [TIME, f"{TIME}.shape"], [f"{TIME}.rows"]),
    ]
    for i, value in enumerate(times):
        places = [f"{TIME}.at.{i}", f"{TIME}.at.{i + 1}", f"{TIME}.axis"]
        nodes.append(helper.make_node("Slice", [f"{TIME}.rows", *places], [value]))
    return nodes
