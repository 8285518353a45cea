"""A CLIP model becomes a bundle's ranker: what transformers computes, whatever pads, and nothing that does not fit."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

from export_support.small_models import TOKENS, VOCABULARY
from retouch.pipeline import Inpainter
from retouch.ranking import ROLE, Ranker
from retouch.request import InpaintRequest
from retouch.result import InpaintResult
from retouch.tokenizer import Tokenizer
from retouch_export.changes import change
from retouch_export.changes.ranker import DEVIATION, MEAN
from retouch_export.checkpoint import Checkpoint
from retouch_export.cli import main
from retouch_export.description import text_spec
from retouch_export.exporting import ExportOptions, export_bundle
from retouch_export.graph_export import GraphOptions, GraphResult, export_graph
from retouch_export.rivals import RIVALS, framed
from retouch_export.sources.diffusers_folder import load_folder
from retouch_models.bundle import open_bundle
from retouch_models.errors import ExportError

SIDE = 32
SHARPNESS = 100.0
"""The most that CLIP's training allows, and where all published models ended."""
POCKET = Path(__file__).parents[2] / "models/retouch_models/bundled/pocket/tokenizer"


def quiet(_line: str) -> None:
    """Say nothing."""


def tiny_clip(*, vocabulary: int = VOCABULARY, tokens: int = TOKENS, end: int = 2) -> CLIPModel:
    """CLIP's structure with random weights; `end` 2 is how old configurations name the end of the text."""
    torch.manual_seed(3)
    config = CLIPConfig(
        text_config={
            "vocab_size": vocabulary,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "max_position_embeddings": tokens,
            "bos_token_id": 0,
            "eos_token_id": end,
        },
        vision_config={
            "hidden_size": 48,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": SIDE,
            "patch_size": 8,
        },
        projection_dim=24,
    )
    model = CLIPModel(config).eval()
    model.logit_scale.data.fill_(math.log(SHARPNESS))
    return model


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    tiny_clip().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module", params=["sd15-inpaint", "sd2-inpaint", "sdxl"])
def any_kind(request: pytest.FixtureRequest, checkpoint_folder: Callable[[str], Path]) -> Checkpoint:
    return load_folder(checkpoint_folder(request.param))


@pytest.fixture(scope="module")
def sd15(checkpoint_folder: Callable[[str], Path]) -> Checkpoint:
    return load_folder(checkpoint_folder("sd15-inpaint"))


def pictures(count: int) -> Tensor:
    return torch.rand((count, 3, SIDE, SIDE), generator=torch.Generator().manual_seed(1))


def tokenizer_of(checkpoint: Checkpoint) -> Tokenizer:
    return Tokenizer.load(checkpoint.tokenizers[0], text_spec(checkpoint).tokenizers[0])


def by_transformers(model: CLIPModel, checkpoint: Checkpoint, image: Tensor, text: str) -> Tensor:
    """Likeness as transformers' own model and tokenizer give it for one text."""
    tokenizer = CLIPTokenizer.from_pretrained(checkpoint.tokenizers[0], model_max_length=TOKENS)
    rows = tokenizer([text, *RIVALS], padding="max_length", truncation=True, return_tensors="pt").input_ids
    mean, deviation = (torch.tensor(numbers)[:, None, None] for numbers in (MEAN, DEVIATION))
    with torch.inference_mode():
        logits = model(input_ids=rows, pixel_values=(image - mean) / deviation).logits_per_image
    return logits.softmax(dim=1)[:, 0]


def exported(checkpoint: Checkpoint, folder: Path, precision: str) -> GraphResult:
    return export_graph(checkpoint, ROLE, folder, GraphOptions(precision=precision, opset=17), quiet)


def run(graph: Path, image: Tensor, ids: Tensor) -> Tensor:
    session = ort.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run(None, {"image": image.numpy(), "input_ids": ids.numpy()})[0])


LARGEST = {"fp32": 1e-5, "fp16": 5e-3, "int8": 6e-2}
"""Rounding of fp32 times the sharpness; what the export allows for the others."""


