"""Laws of the loop on a GPU, on a stand-in: no step touches the host, work is recorded, and bad luck is survived."""

import gc
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from retouch.cli import main
from retouch.device.buckets import MOST_BUCKETS, WARM_UPS
from retouch.errors import GenerationError, UsageError
from retouch.memory_plan import LADDER
from retouch.pipeline import Inpainter
from retouch.progress import Progress
from retouch.providers import NO_WISH, Device, Wish
from retouch.providers._onnxruntime import provider_of
from retouch.request import InpaintRequest
from retouch.samplers import SAMPLERS
from retouch_models.bundle import Bundle
from support import lively_bundle
from support.fake_onnxruntime import Ort, Session, put_in_place

PICTURE = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
MASK = np.zeros((64, 64), np.float32)
MASK[16:48, 16:48] = 1
REQUEST = InpaintRequest(prompt="a", seed=1, steps=6, area="picture", work_size=(64, 64))
CUDA = "CUDAExecutionProvider"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with a UNet for any provider."""
    return lively_bundle.build(tmp_path_factory.mktemp("models") / "whole").folder


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Bundle]:
    """A model with a UNet for any provider, one with a UNet cut for CUDA, and one without mask inputs."""
    home = tmp_path_factory.mktemp("models")
    return {
        "whole": lively_bundle.build(home / "whole"),
        "split": lively_bundle.build(home / "split", split_for="cuda", with_extra=True),
        "half": lively_bundle.build(home / "half", half=True),
        "ordinary": lively_bundle.build(home / "ordinary", ordinary=True),
    }


@pytest.fixture(scope="module")
def on_processor(bundles: dict[str, Bundle]) -> dict[str, np.ndarray]:
    """What the processor makes of each."""
    return {name: Inpainter(b, provider="cpu").run(PICTURE, MASK, REQUEST).image for name, b in bundles.items()}


@pytest.fixture
def ort(monkeypatch: pytest.MonkeyPatch) -> Ort:
    """A GPU."""
    return put_in_place(monkeypatch, Ort(CUDA))


def request(**options: object) -> InpaintRequest:
    return InpaintRequest(**{**vars(REQUEST), **options})


def unet_runs(ort: Ort) -> list[str]:
    """The number under which each run of the UNet was recorded."""
    return [number for session, number in ort.runs if "sample" in {i.name for i in session.get_inputs()}]


def runs_of(ort: Ort, output: str) -> int:
    """How often the graph with that output ran."""
    return sum(output == session.real.get_outputs()[0].name for session, _ in ort.runs)


# What crosses to the host


@pytest.mark.parametrize("options", [{}, {"sampler": "unipc"}, {"sampler": "dpmpp_3m_sde"}, {"guidance": 1.0},
                                     {"guidance_rescale": 0.5}, {"denoising": "differential"}, {"strength": 0.7}],
                         ids=str)  # fmt: skip
@pytest.mark.parametrize("name", ["whole", "split", "half", "ordinary"])
def test_no_step_brings_latents_to_the_host(
    name: str, options: dict[str, object], bundles: dict[str, Bundle], ort: Ort
) -> None:
    values, crossed = ort.OrtValue, list[int]()

    def watch(progress: Progress) -> None:
        values.refuses = progress.phase == "step" and progress.step < progress.steps  # from the first step to the last
        crossed.append(values.downloads)

    Inpainter(bundles[name], provider="cuda").run(PICTURE, MASK, request(**options), watch)
    assert values.downloads == 1  # the last latents, for the decoder
    assert set(crossed[:-2]) == {0}


@pytest.mark.parametrize("name", ["whole", "split"])
def test_a_preview_costs_one_copy_and_only_if_it_is_looked_at(name: str, bundles: dict[str, Bundle], ort: Ort) -> None:
    counts = list[int]()

    def look(progress: Progress) -> None:
        if progress.phase == "step":
            before = ort.OrtValue.downloads
            if progress.step % 2:
                assert progress.preview() is not None
            counts.append(ort.OrtValue.downloads - before)

    Inpainter(bundles[name], provider="cuda").run(PICTURE, MASK, REQUEST, look)
    assert counts == [1, 0, 1, 0, 1, 0]
    assert ort.OrtValue.downloads == 3 + 1


def test_a_step_uploads_a_few_numbers_and_nothing_else(bundles: dict[str, Bundle], ort: Ort) -> None:
    """Text, mask and masked picture are there from the first step; a cut UNet copies its embedding on the device."""
    for name, uploads, copies in (("whole", 4, 0), ("split", 3, 1)):
        seen = list[tuple[int, int]]()

        def watch(progress: Progress, seen: list[tuple[int, int]] = seen) -> None:
            if progress.phase == "step":
                seen.append((ort.OrtValue.uploads, runs_of(ort, "copied")))

        Inpainter(bundles[name], provider="cuda").run(PICTURE, MASK, request(sampler="euler"), watch)
        steps = np.diff(seen[1:-1], axis=0)  # the first fills, the last sums nothing
        assert steps.tolist() == [[uploads, copies]] * len(steps)


def test_a_cut_unet_sees_the_text_once_and_each_timestep_once(bundles: dict[str, Bundle], ort: Ort) -> None:
    engine = Inpainter(bundles["split"], provider="cuda")

    first = engine.run(PICTURE, MASK, REQUEST).image
    assert (runs_of(ort, "text.0"), runs_of(ort, "time")) == (1, 6)
    again = engine.run(PICTURE, MASK, REQUEST).image
    assert (runs_of(ort, "text.0"), runs_of(ort, "time")) == (1, 6)
    np.testing.assert_array_equal(again, first)
    engine.run(PICTURE, MASK, request(prompt="b"))
    assert (runs_of(ort, "text.0"), runs_of(ort, "time")) == (2, 6)


def test_on_the_host_too_a_cut_unet_sees_the_text_once(
    bundles: dict[str, Bundle], ort: Ort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETOUCH_LOOP", "host")
    calls: list[str] = []
    ort.on_run = lambda session, number: calls.append(session.real.get_outputs()[0].name)
    engine = Inpainter(bundles["split"], provider="cuda")
    for _ in range(2):
        engine.run(PICTURE, MASK, REQUEST)
    assert (calls.count("text.0"), calls.count("time")) == (1, 6)


@pytest.mark.parametrize("name", ["whole", "split", "half", "ordinary"])
def test_the_picture_is_that_of_the_processor(
    name: str, bundles: dict[str, Bundle], on_processor: dict[str, np.ndarray], ort: Ort
) -> None:
    found = Inpainter(bundles[name], provider="cuda").run(PICTURE, MASK, REQUEST)
    assert found.provider == "cuda:0"
    assert np.abs(found.image.astype(int) - on_processor[name]).max() <= (
        2 if name == "half" else 1
    )  # rounding of latents


@pytest.mark.parametrize("why", ["soft inpainting", "a sampler that is not linear"])
def test_what_computes_on_the_processor_between_steps_says_so(
    why: str, bundles: dict[str, Bundle], ort: Ort, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"denoising": "soft"}
    if why != "soft inpainting":
        options = {"sampler": "euler"}
        monkeypatch.setattr(SAMPLERS["euler"], "linear", False)
    result = Inpainter(bundles["split"], provider="cuda").run(PICTURE, MASK, request(**options))
    assert [note for note in result.notes if "latents leave cuda:0" in note]
    if why == "soft inpainting":
        assert ort.OrtValue.downloads == 6 + 1  # one at each step
    else:
        assert ort.OrtValue.downloads == 0  # it went by arrays
        assert set(unet_runs(ort)) <= {"-1"}


# Recording


def test_the_steps_are_recorded_after_the_warm_up_and_replayed(bundles: dict[str, Bundle], ort: Ort) -> None:
    engine = Inpainter(bundles["whole"], provider="cuda")
    engine.run(PICTURE, MASK, request(sampler="euler"))
    (number,) = set(unet_runs(ort)) - {"-1"}
    assert unet_runs(ort) == ["-1"] * WARM_UPS + [number] * (6 - WARM_UPS)
    engine.run(PICTURE, MASK, request(sampler="euler", prompt="b"))  # another prompt goes into the same buffers
    assert unet_runs(ort)[6:] == [number] * 6
    settings = [session.wanted[0][1] for session in ort.opened]
    assert sum(s.get("enable_cuda_graph") == "1" for s in settings) == 1  # the UNet alone


def test_each_shape_has_a_recording_and_the_least_used_goes(bundles: dict[str, Bundle], ort: Ort) -> None:
    engine = Inpainter(bundles["whole"], provider="cuda")
    sides = (64, 80, 96, 128)
    sizes = [(width, height) for width in sides for height in sides][: MOST_BUCKETS + 1]
    for size in sizes[:MOST_BUCKETS]:
        engine.run(PICTURE, MASK, request(work_size=size))
    numbers = list(dict.fromkeys(number for number in unet_runs(ort) if number != "-1"))
    assert len(numbers) == MOST_BUCKETS
    assert ort.released == []
    engine.run(PICTURE, MASK, request(work_size=sizes[0]))  # used again: now the second is the oldest
    engine.run(PICTURE, MASK, request(work_size=sizes[MOST_BUCKETS]))
    assert ort.released == [int(numbers[1])]
    engine.close()
    assert len(ort.released) == MOST_BUCKETS + 1


def test_sizes_share_what_does_not_depend_on_them(bundles: dict[str, Bundle], ort: Ort) -> None:
    """A second size copies no text, and adds two buffers: sample and output."""
    engine = Inpainter(bundles["split"], provider="cuda")
    engine.run(PICTURE, MASK, REQUEST)
    gc.collect()
    before, copied = len(ort.OrtValue.live), runs_of(ort, "copied")
    engine.run(PICTURE, MASK, request(work_size=(96, 64)))
    gc.collect()
    assert len(ort.OrtValue.live) == before + 2
    assert runs_of(ort, "copied") == copied + 6  # timesteps alone


def test_guidance_on_part_of_the_steps_has_two_recordings(bundles: dict[str, Bundle], ort: Ort) -> None:
    Inpainter(bundles["whole"], provider="cuda").run(
        PICTURE, MASK, request(steps=10, sampler="euler", guidance_interval=(0, 0.5))
    )
    both, one = dict.fromkeys(number for number in unet_runs(ort) if number != "-1")
    assert unet_runs(ort) == ["-1", "-1", both, both, both, "-1", "-1", one, one, one]


@pytest.mark.parametrize("off", ["RETOUCH_CUDA_GRAPH", "RETOUCH_LOOP"])
def test_recording_can_be_turned_off(
    off: str, bundles: dict[str, Bundle], ort: Ort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(off, "off" if off == "RETOUCH_CUDA_GRAPH" else "host")
    Inpainter(bundles["whole"], provider="cuda").run(PICTURE, MASK, REQUEST)
    assert not any("enable_cuda_graph" in session.wanted[0][1] for session in ort.opened)
    assert set(unet_runs(ort)) <= {"-1"}


def test_low_memory_neither_records_nor_keeps_graphs_open(bundles: dict[str, Bundle], ort: Ort) -> None:
    engine = Inpainter(bundles["split"], provider="cuda", memory="low")
    found = engine.run(PICTURE, MASK, request(denoising="differential", sampler="heun")).image
    assert set(unet_runs(ort)) == {"-1"}
    assert not any("enable_cuda_graph" in session.wanted[0][1] for session in ort.opened)
    high = Inpainter(bundles["split"], provider="cuda", memory="high")
    expected = high.run(PICTURE, MASK, request(denoising="differential", sampler="heun")).image
    assert np.abs(found.astype(int) - expected).max() <= 1  # batches of one and two round differently


# Bad luck


@pytest.mark.parametrize("when", ["opening", "recording"])
def test_where_recording_fails_the_run_goes_on_and_says_so_once(
    when: str, bundles: dict[str, Bundle], on_processor: dict[str, np.ndarray], ort: Ort
) -> None:
    error = RuntimeError("CUDA failure 901: operation failed due to a previous error during capture\nmore")
    if when == "opening":
        ort.refuses_to_record = error
    else:

        def break_it(session: object, number: str) -> None:
            if session.records and number != "-1":  # type: ignore[attr-defined]
                raise error

        ort.on_run = break_it
    engine = Inpainter(bundles["whole"], provider="cuda")
    for _ in range(2):
        result = engine.run(PICTURE, MASK, REQUEST)
        (note,) = [note for note in result.notes if "not recorded" in note]
        assert "CUDA failure 901" in note
        assert "\n" not in note
        assert np.abs(result.image.astype(int) - on_processor["whole"]).max() <= 1
    tried = [s for s in ort.opened if s.wanted[0][1].get("enable_cuda_graph") == "1"]
    assert len(tried) == 1  # never again


OUT_OF_MEMORY = ["CUDA failure 2: out of memory", "Failed to allocate memory for requested buffer of size 1234"]


@pytest.mark.parametrize("said", OUT_OF_MEMORY)
@pytest.mark.parametrize("step", [1, 4])
def test_running_out_of_memory_in_the_middle_goes_down_a_rung(
    said: str, step: int, bundles: dict[str, Bundle], ort: Ort
) -> None:
    engine = Inpainter(bundles["whole"], provider="cuda")
    expected = engine.run(PICTURE, MASK, REQUEST).image
    done = SimpleNamespace(runs=0)

    def fill(session: object, number: str) -> None:
        done.runs += engine.graphs.memory == LADDER[0] and "sample" in {i.name for i in session.get_inputs()}  # type: ignore[attr-defined]
        if done.runs == step:
            done.runs += 1
            raise RuntimeError(said)

    ort.on_run = fill
    found = engine.run(PICTURE, MASK, REQUEST).image
    assert engine.graphs.memory == LADDER[1]
    assert np.abs(found.astype(int) - expected).max() <= 1


def test_no_room_for_the_buffers_is_running_out_of_memory_too(bundles: dict[str, Bundle], ort: Ort) -> None:
    engine = Inpainter(bundles["whole"], provider="cuda")
    ort.OrtValue.full = True
    with pytest.raises(GenerationError, match="ran out of memory on cuda:0") as caught:
        engine.run(PICTURE, MASK, REQUEST)
    assert "\n" not in str(caught.value)
    ort.OrtValue.full = False
    assert engine.run(PICTURE, MASK, REQUEST).image.shape == PICTURE.shape  # the engine is not broken by it


def dying(ort: Ort, after: int) -> Callable[[object, str], None]:
    """A device that is lost for good after so many runs."""
    left = [after]

    def die(session: object, number: str) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise RuntimeError("CUDA failure 700: an illegal memory access was encountered\nstack")

    return die


@pytest.mark.parametrize("after", [1, 5, 14])
def test_a_device_that_dies_ends_the_run_with_one_line(after: int, bundles: dict[str, Bundle], ort: Ort) -> None:
    engine = Inpainter(bundles["whole"], provider="cuda")
    ort.on_run = dying(ort, after)
    with pytest.raises(GenerationError, match="CUDA failure 700") as caught:
        engine.run(PICTURE, MASK, REQUEST)
    assert "\n" not in str(caught.value)
    ort.on_run = None
    assert engine.run(PICTURE, MASK, REQUEST).image.shape == PICTURE.shape


def test_a_loop_that_cannot_start_gives_way_to_the_host_and_says_so(
    bundles: dict[str, Bundle], on_processor: dict[str, np.ndarray], ort: Ort
) -> None:
    def refuse(session: object, number: str) -> None:
        if number != "host":
            raise RuntimeError("binding is not what this version takes")

    ort.on_run = refuse
    engine = Inpainter(bundles["whole"], provider="cuda")
    for _ in range(2):
        result = engine.run(PICTURE, MASK, REQUEST)
        (note,) = [note for note in result.notes if "leave cuda:0 at every step" in note]
        assert "binding is not what this version takes" in note
        assert np.abs(result.image.astype(int) - on_processor["whole"]).max() <= 1


def test_a_recording_that_cannot_be_freed_does_not_stop_anything(
    bundles: dict[str, Bundle], ort: Ort, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(session: object, number: int) -> None:
        raise RuntimeError("CUDA failure 700")

    engine = Inpainter(bundles["whole"], provider="cuda")
    engine.run(PICTURE, MASK, REQUEST)
    monkeypatch.setattr(Session, "release_captured_graph", broken)
    engine.close()
    assert engine.run(PICTURE, MASK, REQUEST).image.shape == PICTURE.shape


def test_the_command_line_says_it_and_writes_nothing(
    folder: Path, ort: Ort, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sample = Path(__file__).parents[2] / "models/retouch_models/sample"
    ort.on_run = dying(ort, 6)
    words = ["inpaint", str(sample / "picture.png"), "--mask", str(sample / "mask.png"), "--model", str(folder)]
    assert main([*words, "-o", str(tmp_path / "out.png"), "--provider", "cuda", "-q"]) == GenerationError.exit_code
    said = capsys.readouterr().err.strip()
    assert "CUDA failure 700" in said
    assert len(said.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


# Options


def test_options_of_the_provider() -> None:
    cuda = provider_of(Device("cuda"))
    plain = cuda.options(1, NO_WISH)
    assert plain == {
        "device_id": "1",
        "arena_extend_strategy": "kSameAsRequested",
        "cudnn_conv_algo_search": "HEURISTIC",
        "cudnn_conv_use_max_workspace": "1",
    }
    all_of_it = cuda.options(0, Wish(record=True, memory_limit=4_000_000_000, channels_last=True))
    assert all_of_it["enable_cuda_graph"] == all_of_it["prefer_nhwc"] == "1"
    assert all_of_it["gpu_mem_limit"] == "4000000000"
    assert all_of_it["cudnn_conv_use_max_workspace"] == "0"


def test_options_of_the_user_win_and_the_slow_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = provider_of(Device("cuda"))
    monkeypatch.setenv("RETOUCH_CUDA_OPTIONS", "prefer_nhwc=0, use_tf32=0")
    told = cuda.options(0, Wish(channels_last=True))
    assert (told["prefer_nhwc"], told["use_tf32"]) == ("0", "0")
    for wrong, part in (("cudnn_conv_algo_search=default", "very slow"), ("prefer_nhwc", "NAME=VALUE")):
        monkeypatch.setenv("RETOUCH_CUDA_OPTIONS", wrong)
        with pytest.raises(UsageError, match=part):
            cuda.options(0, NO_WISH)


def test_only_half_precision_graphs_without_their_own_layout_change_it(
    bundles: dict[str, Bundle], ort: Ort, tmp_path: Path
) -> None:
    for name, expected in (("whole", None), ("half", "1")):
        ort.opened.clear()
        Inpainter(bundles[name], provider="cuda").run(PICTURE, MASK, REQUEST)
        found = [s.wanted[0][1].get("prefer_nhwc") for s in ort.opened if "sample" in {i.name for i in s.get_inputs()}]
        assert found == [expected]
    fused = lively_bundle.build(tmp_path / "fused", half=True)
    graph = fused.graph_path("unet")
    graph.write_bytes(graph.read_bytes() + b"\x1a\x0aNhwcConv!!")  # producer_name: the word stands in the file
    Inpainter(fused, provider="cuda").run(PICTURE, MASK, REQUEST)
    assert "prefer_nhwc" not in ort.opened[-1].wanted[0][1]


def test_a_memory_limit_reaches_the_device(bundles: dict[str, Bundle], ort: Ort) -> None:
    Inpainter(bundles["whole"], provider="cuda", memory="high", memory_limit=3e9).run(PICTURE, MASK, REQUEST)
    limits = {session.wanted[0][1].get("gpu_mem_limit") for session in ort.opened}
    assert "3000000000" in limits


@pytest.mark.parametrize("told", ["gpu", "on"])
def test_odd_words_in_the_environment_are_refused(
    told: str, bundles: dict[str, Bundle], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETOUCH_LOOP", told)
    with pytest.raises(UsageError, match="RETOUCH_LOOP"):
        Inpainter(bundles["whole"], provider="cpu")


def test_a_device_without_memory_for_latents_is_named(
    bundles: dict[str, Bundle], monkeypatch: pytest.MonkeyPatch
) -> None:
    put_in_place(monkeypatch, Ort("DmlExecutionProvider"))
    monkeypatch.setenv("RETOUCH_LOOP", "device")
    with pytest.raises(UsageError, match="directml:0 keeps no latents"):
        Inpainter(bundles["whole"], provider="directml")


def test_libraries_are_loaded_once_and_quietly(ort: Ort, capsys: pytest.CaptureFixture[str]) -> None:
    calls: list[int] = []

    class Loads:
        def get_available_providers(self) -> list[str]:
            return [CUDA]

        def preload_dlls(self) -> None:
            calls.append(1)
            sys.stdout.write("Failed to load libnvrtc")

    loads = Loads()
    provider_of(Device("cuda")).plugged(loads)
    provider_of(Device("cuda")).plugged(loads)
    assert calls == [1]
    assert capsys.readouterr().out == ""
