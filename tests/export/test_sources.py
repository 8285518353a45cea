"""Sources are checked before anything is loaded, and the Hub is asked for safetensors alone."""

import json
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from retouch_export.safetensors_file import check_safetensors, refuse_pickles
from retouch_export.sources import open_source
from retouch_export.sources.hub import fetch
from retouch_models.errors import ExportError


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    save_file({"a": torch.ones(4, 5), "b": torch.zeros(3, dtype=torch.float16)}, tmp_path / "w.safetensors")
    return tmp_path / "w.safetensors"


def test_a_whole_file_is_described(weights: Path) -> None:
    found = check_safetensors(weights)
    assert {name: (info.dtype, info.shape) for name, info in found.items()} == {
        "a": ("F32", (4, 5)),
        "b": ("F16", (3,)),
    }


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.9, 0.999], ids=str)
def test_a_file_cut_short_anywhere_is_refused(weights: Path, share: float) -> None:
    data = weights.read_bytes()
    weights.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ExportError, match=r"w\.safetensors.*(cut short|damaged)"):
        check_safetensors(weights)


def header(entries: object, body: int) -> bytes:
    text = json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text + bytes(body)


@pytest.mark.parametrize(
    "content",
    [
        header({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}, 4),
        header({"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}, 8),
        header({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, -4]}}, 4),
        header({"a": {"dtype": "EVIL", "shape": [1], "data_offsets": [0, 4]}}, 4),
        header({"a": {"dtype": "F32", "shape": [1]}}, 4),
        header({"a": 5}, 4),
        header([1, 2], 4),
        struct.pack("<Q", 2**62) + b"{}",
        struct.pack("<Q", 4) + b"{{{{",
        b"PK\x03\x04" + bytes(40),
    ],
    ids=["size", "gap", "negative", "type", "no place", "number", "list", "huge header", "no JSON", "zip"],
)
def test_a_header_that_lies_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.safetensors").write_bytes(content)
    with pytest.raises(ExportError, match="fetch it again"):
        check_safetensors(tmp_path / "x.safetensors")


@pytest.mark.parametrize("name", ["m.ckpt", "m.bin", "m.pt", "m.PTH", "m.pkl"])
def test_pickles_are_refused_unread_with_the_way_to_convert(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(b"cos\nsystem\n(S'touch /tmp/owned'\ntR.")
    with pytest.raises(ExportError, match=r"never read.*convert.*weights_only=True"):
        refuse_pickles(file)
    with pytest.raises(ExportError, match="pickle"), open_source(str(file)):
        pass


def test_a_folder_with_pickles_alone_is_refused(checkpoint_folder: Callable[[str], Path], tmp_path: Path) -> None:
    folder = tmp_path / "model"
    original = checkpoint_folder("sd15")
    for file in original.rglob("*"):
        if file.is_file():
            name = file.relative_to(original)
            target = folder / (name.with_suffix(".bin") if file.suffix == ".safetensors" else name)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
    with pytest.raises(ExportError, match=r"\.bin is a pickle"), open_source(str(folder)):
        pass


def edited(folder: Path, target: Path, file: str, change: Callable[[dict], None]) -> Path:
    """A copy of a checkpoint with one of its configurations changed; the weights are linked."""
    for source in folder.rglob("*"):
        place = target / source.relative_to(folder)
        if source.is_file():
            place.parent.mkdir(parents=True, exist_ok=True)
            if source.suffix == ".safetensors":
                place.symlink_to(source)
            else:
                place.write_bytes(source.read_bytes())
    data = json.loads((target / file).read_text())
    change(data)
    (target / file).write_text(json.dumps(data))
    return target


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("unet/config.json", {"in_channels": 8}, r"no known family \(8 input channels"),
        ("unet/config.json", {"num_class_embeds": 4}, "class embeddings, which no bundle can hold"),
        ("unet/config.json", {"addition_embed_type": "image"}, r"cannot be|config\.json describes no network"),
        ("unet/config.json", {"down_block_types": ["Nonsense"]}, r"config\.json describes no network"),
        ("scheduler/scheduler_config.json", {"prediction_type": "flow"}, "prediction type 'flow'"),
        ("model_index.json", {"text_encoder": ["transformers", "T5EncoderModel"]}, "T5EncoderModel"),
    ],
    ids=["channels", "classes", "image prompt", "blocks", "prediction", "text encoder"],
)
def test_a_checkpoint_of_an_unknown_kind_is_named(
    checkpoint_folder: Callable[[str], Path], tmp_path: Path, file: str, change: dict, message: str
) -> None:
    folder = edited(checkpoint_folder("sd15"), tmp_path / "odd", file, lambda data: data.update(change))
    with pytest.raises(ExportError, match=message), open_source(str(folder)) as checkpoint:
        checkpoint.family()


