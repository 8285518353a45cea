"""What is known of a model's speed makes later plans, and never stops a run."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from retouch.estimate import estimate, steps_gflop
from retouch.known_speed import FILE, recalled, remember
from retouch.pipeline import Inpainter
from retouch.request import InpaintRequest
from retouch_models.store import find_bundle

MASK = np.zeros((64, 64), np.float32)
MASK[16:48, 16:48] = 1
PICTURE = np.full((64, 64, 3), 90, np.uint8)
REQUEST = InpaintRequest(prompt="x", steps=1, seed=1)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RETOUCH_CACHE", str(tmp_path / "graphs"))
    return tmp_path / "graphs"


def test_each_device_and_model_has_its_own_and_new_runs_count_half(cache: Path) -> None:
    assert recalled("cpu", "pocket") is None
    remember("cpu", "pocket", 100.0)
    remember("openvino:0:bf16", "pocket", 900.0)
    remember("cpu", "pocket", 300.0)
    assert recalled("cpu", "pocket") == 200.0
    assert recalled("openvino:0:bf16", "pocket") == 900.0
    assert recalled("cpu", "other") is None
    assert [path.name for path in cache.iterdir()] == [FILE]


@pytest.mark.parametrize("content", ["", "[1]", '{"a": "b"}', "\0", '{"pocket on cpu": -1.0}'])
def test_a_file_that_is_damaged_is_begun_anew(cache: Path, content: str) -> None:
    cache.mkdir()
    (cache / FILE).write_text(content)
    assert recalled("cpu", "pocket") is None
    remember("cpu", "pocket", 50.0)
    assert recalled("cpu", "pocket") == 50.0


def test_nothing_is_kept_where_the_cache_is_off_or_cannot_be_written(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.write_text("a file where the folder should be")
    remember("cpu", "pocket", 50.0)
    assert recalled("cpu", "pocket") is None
    monkeypatch.setenv("RETOUCH_CACHE", "off")
    remember("cpu", "pocket", 50.0)
    assert recalled("cpu", "pocket") is None


@pytest.mark.usefixtures("cache")
def test_a_run_tells_its_speed_and_the_next_plan_takes_it() -> None:
    pocket = find_bundle("pocket")
    engine = Inpainter(pocket, provider="cpu")
    full = REQUEST.resolved(pocket.manifest)
    regions = engine.plan(MASK, full)
    result = engine.run(PICTURE, MASK, REQUEST)
    speed = recalled("cpu", "pocket")
    gflop = steps_gflop(pocket.manifest, full, regions)
    assert speed is not None
    assert_allclose(speed, gflop / result.seconds["steps"], rtol=0, atol=0.06)  # kept with one decimal

    def seconds(speed: float) -> float:
        found = estimate(pocket.manifest, full, regions, on_cpu=True, memory=0, speed=speed).seconds
        assert found is not None
        return found

    assert_allclose(seconds(10.0), 2 * seconds(20.0), rtol=1e-12)
    assert seconds(10.0) > gflop / 10


@pytest.mark.usefixtures("cache")
def test_a_run_with_fewer_threads_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retouch.pipeline.usable_processors", lambda: 64)
    Inpainter(find_bundle("pocket"), provider="cpu", threads=1).run(PICTURE, MASK, REQUEST)
    assert recalled("cpu", "pocket") is None
