"""A whole model bundle of a few kilobytes, built node by node: what it computes can be worked out by hand.

The VAE averages 8x8 blocks, so a decoded picture is the blocky picture. The UNet predicts the clean latents at once:
the known ones where the mask is 0, and where it is 1 a colour that depends on the prompt. `ordinary=True` makes a
4-channel model that paints that colour everywhere; `preview=True` adds a preview decoder that shows what the VAE shows,
`ranker=True` one that likes red pictures, and texts of few words.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from retouch_models.bundle import file_spec
from retouch_models.manifest import (
    MANIFEST,
    ConditioningSpec,
    Defaults,
    GraphSpec,
    LatentSpec,
    Manifest,
    NoiseSpec,
    SizeSpec,
    TensorSpec,
    TextSpec,
    TokenizerSpec,
)

TOKENS = 16
WIDTH = 4
_LETTERS = [chr(c) for c in range(ord("!"), ord("~") + 1)]
VOCABULARY = {s: i for i, s in enumerate([*_LETTERS, *(c + "</w>" for c in _LETTERS)])}
VOCABULARY |= {"<|startoftext|>": len(VOCABULARY), "<|endoftext|>": len(VOCABULARY) + 1}
BOS, EOS = VOCABULARY["<|startoftext|>"], VOCABULARY["<|endoftext|>"]

TO_LATENTS = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1 / 3, 1 / 3, 1 / 3]], np.float32)
"""RGB in -1..1 to four latent channels."""
TO_RGB = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]], np.float32)
RANKER_PX = 16
SCALE = 0.5
"""Of the latents that the UNet sees."""

Nodes = list[onnx.NodeProto]
Sizes = tuple[tuple[int, int], ...]
"""(width, height) in pixels."""


def build(
    folder: Path,
    *,
    ordinary: bool = False,
    preview: bool = False,
    ranker: bool = False,
    best_of: int = 1,
    name: str = "tiny",
    static: Sizes = (),
) -> Path:
    """Write the bundle into `folder` and return it; one `static` size is fixed in the graphs, more are only listed."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer").mkdir(exist_ok=True)
    (folder / "tokenizer" / "vocab.json").write_text(json.dumps(VOCABULARY))
    (folder / "tokenizer" / "merges.txt").write_text("#version: 0.2\na b</w>\n")
    graphs = {
        "text_encoder": _text_encoder(folder),
        "unet": _unet(folder, ordinary=ordinary),
        "vae_encoder": _vae_encoder(folder),
        "vae_decoder": _decoder(folder, "vae_decoder", TO_RGB),
    }
    if preview:
        graphs["preview_decoder"] = _decoder(folder, "preview_decoder", TO_RGB / SCALE)
    if ranker:
        graphs["ranker"] = _ranker(folder)
    if len(static) == 1:
        graphs = {role: _fixed(folder, role, spec, *static[0]) for role, spec in graphs.items()}
    manifest = Manifest(
        name=name,
        title="A model for tests",
        family="tiny",
        licence="CC0-1.0",
        size=SizeSpec(native=64, multiple=8, minimum=32, maximum=128, fixed=static),
        latent=LatentSpec(channels=4, factor=8, scale=SCALE),
        noise=NoiseSpec(prediction="sample", spacing="trailing"),
        text=TextSpec(
            tokenizers=(TokenizerSpec(folder="tokenizer", tokens=TOKENS, bos=BOS, eos=EOS, pad=EOS),), width=WIDTH
        ),
        conditioning=ConditioningSpec(masked_picture=not ordinary),
        defaults=Defaults(steps=4, guidance=2.0, sampler="euler", best_of=best_of),
        graphs=graphs,
        files=(file_spec(folder, "tokenizer/vocab.json"), file_spec(folder, "tokenizer/merges.txt")),
    )
    (folder / MANIFEST).write_text(manifest.to_json())
    return folder


