"""A traced graph open for rewriting: who makes a value, who reads it, and changes that keep both in step."""

from collections.abc import Iterable, Iterator

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, helper, numpy_helper

from retouch_export.tracing import TracedGraph


class GraphEdit:
    """Changes to a copy of a graph; `done` gives the result without what nobody reads any more."""

    def __init__(self, traced: TracedGraph) -> None:
        """Copy the graph; its weights are shared."""
        self._proto = onnx.ModelProto()
        self._proto.CopyFrom(traced.proto)
        self.weights = dict(traced.weights)
        self.inputs = [value.name for value in self._proto.graph.input]
        self.outputs = [value.name for value in self._proto.graph.output]
        self._order: list[NodeProto] = list(self._proto.graph.node)
        self._before: dict[int, list[NodeProto]] = {}
        self._gone: set[int] = set()
        self._makers: dict[str, NodeProto] = {}
        self._readers: dict[str, list[NodeProto]] = {}
        for node in self._order:
            self._enter(node)

    def nodes(self, *operators: str) -> Iterator[NodeProto]:
        """Nodes of these operators that were there at the start and still are, in their order."""
        for node in self._order:
            if node.op_type in operators and id(node) not in self._gone:
                yield node

    def maker(self, value: str, operator: str | None = None) -> NodeProto | None:
        """Return the node that makes a value, if there is one and if it is of that operator."""
        node = self._makers.get(value)
        return None if node is None or operator not in (None, node.op_type) else node

    def readers(self, value: str, operator: str | None = None) -> list[NodeProto]:
        """Nodes that read a value, each once."""
        found = self._readers.get(value, [])
        return found if operator is None else [node for node in found if node.op_type == operator]

    def read_once(self, value: str) -> bool:
        """Whether one node alone reads a value, and it is no output of the graph."""
        return len(self.readers(value)) == 1 and value not in self.outputs

    def constant(self, value: str) -> NDArray[np.generic] | None:
        """Return the array of a `Constant`."""
        node = self.maker(value, "Constant")
        return None if node is None or node.attribute[0].name != "value" else numpy_helper.to_array(node.attribute[0].t)

    def insert(self, anchor: NodeProto, *nodes: NodeProto) -> None:
        """Put nodes in front of `anchor`, which was there at the start."""
        self._before.setdefault(id(anchor), []).extend(nodes)
        for node in nodes:
            self._enter(node)

    def insert_constant(self, anchor: NodeProto, value: str, array: NDArray[np.generic]) -> None:
        """Put a `Constant` in front of `anchor`."""
        self.insert(anchor, helper.make_node("Constant", [], [value], value=numpy_helper.from_array(array)))

    def remove(self, nodes: Iterable[NodeProto]) -> None:
        """Take nodes out; values that they made must be made by others or read by nobody."""
        for node in nodes:
            self._gone.add(id(node))
            for value in node.output:
                if self._makers.get(value) is node:
                    del self._makers[value]
            for value in dict.fromkeys(node.input):
                self._readers[value] = [reader for reader in self._readers[value] if reader is not node]

    def redirect(self, old: str, new: str) -> None:
        """Let everyone who reads `old` read `new`."""
        for node in self._readers.pop(old, []):
            for i, value in enumerate(node.input):
                if value == old:
                    node.input[i] = new
            if node not in self._readers.setdefault(new, []):
                self._readers[new].append(node)

    def done(self) -> TracedGraph:
        """Return the changed graph without dead nodes and weights."""
        kept = [made for node in self._order for made in (*self._before.get(id(node), ()), node)]
        graph = self._proto.graph
        nodes = living([node for node in kept if id(node) not in self._gone], self.outputs)
        result = onnx.ModelProto()
        result.CopyFrom(self._proto)
        del result.graph.node[:]
        del result.graph.value_info[:]
        result.graph.node.extend(nodes)
        used = {value for node in nodes for value in node.input} | {value.name for value in graph.output}
        return TracedGraph(result, {name: weight for name, weight in self.weights.items() if name in used})

    def _enter(self, node: NodeProto) -> None:
        for value in node.output:
            self._makers[value] = node
        for value in dict.fromkeys(node.input):
            self._readers.setdefault(value, []).append(node)


def living(nodes: list[NodeProto], outputs: Iterable[str]) -> list[NodeProto]:
    """Return the nodes, in their order, whose results reach one of the outputs."""
    needed, kept = set(outputs), []
    for node in reversed(nodes):
        if needed.intersection(node.output):
            needed.update(node.input)
            kept.append(node)
    return kept[::-1]


def attribute(node: NodeProto, name: str, default: object = None) -> object:
    """Value of an attribute."""
    return next((helper.get_attribute_value(a) for a in node.attribute if a.name == name), default)


def with_opset(proto: onnx.ModelProto, domain: str, version: int) -> None:
    """Declare a domain of operators, unless it is declared."""
    if domain not in {entry.domain for entry in proto.opset_import}:
        proto.opset_import.append(helper.make_opsetid(domain, version))