def test_missing_weights_are_named(checkpoint_folder: Callable[[str], Path], tmp_path: Path) -> None:
    folder = edited(checkpoint_folder("sd15"), tmp_path / "m", "model_index.json", lambda data: None)
    from safetensors.torch import load_file

    file = folder / "vae/diffusion_pytorch_model.safetensors"
    weights = load_file(file)
    file.unlink()
    save_file({name: t for name, t in weights.items() if "decoder.conv_out" not in name}, file)
    with open_source(str(folder)) as checkpoint, pytest.raises(ExportError, match=r"2 weights are missing.*conv_out"):
        checkpoint.vae.load()


def test_what_is_neither_file_nor_hub_id_is_said() -> None:
    with pytest.raises(ExportError, match="no such folder or file, and no Hub id"), open_source("no/such/thing"):
        pass


FILES = [
    "model_index.json",
    "unet/config.json",
    "unet/diffusion_pytorch_model.bin",
    "unet/diffusion_pytorch_model.safetensors",
    "unet/diffusion_pytorch_model.fp16.safetensors",
    "unet/diffusion_pytorch_model.non_ema.safetensors",
    "vae/diffusion_pytorch_model.fp16.safetensors",
    "text_encoder/model.safetensors",
    "pipeline.py",
]


def test_the_hub_is_asked_for_one_set_of_safetensors_and_no_code() -> None:
    asked = []

    def download(hub_id: str, revision: str | None, patterns: Sequence[str], offline: bool) -> str:
        asked.append((hub_id, revision, tuple(patterns), offline))
        return "/somewhere"

    assert fetch("a/b", "main", False, lambda _id, _rev: FILES, download) == Path("/somewhere")
    ((hub_id, revision, patterns, offline),) = asked
    assert (hub_id, revision, offline) == ("a/b", "main", False)
    weights = [p for p in patterns if p.endswith(".safetensors")]
    assert weights == [
        "unet/diffusion_pytorch_model.safetensors",
        "vae/diffusion_pytorch_model.fp16.safetensors",
        "text_encoder/model.safetensors",
    ]
    assert not any(p.endswith((".py", ".bin", ".ckpt")) or p == "*" for p in patterns)


def test_offline_never_lists_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_id: str, _revision: str | None) -> Sequence[str]:
        raise AssertionError("listed although offline")

    def missing(*_args: object) -> str:
        raise FileNotFoundError("not in the cache")

    with pytest.raises(ExportError, match="run once without --offline"):
        fetch("a/b", None, True, refuse, missing)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ExportError, match="run once without --offline"):
        fetch("a/b", None, False, refuse, missing)


def test_a_model_with_pickles_alone_on_the_hub_is_refused() -> None:
    files = ["model_index.json", "unet/diffusion_pytorch_model.bin"]
    with pytest.raises(ExportError, match="unet as a pickle only"):
        fetch("a/b", None, False, lambda _id, _rev: files, lambda *_a: "/x")


def test_a_network_that_fails_is_one_line() -> None:
    def fail(_id: str, _revision: str | None) -> Sequence[str]:
        raise ConnectionError("name resolution failed\nmore\nlines")

    with pytest.raises(ExportError, match=r"^a/b cannot be fetched from the Hub \(name resolution failed\); check"):
        fetch("a/b", None, False, fail)