def prompt_latents(ids: list[int]) -> np.ndarray:
    """The colour that the model paints for framed token ids: the mean of their embeddings, (4,)."""
    return np.asarray(_embeddings()[ids].mean(axis=0) * 0.5, np.float32)


def _embeddings() -> np.ndarray:
    rng = np.random.Generator(np.random.Philox(7))
    return rng.uniform(-1, 1, (len(VOCABULARY), WIDTH)).astype(np.float32)


def _text_encoder(folder: Path) -> GraphSpec:
    node = helper.make_node("Gather", ["table", "input_ids"], ["hidden_states"], axis=0)
    inputs = (TensorSpec(name="input_ids", dtype="int64", shape=("batch", TOKENS)),)
    outputs = (TensorSpec(name="hidden_states", dtype="float32", shape=("batch", TOKENS, WIDTH)),)
    return _write(folder, "text_encoder", [node], {"table": _embeddings()}, inputs, outputs)


def _unet(folder: Path, *, ordinary: bool) -> GraphSpec:
    """denoised = known (1 - m) + colour m, known = the masked latents, colour = the mean of the text / 2 x scale."""
    channels = 4 if ordinary else 9
    nodes: Nodes = [
        helper.make_node("ReduceMean", ["encoder_hidden_states", "token_axis"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "half"], ["flat"]),
        helper.make_node("Unsqueeze", ["flat", "space_axes"], ["colour"]),
        helper.make_node("Mul", ["timestep", "zero"], ["nothing"]),
        helper.make_node("Split", ["sample", "parts"], ["x"] if ordinary else ["x", "m", "known"], axis=1),
        helper.make_node("Mul", ["x", "zero"], ["x0"]),
        helper.make_node("Add", ["x0", "nothing"], ["blank"]),
        helper.make_node("Add", ["blank", "colour"], ["painted"]),
    ]
    if ordinary:
        nodes.append(helper.make_node("Identity", ["painted"], ["out_sample"]))
    else:
        nodes += [
            helper.make_node("Sub", ["one", "m"], ["keep"]),
            helper.make_node("Mul", ["painted", "m"], ["inside"]),
            helper.make_node("Mul", ["known", "keep"], ["outside"]),
            helper.make_node("Add", ["inside", "outside"], ["out_sample"]),
        ]
    constants = {
        "token_axis": np.array([1], np.int64),
        "space_axes": np.array([2, 3], np.int64),
        "half": np.float32(0.5),
        "zero": np.float32(0),
        "one": np.float32(1),
        "parts": np.array([4] if ordinary else [4, 1, 4], np.int64),
    }
    inputs = (
        TensorSpec(name="sample", dtype="float32", shape=("batch", channels, "height", "width")),
        TensorSpec(name="timestep", dtype="float32", shape=(1,)),
        TensorSpec(name="encoder_hidden_states", dtype="float32", shape=("batch", "tokens", WIDTH)),
    )
    outputs = (TensorSpec(name="out_sample", dtype="float32", shape=("batch", 4, "height", "width")),)
    return _write(folder, "unet", nodes, constants, inputs, outputs)