@pytest.mark.parametrize("precision", LARGEST)
def test_the_graph_gives_what_transformers_gives(
    any_kind: Checkpoint, clip: Path, tmp_path: Path, precision: str
) -> None:
    """Several texts, which are like the picture in fair shares, at batches of one and more."""
    result = exported(change(any_kind, ranker=clip), tmp_path, precision)
    assert {t.name: (t.dtype, t.shape) for t in (*result.specs[ROLE].inputs, *result.specs[ROLE].outputs)} == {
        "image": ("float32", ("batch", 3, SIDE, SIDE)),
        "input_ids": ("int64", ("batch", TOKENS)),
        "likeness": ("float32", ("batch",)),
    }
    assert set(result.specs) == {ROLE}
    texts, image, model = ("a cat!", "", *RIVALS), pictures(1), CLIPModel.from_pretrained(clip)
    ids = framed(tokenizer_of(any_kind), texts)
    wanted = torch.cat([by_transformers(model, any_kind, image, text) for text in texts])
    assert wanted.max() > 0.1
    found = run(tmp_path / "ranker.onnx", image.expand(len(texts), -1, -1, -1), ids)
    torch.testing.assert_close(found, wanted, rtol=0, atol=LARGEST[precision])
    torch.testing.assert_close(run(tmp_path / "ranker.onnx", image, ids[-1:]), found[-1:], rtol=0, atol=1e-5)


@pytest.mark.parametrize("end", [2, VOCABULARY - 1], ids=["old", "new"])
def test_what_stands_behind_the_end_of_a_text_does_not_matter(
    checkpoint_folder: Callable[[str], Path], tmp_path: Path, end: int
) -> None:
    """Stable Diffusion 2 pads with another id than CLIP does."""
    sd2 = load_folder(checkpoint_folder("sd2-inpaint"))
    tiny_clip(end=end).save_pretrained(tmp_path / "clip")
    spec = text_spec(sd2).tokenizers[0]
    assert spec.pad != spec.eos == VOCABULARY - 1
    ranker = change(sd2, ranker=tmp_path / "clip").module(ROLE)
    with torch.inference_mode():
        as_sd2 = framed(tokenizer_of(sd2), ("a dog",)).expand(3, -1).clone()
        length = int((as_sd2[0] == spec.eos).nonzero()[0]) + 1
        as_sd2[1, length:] = spec.eos
        as_sd2[2, length:] = torch.randint(VOCABULARY, (TOKENS - length,), generator=torch.Generator().manual_seed(2))
        found = ranker.said(as_sd2)
        other = ranker.said(framed(tokenizer_of(sd2), ("a frog",)))
    # Sums over masked positions are sums with zeros, but their order may differ.
    torch.testing.assert_close(found, found[:1].expand(3, -1), rtol=0, atol=1e-6)
    assert (found[:1] - other).abs().max() > 1e-3


def test_a_word_of_a_textual_inversion_is_read_as_a_thing(sd15: Checkpoint, clip: Path, tmp_path: Path) -> None:
    save_file({"emb_params": torch.zeros(2, 64)}, tmp_path / "my-style.safetensors")
    changed = change(sd15, ranker=clip, embeddings=[tmp_path / "my-style.safetensors"])
    ids = framed(tokenizer_of(changed), ("my-style",))
    assert (ids >= VOCABULARY).sum() == 2
    exported(changed, tmp_path, "fp32")
    found = run(tmp_path / "ranker.onnx", pictures(1), ids)
    stand_in = tokenizer_of(sd15).tokens("thing")[0]
    plain = torch.where(ids < VOCABULARY, ids, stand_in)
    torch.testing.assert_close(found, run(tmp_path / "ranker.onnx", pictures(1), plain), rtol=0, atol=0)


