"""The editor's engine is the runtime: its plans, its use of memory, its devices."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from retouch import memory_choice
from retouch.card_memory import CardMemory
from retouch.errors import UsageError
from retouch.geometry import Size
from retouch.pipeline import Inpainter
from retouch_tui import retouch_engine
from retouch_tui.engine import Draft, draft_from_data
from retouch_tui.fields import field_named
from retouch_tui.retouch_engine import RetouchEngine
from retouch_tui.settings import load_draft, save_draft
from retouch_tui.widgets.status_line import plan_words
from support.tiny_bundle import build
from tui_support.app import make_app
from tui_support.journey import ready, until
from tui_support.pictures import landscape

MASK = np.zeros((64, 96), np.float32)
MASK[20:40, 30:60] = 1


@pytest.fixture
def model(tmp_path: Path) -> str:
    return str(build(tmp_path / "tiny"))


def plan_of(draft: Draft) -> tuple[int, str]:
    plan = RetouchEngine().plan(Size(96, 64), MASK, draft)
    assert plan.memory is not None
    return plan.memory, plan.sparing


def test_a_limit_that_is_too_small_makes_the_plan_frugal_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_choice, "has_copy", lambda *_: True)  # or making one is the peak of both
    model = "pocket"  # whose weights are most of what it needs
    roomy, words = plan_of(Draft(model=model, memory_gb=100))
    assert words == ""
    for draft in (Draft(model=model, memory_gb=0.2), Draft(model=model, memory="low")):
        frugal, words = plan_of(draft)
        assert "one graph at a time" in words
        assert frugal < roomy
    assert plan_of(Draft(model=model, memory="high", memory_gb=0.1)) == (roomy, "")


def test_the_status_line_tells_how_memory_is_saved(model: str) -> None:
    plan = RetouchEngine().plan(Size(96, 64), MASK, Draft(model=model, memory="low"))
    assert "one graph at a time" in plan_words(plan)


def test_memory_and_its_limit_reach_the_runtime(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[dict[str, object]] = []

    class Watched(Inpainter):
        def __init__(self, bundle: object, **options: object) -> None:
            opened.append(options)
            super().__init__(bundle, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(retouch_engine, "Inpainter", Watched)
    engine = RetouchEngine()
    draft = Draft(model=model, provider="cpu", memory="low", memory_gb=2)
    made = [
        engine.generate(landscape(), MASK, one, lambda _: None, lambda _: None).pixels
        for one in (draft, draft, Draft(model=model, provider="cpu"))
    ]
    assert opened == [
        {"provider": "cpu", "memory": "low", "memory_limit": 2e9},
        {"provider": "cpu", "memory": "auto", "memory_limit": None},
    ], "an open model is kept while nothing about it changes"
    np.testing.assert_allclose(made[0], made[2], atol=1)  # two calls of the UNet may round otherwise than one


@pytest.mark.parametrize(
    ("changes", "named"),
    [({"memory": "much"}, "auto, low, high"), ({"memory_gb": 0.0}, "0.1"), ({"memory_gb": 2e6}, "GB")],
    ids=["mode", "too little", "too much"],
)
def test_memory_that_cannot_be_meant_is_refused(changes: dict[str, object], named: str) -> None:
    with pytest.raises(UsageError, match=named):
        draft_from_data(Draft().to_data() | changes)


def test_the_limit_is_checked_as_it_is_typed() -> None:
    field = field_named("memory_gb")
    assert field.read("") is None
    assert field.read("1,5") == 1.5
    with pytest.raises(UsageError, match=r"from 0\.1"):
        field.read("0")


def test_memory_is_kept_for_each_model(tmp_path: Path) -> None:
    save_draft(tmp_path, Draft(model="a/b", memory="low", memory_gb=3.5))
    found = load_draft(tmp_path, "a/b")
    assert found is not None
    assert (found.memory, found.memory_gb) == ("low", 3.5)
    older = {name: value for name, value in Draft().to_data().items() if not name.startswith("memory")}
    assert (draft_from_data(older).memory, draft_from_data(older).memory_gb) == ("auto", None)


def test_a_card_is_asked_once_and_who_fills_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def card(number: int) -> CardMemory:
        asked.append(number)
        return CardMemory(total=24e9, free=0.8e9 if number else 24e9)

    monkeypatch.setattr(retouch_engine, "card_memory", card)
    engine = RetouchEngine()
    told = [
        engine.plan(Size(96, 64), MASK, Draft(model="pocket", provider=name)).sparing
        for name in ("cuda", "cuda:1", "cpu", "cuda:1", "cuda")
    ]
    assert told[0] == told[4] == ""
    assert "another process holds 23.2 of 24.0 GB" in told[1] == told[3]
    assert asked == [0, 1], "later the worker's own share would be taken for another's"


def test_a_plan_leaves_onnxruntime_to_the_worker(model: str) -> None:
    script = f"""
import sys, numpy as np
from retouch.geometry import Size
from retouch_tui.engine import Draft
from retouch_tui.retouch_engine import RetouchEngine
mask = np.ones((64, 96), np.float32)
for model in ("pocket", {model!r}):
    RetouchEngine().plan(Size(96, 64), mask, Draft(model=model))
print("onnxruntime" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n", "importing it takes long, and memory that the editor does not need"


def test_devices_are_tried_in_another_process() -> None:
    found = RetouchEngine().find_providers()
    assert found[0] == "auto"
    assert "cpu" in found


def test_a_search_for_devices_that_fails_leaves_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retouch_engine, "FIND", "import os; os.abort()")
    assert RetouchEngine().find_providers() == ("auto", "cpu")


@pytest.mark.parametrize(("found", "chosen"), [("cuda:0 cpu", "cuda:0"), ("webgpu:0 cpu", "cpu")])
def test_auto_is_planned_for_the_device_that_a_run_would_take(
    found: str, chosen: str, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retouch_engine, "FIND", f"print({found!r})")
    engine = RetouchEngine()
    engine.find_providers()
    mask = np.zeros((300, 200), np.float32)
    mask[20:280, 60:130] = 1  # CUDA takes one of few sizes for it, the processor one nearer to its shape

    def boxes(provider: str) -> object:
        plan = engine.plan(Size(200, 300), mask, Draft(model=model, provider=provider))
        return plan.boxes, plan.works

    assert boxes("cuda:0") != boxes("cpu")
    assert boxes("auto") == boxes(chosen)


async def test_devices_that_were_found_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(_: object) -> Sequence[str]:
        return ("auto", "cuda:0", "cpu")

    monkeypatch.setattr("tui_support.engine.StandIn.find_providers", found)
    app = make_app()
    async with app.run_test(size=(120, 36)) as pilot:
        editor = await ready(pilot)
        choice = editor.query_one("#field-provider")
        editor._find_devices()
        await until(pilot, lambda: "cuda:0" in {value for _, value in choice._options})  # type: ignore[attr-defined]
        assert choice.value == "auto"  # type: ignore[attr-defined]
