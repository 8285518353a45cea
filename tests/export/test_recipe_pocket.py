"""The recipe of the bundled model in miniature: every stage on the processor, in seconds."""

import json
import math
import random
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")
pytestmark = pytest.mark.torch

from recipes.pocket import classifier  # noqa: E402
from recipes.pocket.backgrounds import GENERATOR_KINDS, draw_backgrounds  # noqa: E402
from recipes.pocket.captions import caption  # noqa: E402
from recipes.pocket.collect import GENERATOR_STYLES, JUDGE_STYLES  # noqa: E402
from recipes.pocket.concepts import Concept, popular  # noqa: E402
from recipes.pocket.diffusion import Diffusion  # noqa: E402
from recipes.pocket.distil import Distillation  # noqa: E402
from recipes.pocket.gallery import RANKER, Gallery, Painted, home_of, work_digest  # noqa: E402
from recipes.pocket.judge_backgrounds import JUDGE_KINDS  # noqa: E402
from recipes.pocket.judge_scores import naming_scores, psnr_inside  # noqa: E402
from recipes.pocket.judge_tasks import naming, outpainting  # noqa: E402
from recipes.pocket.latent_bank import BankOptions, LatentBank  # noqa: E402
from recipes.pocket.masks import cells_of  # noqa: E402
from recipes.pocket.networks import Networks, Shape, build, load_weights  # noqa: E402
from recipes.pocket.pace import Pace, Spent  # noqa: E402
from recipes.pocket.packed import pack, unpack  # noqa: E402
from recipes.pocket.publish import publish  # noqa: E402
from recipes.pocket.run import Run, RunOptions, Stage  # noqa: E402
from recipes.pocket.sampling import PROMPTS, SampleOptions, look, sample  # noqa: E402
from recipes.pocket.scenes import SceneOptions, Scenes  # noqa: E402
from recipes.pocket.sprites import Sprites, read_artwork  # noqa: E402
from recipes.pocket.start import BUNDLED, load_networks, load_tokenizer  # noqa: E402
from recipes.pocket.state import STATE, load_state  # noqa: E402
from recipes.pocket.text_ids import encoder_of  # noqa: E402
from recipes.pocket.train import Denoising  # noqa: E402
from recipes.pocket.train_judge import EYE, judged_nouns  # noqa: E402
from recipes.pocket.train_vae import Reconstruction, latent_scale  # noqa: E402
from retouch import Inpainter  # noqa: E402
from retouch.canvas import latent_mask  # noqa: E402
from retouch_models.bundle import Bundle, open_bundle  # noqa: E402