def test_the_folder_says_how_pictures_are_normalised(sd15: Checkpoint, clip: Path, tmp_path: Path) -> None:
    plain = change(sd15, ranker=clip).module(ROLE)
    assert plain.mean.flatten().tolist() == pytest.approx(MEAN)
    tiny_clip().save_pretrained(tmp_path / "clip")
    said = {"image_mean": [0.1, 0.2, 0.3], "image_std": [0.5, 0.6, 0.7]}
    (tmp_path / "clip/preprocessor_config.json").write_text(json.dumps(said))
    changed = change(sd15, ranker=tmp_path / "clip")
    other, ids = changed.module(ROLE), framed(tokenizer_of(sd15), ("a cat",))
    mean, deviation = (torch.tensor(said[name])[:, None, None] for name in ("image_mean", "image_std"))
    own_mean, own_deviation = (torch.tensor(numbers)[:, None, None] for numbers in (MEAN, DEVIATION))
    image = pictures(1)
    with torch.inference_mode():
        found = other(image, ids)[0]
        same = plain((image - mean) / deviation * own_deviation + own_mean, ids)[0]
    torch.testing.assert_close(found, same, rtol=1e-3, atol=1e-6)  # the way there and back rounds, times the sharpness
    assert (tmp_path / "clip/preprocessor_config.json").name in [file[0] for file in changed.digest()]


def test_files_as_they_were_published_are_read(sd15: Checkpoint, clip: Path, tmp_path: Path) -> None:
    """With positions among the weights, tensors in half precision in several files, and configurations twice."""
    model = tiny_clip()
    model.half().save_pretrained(tmp_path, max_shard_size="100KB")
    shards = sorted(tmp_path.glob("model-*.safetensors"))
    assert len(shards) > 1
    positions = {"text_model.embeddings.position_ids": torch.arange(TOKENS)[None]}
    positions["vision_model.embeddings.position_ids"] = torch.arange((SIDE // 8) ** 2 + 1)[None]
    save_file(load_file(shards[0]) | positions, shards[0])
    save_file({"visual.proj": torch.zeros(2)}, tmp_path / "open_clip_model.safetensors")
    config = json.loads((tmp_path / "config.json").read_text())
    config |= {"text_config_dict": config["text_config"], "vision_config_dict": None}
    (tmp_path / "config.json").write_text(json.dumps(config))
    texts, image = framed(tokenizer_of(sd15), RIVALS), pictures(len(RIVALS))
    with torch.inference_mode():
        found = change(sd15, ranker=tmp_path).module(ROLE)(image, texts)[0]
        wanted = change(sd15, ranker=clip).module(ROLE)(image, texts)[0]
    torch.testing.assert_close(found, wanted, rtol=0, atol=LARGEST["fp16"])


def no_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def other_kind(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "siglip"}))


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def no_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def cut_short(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-8])


def other_words(folder: Path) -> None:
    (folder / "vocab.json").write_text(json.dumps({"a": 0}))


def bad_pixels(folder: Path) -> None:
    (folder / "preprocessor_config.json").write_text(json.dumps({"image_mean": 0.5}))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (no_config, r"holds no CLIP model; give a folder with config\.json and model\.safetensors"),
        (other_kind, r"holds no CLIP model \(config\.json says 'siglip'\); give a folder"),
        (pickled, r"pytorch_model\.bin is a pickle.*convert it"),
        (no_weights, r"has no model\.safetensors; fetch the model again"),
        (cut_short, r"cut short or damaged.*fetch it again"),
        (other_words, r"another vocabulary than .*; give a CLIP model"),
        (bad_pixels, r"image_mean and image_std are not three numbers each; fetch the model again"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_is_no_whole_clip_is_refused(
    sd15: Checkpoint, tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    tiny_clip().save_pretrained(tmp_path / "clip")
    damage(tmp_path / "clip")
    with pytest.raises(ExportError, match=message) as caught:
        change(sd15, ranker=tmp_path / "clip")
    assert "\n" not in str(caught.value)


def test_weights_that_are_missing_are_named(sd15: Checkpoint, tmp_path: Path) -> None:
    tiny_clip().save_pretrained(tmp_path / "clip")
    file = tmp_path / "clip/model.safetensors"
    save_file({name: t for name, t in load_file(file).items() if name != "text_projection.weight"}, file)
    with pytest.raises(ExportError, match=r"text_projection\.weight.*fetch the model again"):
        change(sd15, ranker=tmp_path / "clip").module(ROLE)


def test_a_pickle_that_is_given_itself_is_never_opened(sd15: Checkpoint, tmp_path: Path) -> None:
    (tmp_path / "clip.pt").write_bytes(b"no pickle")
    with pytest.raises(ExportError, match="is a pickle"):
        change(sd15, ranker=tmp_path / "clip.pt")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vocabulary": VOCABULARY + 1}, rf"tokens of {VOCABULARY + 1} kinds.*of {VOCABULARY}; CLIP models of 49408"),
        ({"tokens": TOKENS - 1}, rf"reads {TOKENS - 1} tokens.* writes {TOKENS} of"),
    ],
    ids=["vocabulary", "length"],
)
def test_a_clip_that_reads_other_words_is_refused(
    sd15: Checkpoint, tmp_path: Path, options: dict[str, int], message: str
) -> None:
    tiny_clip(**options).save_pretrained(tmp_path / "clip")
    with pytest.raises(ExportError, match=message):
        change(sd15, ranker=tmp_path / "clip")


