"""The ranker of the bundled model: what it learns, what a likeness means, and how it gets into a bundle."""

import math
import random
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")
pytestmark = pytest.mark.torch

from recipes.pocket import add_ranker, ranker, train_ranker  # noqa: E402
from recipes.pocket.backgrounds import GENERATOR_KINDS, draw_backgrounds  # noqa: E402
from recipes.pocket.concepts import Concept  # noqa: E402
from recipes.pocket.gallery import Gallery  # noqa: E402
from recipes.pocket.judge_tasks import naming, outpainting  # noqa: E402
from recipes.pocket.sprites import Sprites  # noqa: E402
from recipes.pocket.start import BUNDLED, load_tokenizer  # noqa: E402
from recipes.pocket.text_ids import encoder_of  # noqa: E402
from recipes.pocket.train_ranker import World  # noqa: E402
from retouch import Inpainter, InpaintRequest  # noqa: E402
from retouch.progress import OnProgress, ignore  # noqa: E402
from retouch.result import InpaintResult  # noqa: E402
from retouch_models.bundle import Bundle, open_bundle, verify_bundle  # noqa: E402

ENCODE = encoder_of(load_tokenizer())


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def world() -> World:
    """A disc and a frame, on backgrounds."""
    line = np.linspace(-1, 1, 160)
    disc = np.hypot(line[None], line[:, None]) < 0.8
    frame = (np.maximum(abs(line[None]), abs(line[:, None])) < 0.8) & ~disc
    rgba = np.zeros((2, 4, 160, 160), np.uint8)
    for i, (shape, colour) in enumerate([(disc, 0), (frame, 2)]):
        rgba[i, colour], rgba[i, 3] = 220 * shape, 255 * shape
    sprites = Sprites(
        rgba=torch.from_numpy(rgba),
        slugs=("red-disc", "blue-frame"),
        styles=("flat", "flat"),
        concepts={"red-disc": Concept(("red disc", "ball"), ()), "blue-frame": Concept(("blue frame", "window"), ())},
    )
    return World.of(sprites, draw_backgrounds(GENERATOR_KINDS, 30, size=64, seed=1, device="cpu"))


@pytest.fixture(scope="module")
def trained(world: World) -> ranker.Ranker:
    torch.manual_seed(0)
    net = ranker.Ranker(len(world.nouns))
    texts = train_ranker.wordings(world, ENCODE, seed=0)
    losses = ranker.learn(net, world.lessons, texts, steps=60, batch=24, seed=0, short=False)
    assert losses[-1] < losses[0] / 2
    net.eval()
    with torch.no_grad():
        net.rivals.copy_(net.said(ENCODE([train_ranker.prompt_of(noun) for noun in world.nouns])))
    return net


def test_a_class_is_a_noun_and_the_last_is_nothing(world: World) -> None:
    assert world.nouns == ("ball", "window", "background")
    assert [len(found) for found in world.lessons.by_class] == [1, 1, 1]
    draw = random.Random(0)
    nothing = {train_ranker.wording((), ("a green hill",), draw) for _ in range(40)}
    assert nothing == {"background", "nothing", "empty background", "a green hill"}
    names = {train_ranker.wording(world.concepts[0], ("hills",), draw) for _ in range(200)}
    assert any("ball" in name for name in names)
    assert any("red disc" in name and "hills" in name for name in names)


def test_it_learns_to_tell_things_apart(world: World, trained: ranker.Ranker) -> None:
    share, own, other = train_ranker.accuracy(trained, world, ENCODE)
    assert share > 0.9
    assert own > 0.8 > 0.2 > other


def test_words_count_wherever_they_stand(trained: ranker.Ranker) -> None:
    with torch.no_grad():
        one, two = trained.said(ENCODE(["a red disc", "disc red a"]))
        plain, framed = trained.said(ENCODE(["ball", "ball" + " " * 5]))
    assert torch.allclose(one, two, atol=1e-6)
    assert torch.equal(plain, framed)


