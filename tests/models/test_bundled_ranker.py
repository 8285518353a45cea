"""The ranker that ships with the bundled model: its graph, and what it knows."""

import cv2
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from retouch.providers import open_device
from retouch.session import Graphs
from retouch.tokenizer import Tokenizer
from retouch_models.store import find_bundle

POCKET = find_bundle("pocket")
SIDE = 64


def test_scales_lie_along_what_comes_out_of_a_product() -> None:
    """OpenVINO 2026.4 multiplies wrongly where they lie along what is summed up, and crashes so in bfloat16."""
    model = onnx.load(POCKET.graph_path("ranker"))
    shapes = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    axes = {"MatMul": -1, "Gemm": 0, "Conv": 0}
    checked = 0
    for node in model.graph.node:
        scale = shapes.get(f"{node.input[1]}.scale") if node.op_type in axes else None
        if scale is not None:
            kept = [0] * len(scale)
            kept[axes[node.op_type]] = shapes[f"{node.input[1]}.i8"][axes[node.op_type]]
            assert scale == tuple(side or 1 for side in kept), node.input[1]
            checked += 1
    assert checked >= 8


def shape(kind: str, colour: tuple[int, int, int]) -> NDArray[np.uint8]:
    """A coloured shape on a grey ground, (64, 64, 3)."""
    picture = np.full((SIDE, SIDE, 3), 200, np.uint8)
    if kind == "circle":
        cv2.circle(picture, (32, 32), 22, colour, -1, cv2.LINE_AA)
    elif kind == "square":
        cv2.rectangle(picture, (12, 12), (51, 51), colour, -1)
    elif kind == "triangle":
        cv2.fillPoly(picture, [np.array([(32, 10), (54, 52), (10, 52)])], colour, cv2.LINE_AA)
    return picture


RED, GREEN, BLUE = (224, 43, 43), (47, 168, 79), (47, 111, 224)
DRAWN = {
    "a red circle": shape("circle", RED),
    "a blue circle": shape("circle", BLUE),
    "a blue square": shape("square", BLUE),
    "a green triangle": shape("triangle", GREEN),
    "background": shape("nothing", RED),
}


@pytest.fixture(scope="module")
def likeness() -> NDArray[np.float32]:
    """Of every text (row) to every picture (column) of DRAWN."""
    spec = POCKET.manifest.text.tokenizers[0]
    tokenizer = Tokenizer.load(POCKET.folder / spec.folder, spec)
    pictures = np.stack(list(DRAWN.values())).transpose(0, 3, 1, 2).astype(np.float32) / 255
    with Graphs(POCKET, open_device("cpu"), threads=1) as graphs:
        rows = []
        for text in DRAWN:
            ids = np.repeat(tokenizer.frame(tokenizer.tokens(text))[None], len(pictures), axis=0)
            rows.append(graphs["ranker"]({"image": pictures, "input_ids": ids})[0])
    return np.stack(rows)


def test_it_tells_colours_shapes_and_nothing_apart(likeness: NDArray[np.float32]) -> None:
    assert (likeness.argmax(axis=1) == np.arange(len(DRAWN))).all()
    assert (likeness.argmax(axis=0) == np.arange(len(DRAWN))).all()
    assert likeness.diagonal().min() > 0.3


def test_likeness_is_a_share(likeness: NDArray[np.float32]) -> None:
    assert likeness.dtype == np.float32
    assert likeness.min() >= 0
    assert likeness.sum(axis=0).max() <= 1 + 1e-5