TINY = Shape(
    vae_widths=(8, 8, 8, 8),
    unet_widths=(32, 32, 32),
    heads=(2, 2, 2),
    layers=1,
    text_width=32,
    text_layers=1,
)
SIZE = 64


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Sums in one order, so that two runs agree to the last bit."""
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def sprites() -> Sprites:
    """A disc and a frame, each in two styles."""
    line = np.linspace(-1, 1, 160)
    disc = np.hypot(line[None], line[:, None]) < 0.8
    frame = (np.maximum(abs(line[None]), abs(line[:, None])) < 0.8) & ~disc
    rgba = np.zeros((4, 4, 160, 160), np.uint8)
    for i, (shape, colour) in enumerate([(disc, 0), (disc, 1), (frame, 0), (frame, 2)]):
        rgba[i, colour], rgba[i, 3] = 220 * shape, 255 * shape
    return Sprites(
        rgba=torch.from_numpy(rgba),
        slugs=("disc", "disc", "frame", "frame"),
        styles=("flat", "simple", "flat", "simple"),
        concepts={"disc": Concept(("disc",), ("round",)), "frame": Concept(("picture frame", "frame"), ())},
    )


@pytest.fixture(scope="module")
def scenes(sprites: Sprites) -> Scenes:
    grounds = draw_backgrounds(GENERATOR_KINDS, 15, size=SIZE + 16, seed=0, device="cpu")
    return Scenes(sprites, grounds, ["disc"], SceneOptions(size=SIZE), "cpu")


def tiny_bank(scenes: Scenes, networks: Networks, seed: int = 0) -> LatentBank:
    options = BankOptions(fresh=2, every=1, chunks=3, first=2)
    return LatentBank(scenes, networks, encoder_of(load_tokenizer()), options, seed=seed, device="cpu")


def denoising(scenes: Scenes, seed: int = 0) -> Denoising:
    networks = build(TINY, seed=0, device="cpu")
    return Denoising(networks, tiny_bank(scenes, networks, seed), batch=2, seed=seed, device="cpu")


def distillation(scenes: Scenes, seed: int = 0) -> Distillation:
    networks = build(TINY, seed=0, device="cpu")
    bank, encode = tiny_bank(scenes, networks, seed), encoder_of(load_tokenizer())
    return Distillation(networks, bank, encode, batch=2, guidance=3.5, seed=seed, device="cpu")


def reconstruction(scenes: Scenes, seed: int = 0) -> Reconstruction:
    return Reconstruction(build(TINY, seed=0, device="cpu"), scenes, batch=2, seed=seed, device="cpu")


STAGES = pytest.mark.parametrize("stage", [denoising, distillation, reconstruction], ids=lambda stage: stage.__name__)
Make = Callable[..., Stage]


def options(folder: Path, *, seed: int = 0, stop: int | None = None) -> RunOptions:
    pace = Pace(peak=1e-3, steps=4, warm_up=2)
    return RunOptions(output=folder, pace=pace, seed=seed, stop_steps=stop, log_every=2)


@STAGES
def test_the_same_seed_gives_the_same_losses(stage: Make, scenes: Scenes, tmp_path: Path) -> None:
    first = Run(stage(scenes), options(tmp_path / "a"), "cpu")()
    again = Run(stage(scenes), options(tmp_path / "b"), "cpu")()
    other = Run(stage(scenes, 1), options(tmp_path / "c", seed=1), "cpu")()
    assert len(first) == 4
    assert first == again
    assert first != other


@STAGES
def test_a_stopped_training_goes_on_as_if_it_had_not(stage: Make, scenes: Scenes, tmp_path: Path) -> None:
    whole = Run(stage(scenes), options(tmp_path / "whole"), "cpu")
    expected = whole()
    before = Run(stage(scenes), options(tmp_path / "parts", stop=2), "cpu")()
    after = Run(stage(scenes), options(tmp_path / "parts"), "cpu")
    assert [*before, *after()] == expected
    assert after.step == 4
    for mean, same in zip(whole.average, after.average, strict=True):
        assert torch.equal(mean, same)


@STAGES
def test_a_stage_changes_all_that_it_learns(stage: Make, scenes: Scenes, tmp_path: Path) -> None:
    made = stage(scenes)
    before = [p.detach().clone() for p in made.parameters()]
    Run(made, options(tmp_path), "cpu")()
    still = [i for i, (old, new) in enumerate(zip(before, made.parameters(), strict=True)) if torch.equal(old, new)]
    assert len(still) < len(before) / 20, "a few biases before a normalisation have no effect, no more"


def test_a_finished_cycle_is_followed_by_a_gentler_one(scenes: Scenes, tmp_path: Path) -> None:
    Run(denoising(scenes), options(tmp_path), "cpu")()
    state = load_state(tmp_path, "cpu")
    assert state is not None
    assert state.spent == Spent(cycle=1)
    assert [json.loads(line)["step"] for line in (tmp_path / "log.jsonl").read_text().splitlines()] == [2, 4]
    assert len(Run(denoising(scenes), options(tmp_path), "cpu")()) == 4


def test_scenes_are_drawn_once_and_used_several_times(scenes: Scenes) -> None:
    networks, drawn = build(TINY, seed=0, device="cpu"), list[str]()

    def counted(captions: list[str]) -> object:
        drawn.extend(captions)
        return encoder_of(load_tokenizer())(captions)

    bank = LatentBank(scenes, networks, counted, BankOptions(fresh=2, every=4, first=1), seed=0, device="cpu")
    draw = torch.Generator().manual_seed(0)
    for step in range(8):
        bank.batch(step, 4, draw)
    assert len(drawn) == 4, "two chunks for eight steps"


def test_a_ring_is_the_same_whenever_it_is_filled(scenes: Scenes) -> None:
    networks = build(TINY, seed=0, device="cpu")
    stepped, later = tiny_bank(scenes, networks), tiny_bank(scenes, networks)
    for step in range(5):
        stepped.batch(step, 2, torch.Generator().manual_seed(step))
    one, two = (bank.batch(5, 6, torch.Generator().manual_seed(5)) for bank in (stepped, later))
    assert torch.equal(one.clean, two.clean)
    assert torch.equal(one.given, two.given)
    assert torch.equal(one.ids, two.ids)


def test_another_seed_does_not_go_on(scenes: Scenes, tmp_path: Path) -> None:
    Run(denoising(scenes), options(tmp_path, stop=1), "cpu")()
    with pytest.raises(ValueError, match="begun with seed 0"):
        Run(denoising(scenes), options(tmp_path, seed=1), "cpu")


def test_a_state_that_was_cut_short_is_ignored(scenes: Scenes, tmp_path: Path) -> None:
    Run(denoising(scenes), options(tmp_path, stop=1), "cpu")()
    (tmp_path / f"{STATE}.part").write_bytes(b"half")
    state = load_state(tmp_path, "cpu")
    assert state is not None
    assert state.step == 1


def test_a_loss_that_is_no_number_stops_the_training(tmp_path: Path) -> None:
    class Broken:
        weight = torch.zeros(1, requires_grad=True)

        def parameters(self) -> list[object]:
            return [self.weight]

        def loss(self, step: int) -> object:
            return (self.weight * math.nan).sum()

    with pytest.raises(RuntimeError, match="lower --rate"):
        Run(Broken(), options(tmp_path), "cpu")()


def test_the_teacher_stays(scenes: Scenes, tmp_path: Path) -> None:
    stage = distillation(scenes)
    before = [p.clone() for p in stage._teacher.parameters()]
    Run(stage, options(tmp_path), "cpu")()
    assert all(torch.equal(old, new) for old, new in zip(before, stage._teacher.parameters(), strict=True))


def test_the_pace_warms_up_cools_down_and_restarts_lower() -> None:
    pace = Pace(peak=1.0, steps=1000, warm_up=100, decay=0.5)
    rates = [pace.rate(Spent(steps=n)) for n in range(1000)]
    assert rates[0] == pytest.approx(0.01)
    assert rates.index(max(rates)) == 99
    assert all(later < earlier for earlier, later in pairwise(rates[99:]))
    assert rates[-1] == pytest.approx(pace.floor, rel=0.01)
    assert pace.rate(Spent(cycle=1, steps=99)) == pytest.approx(rates[99] / 2)


def test_scenes_are_a_function_of_seed_and_chunk(scenes: Scenes) -> None:
    one, same, other = scenes.batch(6, 3, 5), scenes.batch(6, 3, 5), scenes.batch(6, 3, 6)
    assert torch.equal(one.pictures, same.pictures)
    assert torch.equal(one.masks, same.masks)
    assert one.captions == same.captions
    assert not torch.equal(one.pictures, other.pictures)


def test_scenes_stay_in_their_ranges(scenes: Scenes) -> None:
    batch = scenes.batch(64, 0, 0)
    assert float(batch.pictures.min()) >= -1 - 1e-6, "rounding of the blend may exceed the range a little"
    assert float(batch.pictures.max()) <= 1 + 1e-6
    assert set(batch.masks.unique().tolist()) == {0.0, 1.0}
    assert (batch.masks.amax(dim=(1, 2, 3)) == 1).all(), "every scene asks for something"


def test_removing_is_trained_with_the_words_of_the_runtime() -> None:
    said = open_bundle(BUNDLED).manifest.defaults.empty_prompt
    draw = random.Random(0)
    captions = [caption("erase", Concept(("owl",), ()), "flat", "green grass", draw) for _ in range(300)]
    assert captions.count(said) > 60
    assert captions.count("") > 20
    assert not any("owl" in text for text in captions)


def test_what_is_shown_at_an_edge_is_named() -> None:
    draw, owl = random.Random(0), Concept(("owl",), ())
    for _ in range(200):
        assert "owl" not in caption("outpaint", None, "flat", "green grass", draw)
        assert caption("outpaint", owl, "flat", "green grass", draw) in ("", "owl, green grass", "an owl, green grass")


def test_a_bare_noun_means_the_plain_look() -> None:
    draw, owl = random.Random(0), Concept(("owl",), ())
    plain = [caption("object", owl, "flat", "green grass", draw, plain=True) for _ in range(400)]
    other = [caption("object", owl, "simple", "green grass", draw, plain=False) for _ in range(400)]
    assert sum("style" in text for text in plain) < 200
    assert sum("style" not in text for text in other if text) < 80


def test_the_plain_look_is_drawn_more_often_where_there_is_one(sprites: Sprites) -> None:
    grounds = draw_backgrounds(GENERATOR_KINDS, 15, size=SIZE + 16, seed=0, device="cpu")
    shares = {}
    for share in (0.0, 0.7):
        options = SceneOptions(size=SIZE, plain_share=share)
        batch = Scenes(sprites, grounds, ["disc"], options, "cpu").batch(400, 0, 0)
        named = [text for text in batch.captions if "style" in text]
        shares[share] = sum("simple style" in text for text in named) / len(named)
    assert shares[0.0] > 0.6, "the other look is named far more often than the plain one"
    assert shares[0.7] < shares[0.0] - 0.15


def test_cells_are_those_of_the_runtime(scenes: Scenes) -> None:
    masks = scenes.batch(8, 1, 1).masks
    ours = cells_of(masks).numpy()
    for mask, cells in zip(masks.numpy(), ours, strict=True):
        np.testing.assert_array_equal(cells[None], latent_mask(mask[0], 8))


def test_a_velocity_tells_clean_and_noise() -> None:
    diffusion, draw = Diffusion.on("cpu"), torch.Generator().manual_seed(0)
    clean, noise = (torch.randn(5, 4, 8, 8, generator=draw) for _ in range(2))
    at = torch.tensor([0, 19, 500, 980, 999])
    noised, velocity = diffusion.noised(clean, noise, at), diffusion.target(clean, noise, at)
    close = {"rtol": 0, "atol": 1e-5}  # float32, numbers of size 1
    torch.testing.assert_close(diffusion.clean(noised, velocity, at), clean, **close)
    torch.testing.assert_close(diffusion.noise(noised, velocity, at), noise, **close)
    torch.testing.assert_close(diffusion.ddim(noised, velocity, at, torch.full((5,), -1)), clean, **close)
    earlier = torch.tensor([0, 5, 100, 400, 998])
    torch.testing.assert_close(
        diffusion.ddim(noised, velocity, at, earlier), diffusion.noised(clean, noise, earlier), **close
    )


def test_packed_weights_are_near_and_files_small(tmp_path: Path) -> None:
    weights = dict(build(TINY, seed=1, device="cpu").unet.state_dict())
    paths = pack({"unet": weights}, tmp_path)
    assert all(path.stat().st_size < 16 * 1024 * 1024 for path in paths)
    found = unpack(tmp_path)["unet"]
    assert found.keys() == weights.keys()
    for name, value in weights.items():
        channels = value.reshape(len(value), -1).abs().amax(dim=1)
        step = channels / 127 if value.ndim > 1 else value.abs() * 2**-10
        error = (found[name] - value).reshape(len(value), -1).abs().amax(dim=1)
        assert (error <= step * 0.51 + 1e-7).all(), name


def test_packing_again_changes_nothing(tmp_path: Path) -> None:
    weights = dict(build(TINY, seed=1, device="cpu").unet.state_dict())
    pack({"unet": weights}, tmp_path / "once")
    once = unpack(tmp_path / "once")
    pack(once, tmp_path / "twice")
    for name, value in unpack(tmp_path / "twice")["unet"].items():
        torch.testing.assert_close(value, once["unet"][name], rtol=1e-6, atol=1e-9)  # the scale's last bit


def test_published_weights_are_those_that_were_packed(tmp_path: Path) -> None:
    networks = build(TINY, seed=2, device="cpu")
    like = tmp_path / "like"
    for part, module in (("vae", networks.vae), ("unet", networks.unet), ("text_encoder", networks.text)):
        module.save_pretrained(like / part)
    changed = build(TINY, seed=3, device="cpu")
    parts = {"unet": changed.unet.state_dict(), "text_encoder": changed.text.state_dict()}
    pack(parts, tmp_path / "packed")
    publish(tmp_path / "packed", like, tmp_path / "new")
    read = type(networks.unet).from_pretrained(tmp_path / "new" / "unet").state_dict()
    wanted = unpack(tmp_path / "packed")["unet"]
    for name, value in read.items():
        torch.testing.assert_close(value.float(), wanted[name].half().float(), rtol=0, atol=0)


def test_weights_of_another_network_are_refused() -> None:
    networks = build(TINY, seed=0, device="cpu")
    with pytest.raises(ValueError, match="do not fit"):
        load_weights(networks.unet, dict(networks.text.state_dict()), "unet")


def test_the_bundle_is_a_start() -> None:
    networks, bundle = load_networks(BUNDLED, device="cpu"), open_bundle(BUNDLED)
    engine = Inpainter(bundle, provider="cpu", threads=1)
    draw = torch.Generator().manual_seed(0)
    seen = torch.randn(1, 9, 16, 16, generator=draw)
    ids = encoder_of(load_tokenizer())(["a red heart"])
    with torch.no_grad():
        context = networks.context(ids)
        expected = networks.unet(seen, torch.tensor([500]), context).sample.numpy()
    inputs = {
        "sample": seen.numpy(),
        "timestep": np.array([500], np.int64),
        "encoder_hidden_states": context.numpy(),
    }
    spec = {tensor.name: tensor for tensor in bundle.graph("unet").inputs}
    found = engine.graphs["unet"]({name: value.astype(spec[name].dtype) for name, value in inputs.items()})[0]
    engine.close()
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-3)  # fused attention sums in another order


def test_sampling_keeps_to_its_seed(scenes: Scenes, tmp_path: Path) -> None:
    networks, encode = build(TINY, seed=0, device="cpu"), encoder_of(load_tokenizer())
    batch = scenes.batch(2, 0, 0)
    for how in (SampleOptions(steps=3), SampleOptions(steps=4, guidance=1.0, consistency=True)):
        first = sample(networks, encode, batch.pictures, batch.masks, batch.captions, how)
        assert torch.equal(first, sample(networks, encode, batch.pictures, batch.masks, batch.captions, how))
    look(networks, encode, scenes.backgrounds.pixels[..., :SIZE, :SIZE], tmp_path / "look.png", SampleOptions(steps=1))
    assert Image.open(tmp_path / "look.png").size == (8 * SIZE, len(PROMPTS) // 8 * SIZE)


def test_latents_are_scaled_to_one(scenes: Scenes) -> None:
    networks = build(TINY, seed=0, device="cpu")
    scale = latent_scale(networks, scenes, 0)
    with torch.no_grad():
        latents = networks.encode(scenes.batch(64, 0, -1).pictures) * scale
    assert float(latents.std()) == pytest.approx(1, rel=1e-4)


def test_the_judge_and_the_generator_share_no_artwork() -> None:
    judged, trained = read_artwork("judge", with_shapes=False), read_artwork("generator", with_shapes=True)
    assert {style for _, style, _ in judged.drawings} == set(JUDGE_STYLES)
    assert {style for _, style, _ in trained.drawings} == set(GENERATOR_STYLES)
    assert not {svg for _, _, svg in judged.drawings} & {svg for _, _, svg in trained.drawings}
    assert not set(JUDGE_KINDS) & set(GENERATOR_KINDS)


def test_every_popular_thing_is_drawn() -> None:
    trained = read_artwork("generator", with_shapes=True)
    assert set(popular()) <= {slug for slug, _, _ in trained.drawings}
    assert len(judged_nouns(read_artwork("judge", with_shapes=False))) > 300


def test_the_eye_learns_two_things(sprites: Sprites, tmp_path: Path) -> None:
    grounds = draw_backgrounds(JUDGE_KINDS, 16, size=64, seed=1, device="cpu")
    lessons = classifier.Lessons.of(sprites, {"disc": ("disc",), "frame": ("frame",)}, grounds)
    net, losses = classifier.learn(lessons, classes=2, steps=30, batch=16, seed=0)
    assert losses == classifier.learn(lessons, classes=2, steps=30, batch=16, seed=0)[1]
    pictures, labels = lessons.batch(64, random.Random(9), torch.Generator().manual_seed(9))
    assert float((classifier.ranked(net, pictures)[:, 0] == labels).float().mean()) > 0.8
    classifier.save(net, ["disc", "frame"], tmp_path / "eye.safetensors")
    with pytest.raises(ValueError, match="other nouns"):
        classifier.load(tmp_path / "eye.safetensors", ["disc", "ring"])


def test_the_stored_eye_knows_the_judged_nouns() -> None:
    words = list(judged_nouns(read_artwork("judge", with_shapes=False)))
    ranks = classifier.ranked(classifier.load(EYE, words), torch.rand(2, 3, 64, 64))
    assert ranks.shape == (2, len(words))


def test_a_gallery_paints_each_task_once(tiny: Bundle, tmp_path: Path) -> None:
    engine = Inpainter(tiny, provider="cpu", threads=1)
    tasks = [*naming(["owl"], 1), *outpainting(1)]
    first = list(Gallery(engine, tmp_path).paint(tasks, math.inf))
    again = list(Gallery(engine, tmp_path).paint(tasks, -math.inf))
    assert len(first) == len(again) == 2
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.result, two.result)
        assert one.result.shape == (*one.task.mask.shape, 3)
    engine.close()


def test_answers_belong_to_what_a_bundle_does_not_to_how_it_is_described(tiny: Bundle, tmp_path: Path) -> None:
    manifest = tiny.manifest
    assert work_digest(replace(manifest, title="another", description="another")) == work_digest(manifest)
    quicker = replace(manifest, defaults=replace(manifest.defaults, steps=manifest.defaults.steps + 1))
    assert work_digest(quicker) != work_digest(manifest)
    ranks = replace(manifest, graphs={**manifest.graphs, RANKER: manifest.graphs["unet"]})
    assert work_digest(ranks) == work_digest(manifest), "a picture of one draft does not depend on the ranker"
    assert home_of(ranks, tmp_path, drafts=3) != home_of(manifest, tmp_path, drafts=3)


def test_ranks_count_from_one() -> None:
    nouns = ["owl", "bus", "red apple"]
    tasks = list(naming(nouns, 1))
    painted = [Painted(task=t, result=t.picture, drift_db=None, changed_outside=0) for t in tasks]

    def eye(pictures: object) -> object:
        return torch.tensor([[3.0, 2.0, 1.0]] * len(painted))

    scores, ranks = naming_scores(painted, nouns, eye)
    assert ranks == {"owl": [1], "bus": [2], "red apple": [3]}
    assert scores["top1"] == pytest.approx(1 / 3, abs=1e-4)
    assert [t.prompt for t in tasks] == ["an owl", "bus", "a red apple"]


def test_psnr_counts_the_inside_alone() -> None:
    truth = np.full((8, 8, 3), 100, np.uint8)
    mask = np.zeros((8, 8), np.float32)
    mask[:, :4] = 1
    inside, outside = truth.copy(), truth.copy()
    inside[:, :4] += 10
    outside[:, 4:] += 10
    assert psnr_inside(outside, truth, mask) == 60
    assert psnr_inside(inside, truth, mask) == pytest.approx(20 * math.log10(255 / 10))