def test_a_clip_with_room_for_longer_texts_fits(sd15: Checkpoint, tmp_path: Path) -> None:
    tiny_clip(tokens=2 * TOKENS).save_pretrained(tmp_path / "clip")
    assert change(sd15, ranker=tmp_path / "clip").roles()[-1] == ROLE


def test_pocket_has_words_of_its_own(checkpoint_folder: Callable[[str], Path], clip: Path) -> None:
    pocket = replace(load_folder(checkpoint_folder("pocket")), tokenizers=(POCKET,))
    with pytest.raises(ExportError, match="go with Stable Diffusion 1, 2 and XL"):
        change(pocket, ranker=clip)


@pytest.mark.parametrize("sizes", [(), ((64, 128),)], ids=["free", "fixed"])
def test_a_whole_run_keeps_the_draft_that_clip_likes(
    sd15: Checkpoint, clip: Path, tmp_path: Path, sizes: tuple[tuple[int, int], ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The size of what it sees has nothing to do with that of the picture.

    The prompt is a rival's text, so that no draft is more than half sure and all of them are made.
    """
    options = ExportOptions(name="m", precision="fp32", sizes=sizes, picture=False)
    bundle = export_bundle(change(sd15, ranker=clip), tmp_path / "m", options, quiet)
    assert bundle.manifest.defaults.best_of == 1
    assert [role for role in bundle.manifest.graphs if role.startswith(ROLE)] == [ROLE]
    assert bundle.graph(ROLE).inputs[0].shape == ("batch", 3, SIDE, SIDE)
    judged: list[tuple[float, int, bool]] = []
    engine = Inpainter(bundle, provider="cpu")
    real = Ranker.__call__

    def judge(self: Ranker, result: InpaintResult) -> float:
        likeness = real(self, result)
        judged.append((likeness, result.request.seed, bool(engine.graphs._known[ROLE]._sessions)))
        return likeness

    monkeypatch.setattr(Ranker, "__call__", judge)
    image = np.random.default_rng(0).integers(0, 256, (96, 80, 3), dtype=np.uint8)
    mask = np.zeros((96, 80), np.float32)
    mask[20:70, 20:60] = 1
    request = InpaintRequest(prompt="a plain surface", seed=3, best_of=2, steps=2)
    result = engine.run(image, mask, request)
    assert [seed for _, seed, _ in judged] == [3, 4]
    assert judged[0][0] != judged[1][0]
    assert all(0 < likeness < 0.5 and not still_open for likeness, _, still_open in judged)
    assert result.request.seed == max(judged)[1]
    assert any(f"seed {result.request.seed}" in note for note in result.notes)


def test_the_command_takes_the_folder(
    checkpoint_folder: Callable[[str], Path], clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = [str(checkpoint_folder("sd15-inpaint")), "--output", str(tmp_path / "m"), "--skip-picture"]
    assert main([*source, "--precision", "int8", "--ranker", str(tmp_path)]) == 8
    assert "holds no CLIP model" in capsys.readouterr().err
    assert main([*source, "--precision", "int8", "--ranker", str(clip)]) == 0
    assert "ranker " in capsys.readouterr().err
    graph = open_bundle(tmp_path / "m").graph(ROLE)
    assert (graph.precision, graph.parameters > 0, graph.gflop is not None) == ("int8", True, True)
    assert "| ranker | int8 |" in (tmp_path / "m/REPORT.md").read_text(encoding="utf-8")
