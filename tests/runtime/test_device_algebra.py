"""Laws of latents that live on a device: arithmetic as numpy has it, computed once, late, and never on the host."""

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from retouch.device.algebra import Arithmetic, NotLinear
from retouch.device.kernels import FOLDER, TERMS, Kernels
from retouch.device.memory import Memory
from retouch.providers import Device
from retouch_export import step_graphs

SHAPE = (1, 4, 3, 5)
RNG = np.random.default_rng(1)
A, B, C = (RNG.normal(size=SHAPE).astype(np.float32) for _ in range(3))
MASK = RNG.uniform(size=(1, 1, 3, 5)).astype(np.float32)


class Counted(Kernels):
    """Kernels that count their runs."""

    runs = 0

    def __call__(self, *arguments: Any) -> None:
        self.runs += 1
        super().__call__(*arguments)


CPU = Device("cpu")
MEMORY = Memory(CPU)
KERNELS = Counted(CPU, MEMORY)
ON_DEVICE = Arithmetic(MEMORY, KERNELS)
place = ON_DEVICE.place

EXPRESSIONS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "a + b": lambda a, b, c: a + b,
    "a - b": lambda a, b, c: a - b,
    "-a": lambda a, b, c: -a,
    "2 a": lambda a, b, c: 2 * a,
    "a float32": lambda a, b, c: a * np.float32(0.3),
    "float32 a": lambda a, b, c: np.float32(0.3) * a,
    "a / 3": lambda a, b, c: a / 3.0,
    "a - a": lambda a, b, c: a - a,
    "a + 0.0": lambda a, b, c: a + 0.0,
    "0 + a": lambda a, b, c: 0 + a,
    "euler": lambda a, b, c: b + 0.7 * (a - b),
    "mask": lambda a, b, c: MASK * a,
    "a mask": lambda a, b, c: a * MASK,
    "blend": lambda a, b, c: MASK * a + (1 - MASK) * b,
    "blend of sums": lambda a, b, c: MASK * (a - 2 * b) + (1 - MASK) * (b + c) - c / 4,
    "mask twice": lambda a, b, c: MASK * (MASK * a + b),
    "full-size factor": lambda a, b, c: B * a,
    "host array": lambda a, b, c: B + a,
    "host array less": lambda a, b, c: B - a,
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_arithmetic_is_that_of_arrays(name: str) -> None:
    made = EXPRESSIONS[name]
    expected, found = made(A, B, C), made(place(A), place(B), place(C))
    assert found.shape == expected.shape
    assert_allclose(found.numpy(), expected, rtol=0, atol=1e-6)  # sums of a few values near 1, rounded once or thrice


@pytest.mark.parametrize("name", ["a + b", "a - b", "2 a", "a float32", "float32 a", "mask", "host array"])
def test_one_operation_rounds_as_numpy_does(name: str) -> None:
    made = EXPRESSIONS[name]
    assert_array_equal(made(place(A), place(B), place(C)).numpy(), made(A, B, C))


@given(st.lists(st.tuples(st.integers(0, 2), st.floats(-2, 2, width=32), st.booleans()), min_size=1, max_size=30))
def test_sums_of_any_length_are_right(parts: list[tuple[int, float, bool]]) -> None:
    """Also beyond the longest sum that there is a graph for."""
    arrays, wide = [A, B, C], 1 + sum(abs(weight) for _, weight, _ in parts)
    expected, found = np.zeros(SHAPE, np.float64), place(np.zeros(SHAPE, np.float32))
    for which, weight, masked in parts:
        new = place(arrays[which])  # a buffer of its own each time
        expected = expected + weight * arrays[which].astype(np.float64) * (MASK if masked else 1)
        found = found + weight * (MASK * new if masked else new)
    assert_allclose(found.numpy(), expected, rtol=0, atol=2e-6 * wide)  # float32: a rounding of 4 · 6e-8 for each part