def _vae_encoder(folder: Path) -> GraphSpec:
    nodes: Nodes = [
        helper.make_node("AveragePool", ["image"], ["blocks"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Conv", ["blocks", "weight"], ["latents"]),
    ]
    inputs = (TensorSpec(name="image", dtype="float32", shape=("batch", 3, "height", "width")),)
    outputs = (TensorSpec(name="latents", dtype="float32", shape=("batch", 4, "rows", "columns")),)
    return _write(folder, "vae_encoder", nodes, {"weight": TO_LATENTS[:, :, None, None]}, inputs, outputs)


def _decoder(folder: Path, role: str, to_rgb: np.ndarray) -> GraphSpec:
    nodes: Nodes = [
        helper.make_node("Conv", ["latents", "weight"], ["blocks"]),
        helper.make_node("Resize", ["blocks", "", "scales"], ["image"], mode="nearest", nearest_mode="floor",
                         coordinate_transformation_mode="asymmetric"),
    ]  # fmt: skip
    constants = {"weight": to_rgb[:, :, None, None], "scales": np.array([1, 1, 8, 8], np.float32)}
    inputs = (TensorSpec(name="latents", dtype="float32", shape=("batch", 4, "rows", "columns")),)
    outputs = (TensorSpec(name="image", dtype="float32", shape=("batch", 3, "height", "width")),)
    return _write(folder, role, nodes, constants, inputs, outputs)


def _ranker(folder: Path) -> GraphSpec:
    """likeness = the mean red of the picture, times the share of the frame's tokens that are its end."""
    nodes: Nodes = [
        helper.make_node("Split", ["image", "one"], ["red", "green", "blue"], axis=1),
        helper.make_node("ReduceMean", ["red", "axes"], ["redness"], keepdims=0),
        helper.make_node("Equal", ["input_ids", "end"], ["ends"]),
        helper.make_node("Cast", ["ends"], ["counted"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["counted", "along"], ["emptiness"], keepdims=0),
        helper.make_node("Mul", ["redness", "emptiness"], ["likeness"]),
    ]
    constants = {
        "one": np.array([1, 1, 1], np.int64),
        "axes": np.array([1, 2, 3], np.int64),
        "along": np.array([1], np.int64),
        "end": np.array(EOS, np.int64),
    }
    inputs = (
        TensorSpec(name="image", dtype="float32", shape=("batch", 3, RANKER_PX, RANKER_PX)),
        TensorSpec(name="input_ids", dtype="int64", shape=("batch", TOKENS)),
    )
    outputs = (TensorSpec(name="likeness", dtype="float32", shape=("batch",)),)
    return _write(folder, "ranker", nodes, constants, inputs, outputs)


def _write(
    folder: Path,
    role: str,
    nodes: Nodes,
    constants: dict[str, np.ndarray],
    inputs: tuple[TensorSpec, ...],
    outputs: tuple[TensorSpec, ...],
) -> GraphSpec:
    graph = helper.make_graph(
        nodes,
        role,
        [_value(t) for t in inputs],
        [_value(t) for t in outputs],
        [numpy_helper.from_array(np.asarray(value), key) for key, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    (folder / f"{role}.onnx").write_bytes(model.SerializeToString(deterministic=True))
    return GraphSpec(file=file_spec(folder, f"{role}.onnx"), inputs=inputs, outputs=outputs, opset=18, precision="fp32")


def _fixed(folder: Path, role: str, spec: GraphSpec, width: int, height: int) -> GraphSpec:
    """The same graph with every axis but the batch fixed."""
    cells = {"height": height // 8, "width": width // 8, "rows": height // 8, "columns": width // 8, "tokens": TOKENS}
    pixels = {**cells, "height": height, "width": width}

    def fix(tensor: TensorSpec) -> TensorSpec:
        known = pixels if "image" in tensor.name else cells
        return replace(tensor, shape=tuple(known.get(str(axis), axis) for axis in tensor.shape))

    model = onnx.load(folder / f"{role}.onnx")
    inputs, outputs = (tuple(map(fix, tensors)) for tensors in (spec.inputs, spec.outputs))
    for place, tensors in ((model.graph.input, inputs), (model.graph.output, outputs)):
        del place[:]
        place.extend(map(_value, tensors))
    (folder / f"{role}.onnx").write_bytes(model.SerializeToString(deterministic=True))
    return replace(spec, file=file_spec(folder, f"{role}.onnx"), inputs=inputs, outputs=outputs)


def _value(tensor: TensorSpec) -> onnx.ValueInfoProto:
    kind = {"float32": TensorProto.FLOAT, "int64": TensorProto.INT64}[tensor.dtype]
    return helper.make_tensor_value_info(tensor.name, kind, list(tensor.shape))
