"""The rung of a run follows from what it needs there and what there is: on the processor, and on a card that tells."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retouch import card_memory, pipeline, providers
from retouch.card_memory import CardMemory
from retouch.cli import main
from retouch.errors import GenerationError
from retouch.memory_choice import MemoryChoice
from retouch.memory_plan import EVERYTHING_OPEN, LADDER, SHARE
from retouch.pipeline import Inpainter
from retouch.providers import Device
from retouch.request import InpaintRequest
from retouch.session import GraphSession
from retouch.work_area import Region
from retouch_models.bundle import Bundle
from retouch_models.store import find_bundle
from support import lively_bundle
from support.fake_onnxruntime import Ort, put_in_place

SIDE = 128
MASK = np.zeros((SIDE, SIDE), np.float32)
MASK[32:96, 32:96] = 1
PICTURE = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
REQUEST = InpaintRequest(prompt="a red heart", seed=1, steps=2, guidance=3, area="picture", work_size=(SIDE, SIDE))
OWN, LOW, FOLDED = LADDER[0], LADDER[1], LADDER[-1]


@pytest.fixture
def pocket() -> Bundle:
    return find_bundle("pocket")


def planned(bundle: Bundle) -> tuple[InpaintRequest, tuple[Region, ...]]:
    engine = Inpainter(bundle, provider="cpu")
    full = REQUEST.resolved(engine.manifest)
    return full, engine.plan(MASK, full)


def test_weights_stay_folded_where_there_is_no_room_and_the_picture_is_the_same(
    pocket: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETOUCH_CACHE", str(tmp_path))
    frugal = Inpainter(pocket, provider="cpu", memory_limit=0.1e9)
    found = frugal.run(PICTURE, MASK, REQUEST).image
    assert frugal.graphs.memory == FOLDED
    assert not list(tmp_path.iterdir()), "copies with unfolded weights are not made"
    usual = Inpainter(pocket, provider="cpu", memory="low").run(PICTURE, MASK, REQUEST).image
    assert list(tmp_path.iterdir())
    # Kernels and their order differ; the last bits of float32 may move a level.
    assert np.abs(found.astype(int) - usual).max() <= 2


def test_copies_that_must_be_made_first_are_part_of_the_peak(
    pocket: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETOUCH_CACHE", str(tmp_path))
    full, regions = planned(pocket)
    choice = MemoryChoice(bundle=pocket, device=Device("cpu"))
    first, folded = choice.need(full, regions, LOW), choice.need(full, regions, FOLDED)
    Inpainter(pocket, provider="cpu", memory="low").run(PICTURE, MASK, REQUEST)
    later = choice.need(full, regions, LOW)
    assert folded == choice.need(full, regions, FOLDED) < later < first
    tight = MemoryChoice(bundle=pocket, device=Device("cpu"), limit_bytes=(later + first) / 2)
    assert tight.rungs(full, regions)[0] == EVERYTHING_OPEN
    monkeypatch.setenv("RETOUCH_CACHE", str(tmp_path / "other"))
    assert tight.rungs(full, regions) == (FOLDED,), "making them would not fit"


def test_doctor_tells_what_a_card_has(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(providers, "found_devices", lambda: [Device("cuda"), Device("cpu")])
    monkeypatch.setattr(card_memory, "card_memory", lambda _: CardMemory(total=24e9, free=20e9))
    main(["doctor"])
    assert "memory cuda:0" in (told := capsys.readouterr().out)
    assert "20.0 of 24.0 GB free; another process holds 4.0 of 24.0 GB" in told


@pytest.mark.parametrize(
    ("mode", "limit", "free", "first"),
    [("auto", None, 80e9, OWN), ("auto", None, 0.8e9, LOW), ("auto", None, None, OWN), ("auto", 0.65e9, 80e9, LOW),
     ("low", None, 80e9, LOW), ("high", None, 0.1e9, OWN), ("auto", None, 0.1e9, LADDER[2])],
    ids=["roomy", "tight", "unknown", "limited", "low", "high", "full"],
)  # fmt: skip
def test_auto_keeps_to_what_a_card_has_free(
    mode: str, limit: float | None, free: float | None, first: object, pocket: Bundle
) -> None:
    full, regions = planned(pocket)
    card = CardMemory(total=None if free is None else 80e9, free=free)
    choice = MemoryChoice(bundle=pocket, device=Device("cuda"), mode=mode, limit_bytes=limit, card=card)  # type: ignore[arg-type]
    rungs = choice.rungs(full, regions)
    assert rungs[0] == first
    assert not any(rung.folded for rung in rungs), "a card unfolds nothing"
    if free == 0.8e9:
        assert choice.need(full, regions, LOW) <= SHARE * free < choice.need(full, regions, OWN)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(PICTURE).save(path)
    return path


@pytest.fixture
def on_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bundle:
    """A model, on a stand-in of a card that another process uses too."""
    put_in_place(monkeypatch, Ort("CUDAExecutionProvider"))
    for module in (card_memory, pipeline):
        monkeypatch.setattr(module, "card_memory", lambda number: CardMemory(total=24e9, free=20e9 - number))
    return lively_bundle.build(tmp_path / "model")


def test_the_plan_tells_what_a_card_has(on_card: Bundle, photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["inpaint", str(photo), "--mask", "rect 8,8 20x20", "--model", str(on_card.folder), "--dry-run"]
    assert main([*words, "--provider", "cuda"]) == 0
    assert "cuda:0: 20.0 of 24.0 GB free; another process holds 4.0 of 24.0 GB" in capsys.readouterr().out
    assert main([*words, "--provider", "cuda", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["card"] == {"total": 24e9, "free": 20e9, "unknown": ""}


def test_who_holds_the_memory_is_part_of_the_one_line(on_card: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Inpainter(on_card, provider="cuda")

    def full(self: GraphSession, inputs: object) -> object:
        raise self.failure(MemoryError())

    monkeypatch.setattr(GraphSession, "__call__", full)
    with pytest.raises(GenerationError, match=r"out of memory on cuda:0; .*; another process holds 4.0 of 24.0 GB"):
        engine.run(PICTURE, MASK, REQUEST)