def test_nothing_is_computed_until_it_is_needed_and_then_once() -> None:
    a, b = place(A), place(B)
    before = KERNELS.runs
    total = b + 0.25 * (a - b) / 2 - 0.5 * a
    assert KERNELS.runs == before
    first = total.buffer()
    assert KERNELS.runs == before + 1
    assert total.buffer() is first
    assert (2 * total - total).buffer() is first  # one term of weight 1 is there already
    assert KERNELS.runs == before + 1


def test_no_operation_changes_its_operands() -> None:
    a, b = place(A), place(B)
    _ = (a + b).numpy(), (a * 3).numpy(), (MASK * a).numpy(), (a - a).numpy()
    assert_array_equal(a.numpy(), A)
    assert_array_equal(b.numpy(), B)


def test_a_history_holds_what_it_needs_and_no_more() -> None:
    """A sum keeps its buffers alive; once it is computed they go."""
    a, b = place(A), place(B)
    watched = weakref.ref(a.buffer())
    total = a + b
    del a
    gc.collect()
    assert watched() is not None
    total.buffer()
    gc.collect()
    assert watched() is None
    assert_array_equal(total.numpy(), A + B)


REFUSED: dict[str, Callable[[Any, Any], Any]] = {
    "asarray": lambda a, b: np.asarray(a),
    "norm": lambda a, b: np.linalg.norm(a),
    "ufunc": lambda a, b: np.sqrt(a),
    "product": lambda a, b: a * b,
    "quotient": lambda a, b: a / b,
    "offset": lambda a, b: a + 1.0,
    "text": lambda a, b: a + "b",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_linear_is_refused_and_never_done_on_the_host(name: str) -> None:
    before = MEMORY.downloads
    with pytest.raises(TypeError):
        REFUSED[name](place(A), place(B))
    assert MEMORY.downloads == before


def test_a_sampler_that_needs_an_array_is_told_the_cure() -> None:
    with pytest.raises(NotLinear, match=r"@sampler\(linear=False\)"):
        np.linalg.norm(place(A))  # type: ignore[call-overload]


def test_latents_of_two_sizes_are_not_added() -> None:
    with pytest.raises(ValueError, match="cannot be added"):
        _ = place(A) + place(np.zeros((1, 4, 2, 2), np.float32))
    with pytest.raises(ValueError, match="does not fit"):
        MEMORY.write(MEMORY.empty((2,), np.float32), np.zeros(3, np.float32))


@pytest.mark.parametrize("kind", ["float32", "float16"])
@pytest.mark.parametrize("shape", [(1, 7), (2, 3, 4)], ids=str)
def test_a_buffer_is_filled_from_another_where_it_stands(kind: str, shape: tuple[int, ...]) -> None:
    values = RNG.normal(size=shape).astype(kind)
    source, target = MEMORY.upload(values, kind), MEMORY.empty(shape, kind)
    address = target.value.data_ptr()
    KERNELS.copy(source, target)
    assert_array_equal(MEMORY.download(target), values)
    assert target.value.data_ptr() == address != source.value.data_ptr()
    with pytest.raises(ValueError, match="does not fit"):
        KERNELS.copy(source, MEMORY.empty((5,), kind))


def test_a_copy_on_the_host_is_nobody_elses() -> None:
    latents = place(A)
    latents.numpy()[...] = 7
    assert_array_equal(latents.numpy(), A)


def test_the_shipped_graphs_are_what_the_script_makes() -> None:
    made = {name: model.SerializeToString(deterministic=True) for name, model in step_graphs.graphs()}
    assert {path.stem: path.read_bytes() for path in FOLDER.iterdir()} == made
    assert step_graphs.TERMS == TERMS


ON_CUDA = {"Add", "Cast", "Concat", "Div", "Greater", "Identity", "Mul", "ReduceMean", "Split", "Sqrt", "Sub", "Where"}
"""Operators that ONNX Runtime's CUDA provider has float32 kernels for (its operator table, opset 17); no shapes, so
nothing is left to the processor."""


def test_the_graphs_hold_nothing_that_a_gpu_would_leave_to_the_processor() -> None:
    kinds = {node.op_type for _, model in step_graphs.graphs() for node in model.graph.node}
    assert kinds <= ON_CUDA
