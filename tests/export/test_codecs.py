"""Weights come back from their stored form as near as the form allows."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from retouch_export.codecs import CODECS
from retouch_export.codecs.int8 import quantise
from retouch_export.data_file import DataFile, inline_tensor
from retouch_models.errors import ExportError

FLOAT = onnx.TensorProto.FLOAT


def unfolded(codec: str, value: np.ndarray, axis: int = 0) -> np.ndarray:
    """Store a weight and let ONNX Runtime bring it back."""
    stored = CODECS[codec]("w", value, axis, FLOAT)
    nodes = [*stored.nodes, onnx.helper.make_node("Identity", ["w"], ["out"])]
    tensors = [inline_tensor(name, array) for name, array in stored.tensors.items()]
    out = onnx.helper.make_tensor_value_info("out", FLOAT, value.shape)
    graph = onnx.helper.make_graph(nodes, "g", [], [out], tensors)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {})[0]


@pytest.mark.parametrize(("codec", "error"), [("fp32", 0.0), ("fp16", 2.0**-11), ("int8", 1 / 127)])
def test_each_weight_is_within_the_step_of_its_format(codec: str, error: float) -> None:
    value = np.random.default_rng(0).standard_normal((8, 5, 3, 3)).astype(np.float32)
    largest = np.abs(value).max(axis=(1, 2, 3), keepdims=True)
    assert (np.abs(unfolded(codec, value) - value) <= error * largest).all()


def test_int8_scales_follow_the_output_channel_on_either_axis() -> None:
    """Rows of very different size: with one scale for all, the small ones would come back as nothing."""
    value = np.random.default_rng(1).standard_normal((6, 40)).astype(np.float32) * 10.0 ** np.arange(-3, 3)[:, None]
    for axis, tensor in ((0, value), (1, value.T)):
        back = unfolded("int8", np.ascontiguousarray(tensor), axis)
        relative = np.linalg.norm(back - tensor, axis=1 - axis) / np.linalg.norm(tensor, axis=1 - axis)
        # A step of 1/127 of the largest of 40 normal values, evenly spread: about 0.6 % of their norm.
        assert relative.max() < 0.01


def test_clipping_never_makes_the_squared_error_larger() -> None:
    value = np.random.default_rng(2).standard_t(3, (16, 400)).astype(np.float32)
    integers, scale = quantise(value, 0)
    plain = np.abs(value).max(1, keepdims=True) / 127
    chosen = np.square(integers * scale.astype(np.float32) - value).sum(1)
    unclipped = np.square(np.rint(value / plain) * plain - value).sum(1)
    # The scale itself is rounded to fp16, 2^-11 of it.
    assert (chosen <= unclipped * 1.01).all()


def test_a_channel_of_zeros_stays_zero() -> None:
    assert not unfolded("int8", np.zeros((3, 70), np.float32)).any()


def test_fp16_refuses_what_it_cannot_hold() -> None:
    with pytest.raises(ExportError, match=r"w has values that fp16 cannot hold.*fp32"):
        CODECS["fp16"]("w", np.array([1e6], np.float32), 0, FLOAT)


def test_a_data_file_stores_equal_tensors_once_and_on_pages(tmp_path) -> None:
    big = np.arange(20_000, dtype=np.float32)
    with DataFile(tmp_path / "x.data") as data:
        first, again, other = data.tensor("a", big), data.tensor("b", big.copy()), data.tensor("c", big + 1)
        small = data.tensor("d", big[:10])
    places = [{e.key: e.value for e in t.external_data} for t in (first, again, other)]
    assert places[0] == places[1]
    assert int(places[2]["offset"]) % 4096 == 0
    assert (tmp_path / "x.data").stat().st_size == int(places[2]["offset"]) + big.nbytes
    assert not small.external_data