def test_likeness_is_a_share_and_texts_that_say_the_same_are_no_rivals(trained: ranker.Ranker, world: World) -> None:
    pictures, labels = world.lessons.batch(32, random.Random(3), torch.Generator().manual_seed(3))
    texts = ENCODE([train_ranker.prompt_of(noun) for noun in world.nouns])
    with torch.no_grad():
        likeness = torch.stack([trained(pictures, texts[[i] * 32]) for i in range(3)])
    assert ((likeness >= 0) & (likeness <= 1)).all()
    assert likeness.gather(0, labels[None]).mean() > 0.8, "its own rival, which is the very text, must not halve it"
    assert likeness.sum(dim=0).mean() == pytest.approx(1, abs=0.1)


@pytest.fixture(scope="module")
def bundle(tiny_with_pocket_words: Path, trained: ranker.Ranker) -> Bundle:
    error = add_ranker.add_ranker(trained, tiny_with_pocket_words)
    assert error < add_ranker.LARGEST_ERROR
    return open_bundle(tiny_with_pocket_words)


@pytest.fixture(scope="module")
def tiny_with_pocket_words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled model without its ranker."""
    folder = tmp_path_factory.mktemp("bundle") / "pocket"
    shutil.copytree(BUNDLED, folder)
    (folder / "ranker.onnx").unlink(missing_ok=True)
    manifest = open_bundle(BUNDLED).manifest
    graphs = {role: graph for role, graph in manifest.graphs.items() if role != add_ranker.ROLE}
    (folder / "manifest.json").write_text(replace(manifest, graphs=graphs).to_json(), encoding="utf-8")
    return folder


def test_a_bundle_gets_a_ranker_that_the_runtime_uses(bundle: Bundle) -> None:
    graph = bundle.manifest.graphs["ranker"]
    assert graph.precision == "int8"
    assert graph.stored_bytes < 1.3 * graph.parameters + 60_000
    assert verify_bundle(bundle) == []
    engine = Inpainter(bundle, provider="cpu", threads=1)
    mask = np.zeros((256, 256), np.float32)
    mask[40:216, 40:216] = 1
    request = InpaintRequest(prompt="a ball", seed=3, best_of=2, steps=1)
    result = engine.run(np.full((256, 256, 3), 90, np.uint8), mask, request)
    assert result.request.seed in (3, 4)
    engine.close()


def test_a_bundle_may_take_the_ranker_of_another(bundle: Bundle, tmp_path: Path) -> None:
    target = tmp_path / "other"
    shutil.copytree(bundle.folder, target)
    (target / "ranker.onnx").unlink()
    graphs = {role: graph for role, graph in bundle.manifest.graphs.items() if role != "ranker"}
    bare = replace(bundle.manifest, graphs=graphs)
    (target / "manifest.json").write_text(bare.to_json(), encoding="utf-8")
    add_ranker.copy_ranker(bundle, target)
    taken = open_bundle(target)
    assert verify_bundle(taken) == []
    assert taken.manifest == bundle.manifest


def test_a_graph_that_is_off_changes_nothing(
    bundle: Bundle, trained: ranker.Ranker, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path.name: path.read_bytes() for path in bundle.folder.iterdir() if path.is_file()}
    monkeypatch.setattr(add_ranker, "LARGEST_ERROR", -1.0)
    with pytest.raises(ValueError, match="train the ranker"):
        add_ranker.add_ranker(trained, bundle.folder)
    assert {path.name: path.read_bytes() for path in bundle.folder.iterdir() if path.is_file()} == before


def test_the_judge_asks_for_as_many_drafts_as_a_user_gets(bundle: Bundle, tmp_path: Path) -> None:
    asked: list[InpaintRequest] = []

    class Asked(Inpainter):
        def run(self, image, mask, request, on_progress: OnProgress = ignore, **more) -> InpaintResult:  # type: ignore[no-untyped-def]
            asked.append(request)
            return super().run(image, mask, replace(request, best_of=1, steps=1), on_progress, **more)

    drawing = replace(bundle.manifest, defaults=replace(bundle.manifest.defaults, best_of=3))
    engine = Asked(replace(bundle, manifest=drawing), provider="cpu", threads=1)
    list(Gallery(engine, tmp_path).paint([*naming(["owl"], 2), *outpainting(1)], math.inf))
    assert [(request.prompt, request.seed, request.best_of) for request in asked] == [
        ("an owl", 0, 3),
        ("an owl", 3, 3),
        ("", 0, 1),
    ]
    engine.close()
