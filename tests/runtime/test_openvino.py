"""Laws of the provider openvino, on a stand-in: numbered, tried for real, its numbers told, its failures explained."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from retouch import providers, session_cache
from retouch.cli import main
from retouch.errors import BundleError, GenerationError, MissingExtra, ProviderError, UsageError
from retouch.failures import OutOfMemory
from retouch.memory_choice import MemoryChoice
from retouch.memory_plan import LADDER, ladder_of
from retouch.pipeline import Inpainter
from retouch.providers import Device, Wish, found_devices, on_processor, open_device, parse_device, probe
from retouch.providers import openvino as provider
from retouch.request import InpaintRequest
from retouch.session import GraphSession
from retouch.usual_sizes import usual_sizes
from retouch.work_area import plan, work_area_of
from retouch_models.bundle import Bundle
from retouch_models.store import find_bundle
from support.fake_openvino import EXACT, Fake, Model, put_in_place, take_away

MASK = np.zeros((64, 64), np.float32)
MASK[16:48, 16:48] = 1
PICTURE = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
REQUEST = InpaintRequest(prompt="a", seed=1, area="picture", work_size=(64, 64))
EVERYTHING = {"CPU": [*EXACT, "BF16"], "NPU": ["FP16"], "GPU.1": [*EXACT, "FP16"], "GPU.0": [*EXACT, "FP16"]}


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Fake], Fake]:
    """Put a stand-in in the place of openvino; what it compiles is kept in a folder of its own."""
    monkeypatch.setenv("RETOUCH_CACHE", str(tmp_path / "graphs"))

    return lambda fake: put_in_place(monkeypatch, fake)


@pytest.mark.parametrize(
    ("text", "device", "said"),
    [
        ("openvino", Device("openvino"), "openvino:0"),
        ("openvino:1", Device("openvino", 1), "openvino:1"),
        ("openvino:bf16", Device("openvino", 0, "bf16"), "openvino:0:bf16"),
        ("openvino:2:f16", Device("openvino", 2, "f16"), "openvino:2:f16"),
    ],
)
def test_names_hold_a_number_and_what_is_computed_with(text: str, device: Device, said: str) -> None:
    assert parse_device(text) == device
    assert str(device) == said
    assert parse_device(said) == device


@pytest.mark.parametrize("text", ["openvino:int8", "openvino:bf16:0", "openvino:0:bf16:1", "openvino::", "cpu:bf16"])
def test_other_names_are_refused_with_what_would_do(text: str) -> None:
    with pytest.raises(UsageError, match="device number"):
        parse_device(text)


def test_the_processor_is_number_0_then_gpus_then_npus(use: Callable[[Fake], Fake]) -> None:
    use(Fake(**EVERYTHING))
    listed = [str(device) for device in provider.PROVIDERS["openvino"].devices()]
    assert listed == [
        "openvino:0", "openvino:0:bf16", "openvino:1", "openvino:1:f16", "openvino:2", "openvino:2:f16",
        "openvino:3:f16",
    ]  # fmt: skip
    assert [name for name in listed if on_processor(parse_device(name))] == ["openvino:0", "openvino:0:bf16"]
    assert provider.hardware_of(Device("openvino", 1)) == "GPU.0"


def test_every_device_that_ran_is_found(use: Callable[[Fake], Fake]) -> None:
    fake = use(Fake(**EVERYTHING))
    own = [device for device in found_devices() if device.provider == "openvino"]
    assert len(own) == 7
    assert len(fake.compiled) == 7  # each of them was tried
    fake.fails = RuntimeError("driver")
    assert not [device for device in found_devices() if device.provider == "openvino"]


REFUSED = {
    "no such number": ("openvino:4", "does not exist; openvino:0 is CPU, openvino:1 is GPU.0"),
    "numbers it lacks": ("openvino:0:f16", "not made for f16; use openvino:0, openvino:0:bf16"),
    "not exact": ("openvino:3", "does not compute in float32; use openvino:3:f16"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_hardware_cannot_do_is_refused_with_what_it_can(name: str, use: Callable[[Fake], Fake]) -> None:
    use(Fake(**EVERYTHING))
    text, said = REFUSED[name]
    with pytest.raises(ProviderError, match=said):
        open_device(text)


def test_a_device_that_computes_otherwise_than_asked_does_not_count(use: Callable[[Fake], Fake]) -> None:
    use(Fake()).ignores_precision = True
    probe(Device("openvino"))
    with pytest.raises(ProviderError, match="computes in f32 and not in bf16"):
        probe(Device("openvino", 0, "bf16"))


def test_a_failing_probe_says_why_in_one_line(use: Callable[[Fake], Fake]) -> None:
    use(Fake()).fails = RuntimeError(
        "Exception from src/core.cpp:117:\nCheck 'x' failed at src/a.cpp:5:\n[CPU] no AVX\n\n"
    )
    with pytest.raises(ProviderError, match=r"openvino:0 does not load: \[CPU\] no AVX; see: retouch doctor"):
        probe(Device("openvino"))


def test_the_numbers_of_the_graph_are_the_default(use: Callable[[Fake], Fake]) -> None:
    use(Fake(**EVERYTHING))
    exact = provider.settings(Device("openvino"), threads=3)
    assert exact["INFERENCE_PRECISION_HINT"] == "f32"
    assert exact["DYNAMIC_QUANTIZATION_GROUP_SIZE"] == "0"
    assert exact["INFERENCE_NUM_THREADS"] == 3
    short = provider.settings(Device("openvino", 0, "bf16"), threads=3)
    assert {key for key in exact if exact[key] != short[key]} == {"INFERENCE_PRECISION_HINT"}
    assert "INFERENCE_NUM_THREADS" not in provider.settings(Device("openvino", 1), threads=3)  # a GPU has none


def test_auto_takes_it_where_there_is_no_onnxruntime(
    use: Callable[[Fake], Fake], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = use(Fake())
    assert str(open_device("auto")) == "cpu"
    assert not fake.compiled
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert str(open_device("auto")) == "openvino:0"
    fake.fails = RuntimeError("no such processor")
    with pytest.raises(ProviderError, match="openvino:0 does not load: no such processor"):
        open_device("auto")


def test_auto_leaves_out_what_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    take_away(monkeypatch)
    assert open_device("auto") == Device("cpu")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtra, match=r"retouch\[cpu\]"):
        open_device("auto")


def test_a_missing_package_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    take_away(monkeypatch)
    with pytest.raises(MissingExtra, match=r"pip install 'retouch\[openvino\]'"):
        open_device("openvino")


def test_its_makers_are_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package reports over the network when it is imported, unless the one that does it cannot be found."""
    for name in ("openvino", "openvino_telemetry"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    seen: list[bool] = []

    class Finder:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "openvino":
                seen.append(sys.modules.get("openvino_telemetry", "not hidden") is None)

    monkeypatch.setattr(sys, "meta_path", [Finder(), *[f for f in sys.meta_path if "path" not in str(f).lower()]])
    with pytest.raises(MissingExtra):
        provider.import_openvino()
    assert seen == [True]
    assert "openvino_telemetry" not in sys.modules  # hidden for that long only


def test_onnxruntime_is_not_needed(tiny: Bundle, use: Callable[[Fake], Fake], monkeypatch: pytest.MonkeyPatch) -> None:
    use(Fake())
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    engine = Inpainter(tiny)
    assert engine.device == Device("openvino")
    assert engine.run(PICTURE, MASK, REQUEST).provider == "openvino:0"


def test_the_picture_is_that_of_the_processor(tiny: Bundle, use: Callable[[Fake], Fake]) -> None:
    expected = Inpainter(tiny, provider="cpu").run(PICTURE, MASK, REQUEST)
    fake = use(Fake())
    engine = Inpainter(tiny, provider="openvino", threads=3)
    assert_array_equal(engine.run(PICTURE, MASK, REQUEST).image, expected.image)
    assert {c.settings["INFERENCE_NUM_THREADS"] for c in fake.compiled[1:]} == {3}
    engine.close()


def test_the_usual_size_is_compiled_for_itself_and_all_others_together(
    tiny: Bundle, use: Callable[[Fake], Fake]
) -> None:
    fake = use(Fake())
    decoder = GraphSession(tiny, "vae_decoder", Device("openvino"))
    decoder.open()
    assert fake.compiled == []  # sizes are not known yet
    for side in (8, 4, 8, 12, 16, 4):
        (image,) = decoder({"latents": np.zeros((1, 4, side, side), np.float32)})
        assert image.shape == (1, 3, 8 * side, 8 * side)
    assert [c.model.shapes for c in fake.compiled] == [{"latents": [1, 4, 8, 8]}, None]
    assert usual_sizes(tiny.manifest, "vae_decoder") == {"batch": 1, "rows": 8, "columns": 8}
    assert usual_sizes(tiny.manifest, "unet")["batch"] == 2


def test_what_was_compiled_is_mapped_by_the_next_start(tiny: Bundle, use: Callable[[Fake], Fake]) -> None:
    fake = use(Fake())
    latents = {"latents": np.ones((1, 4, 8, 8), np.float32)}

    def decoded(device: Device) -> np.ndarray:
        return GraphSession(tiny, "vae_decoder", device)(latents)[0]

    first = decoded(Device("openvino"))
    assert (len(fake.compiled), fake.imported) == (1, 1)
    assert_array_equal(decoded(Device("openvino")), first)
    assert (len(fake.compiled), fake.imported) == (1, 2)
    decoded(Device("openvino", 0, "bf16"))  # other numbers, another file
    fake.__version__ = "2099.2"
    decoded(Device("openvino"))
    assert len(fake.compiled) == 3


@pytest.mark.parametrize("harm", ["nonsense", "another form"])
def test_a_copy_that_does_not_load_is_done_without(
    tiny: Bundle, use: Callable[[Fake], Fake], harm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = use(Fake())
    latents = {"latents": np.ones((1, 4, 8, 8), np.float32)}
    if harm == "another form":
        monkeypatch.setattr("support.fake_openvino.HEADER", b"binary")
    first = GraphSession(tiny, "vae_decoder", Device("openvino"))(latents)[0]
    root = session_cache.cache_folder()
    assert root is not None
    kept = list(root.glob("*/compiled.blob"))
    assert len(kept) == (harm == "nonsense")
    for path in kept:
        path.write_bytes(bytes(path.stat().st_size))
    assert_array_equal(GraphSession(tiny, "vae_decoder", Device("openvino"))(latents)[0], first)
    assert not list(root.glob(".new-*"))
    assert fake.compiled


def test_a_device_that_cannot_keep_graphs_compiles_them(tiny: Bundle, use: Callable[[Fake], Fake]) -> None:
    fake = use(Fake(CPU=["FP32"]))
    GraphSession(tiny, "vae_decoder", Device("openvino"))({"latents": np.ones((1, 4, 8, 8), np.float32)})
    assert fake.imported == 0


def test_scratch_memory_is_given_back_except_between_steps(tiny: Bundle, use: Callable[[Fake], Fake]) -> None:
    use(Fake())
    engine = Inpainter(tiny, provider="openvino", memory="high")
    engine.run(PICTURE, MASK, REQUEST)
    gave = {
        role: [opened.native.released > 0 for opened in session._sessions.values()]
        for role, session in engine.graphs._known.items()
    }
    assert gave["unet"] == [False]
    assert gave["vae_decoder"] == [True]
    assert gave["text_encoder"] == [True]  # small, so it stays open


def test_a_unet_whose_pair_cannot_be_computed_once_runs_as_it_is(
    tiny: Bundle, use: Callable[[Fake], Fake], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = Inpainter(tiny, provider="cpu").run(PICTURE, MASK, REQUEST)
    spoilt = []

    def fail(model: Model) -> int:
        spoilt.append(model)
        raise RuntimeError("sizes do not fit")

    monkeypatch.setattr("retouch.providers._openvino_graph.compute_pair_once", fail)
    fake = use(Fake())
    assert_array_equal(Inpainter(tiny, provider="openvino").run(PICTURE, MASK, REQUEST).image, expected.image)
    assert len(spoilt) == 1
    assert spoilt[0] not in [compiled.model for compiled in fake.compiled]


def test_a_guided_step_of_two_latents_that_differ_is_refused(tiny: Bundle, use: Callable[[Fake], Fake]) -> None:
    use(Fake())
    sizes = usual_sizes(tiny.manifest, "unet")
    inputs = {
        t.name: np.zeros([sizes[axis] if isinstance(axis, str) else axis for axis in t.shape])
        for t in tiny.graph("unet").inputs
    }
    session = GraphSession(tiny, "unet", Device("openvino"))
    session(inputs)
    inputs["sample"][:] = np.nan  # what went wrong before must not be blamed on the halves
    session(inputs)
    inputs["sample"][:] = 0
    inputs["sample"][1] = 1
    with pytest.raises(ValueError, match="same latents twice"):
        session(inputs)


def test_a_damaged_graph_is_a_matter_of_the_bundle(
    tiny_folder: Path, tmp_path: Path, use: Callable[[Fake], Fake]
) -> None:
    import shutil

    from retouch_models.bundle import open_bundle

    use(Fake())
    folder = shutil.copytree(tiny_folder, tmp_path / "bundle")
    path = folder / "vae_encoder.onnx"
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(
        BundleError, match=r"does not load \(Model can't be parsed\); check it with: retouch models verify"
    ):
        Inpainter(open_bundle(folder), provider="openvino").run(PICTURE, MASK, REQUEST)


FAILURES = {
    "memory": (RuntimeError("Exception from src/a.cpp:1:\nstd::bad_alloc\n"), OutOfMemory, "ran out of memory"),
    "oneDNN's memory": (RuntimeError("could not create a memory object: out of memory"), OutOfMemory, "ran out"),
    "a GPU's memory": (RuntimeError("[GPU] clEnqueue: CL_OUT_OF_HOST_MEMORY"), OutOfMemory, "ran out"),
    "else": (
        RuntimeError("Exception from src/inference.cpp:1:\nCheck 'p' failed at src/b.cpp:2:\n[GPU] device lost\n"),
        GenerationError,
        r"the vae_encoder failed on openvino:0: \[GPU\] device lost; nothing is lost",
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_failures_of_a_run_are_those_of_any_engine(name: str, tiny: Bundle, use: Callable[[Fake], Fake]) -> None:
    error, kind, said = FAILURES[name]
    session = GraphSession(tiny, "vae_encoder", Device("openvino"))
    fake = use(Fake())
    fake.breaks = error
    with pytest.raises(kind, match=said):
        session({"image": np.zeros((1, 3, 64, 64), np.float32)})


def test_a_run_that_is_short_of_memory_goes_down_the_ladder(
    tiny: Bundle, use: Callable[[Fake], Fake], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = use(Fake())
    engine = Inpainter(tiny, provider="openvino", memory="high")
    fake.breaks = RuntimeError("std::bad_alloc")
    real, tries = engine.graphs.use, []

    def used(plan: object) -> None:
        tries.append(plan)
        if len(tries) == 2:
            fake.breaks = None
        real(plan)  # type: ignore[arg-type]

    monkeypatch.setattr(engine.graphs, "use", used)
    assert engine.run(PICTURE, MASK, REQUEST).proof.bytes_changed_outside == 0
    assert tries == [*LADDER[:2]]


def test_the_memory_of_the_processor_is_what_it_uses(tiny: Bundle, use: Callable[[Fake], Fake]) -> None:
    use(Fake(**EVERYTHING))
    free = pytest.MonkeyPatch()
    with free.context() as patch:
        patch.setattr("retouch.memory_choice.free_bytes", lambda: 1.0)
        rungs = []
        for name in ("openvino", "openvino:1"):
            engine = Inpainter(tiny, provider=name)
            full = REQUEST.resolved(engine.manifest)
            rungs.append(engine.memory_plans(full, engine.plan(MASK, full))[0])
    assert rungs == [ladder_of("auto", folds=False)[-1], LADDER[0]]


def test_a_cancelled_run_leaves_the_engine_whole(tiny: Bundle, use: Callable[[Fake], Fake]) -> None:
    use(Fake())
    engine = Inpainter(tiny, provider="openvino")

    def stop(progress: object) -> None:
        if getattr(progress, "phase", "") == "step":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.run(PICTURE, MASK, REQUEST, stop)
    assert engine.run(PICTURE, MASK, REQUEST).provider == "openvino:0"


def test_the_report_names_hardware_and_numbers(
    use: Callable[[Fake], Fake], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    use(Fake())
    monkeypatch.setattr("retouch.commands.doctor._models", list)
    assert main(["doctor"]) == 0
    told = capsys.readouterr().out
    assert "ok  device openvino:0        a session ran: A fast CPU\n" in told
    assert "ok  device openvino:0:bf16   a session ran: A fast CPU, computes in bf16\n" in told


def test_the_report_says_why_it_does_not_run(
    use: Callable[[Fake], Fake], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    use(Fake()).fails = RuntimeError("Exception from a:1:\nno such processor")
    monkeypatch.setattr("retouch.commands.doctor._models", list)
    assert main(["doctor"]) == 0
    assert "--  device openvino          openvino:0 does not load: no such processor" in capsys.readouterr().out


def test_without_onnxruntime_the_report_names_what_is_missing(
    use: Callable[[Fake], Fake], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    use(Fake())
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setattr("retouch.commands.doctor._models", list)
    assert main(["doctor"]) == 0
    told = capsys.readouterr().out
    assert "ok  device openvino:0 " in told
    assert "--  device cpu               running a model needs an optional part" in told
    assert told.count("running a model needs") == 1


def test_wishes_for_gpus_are_left_aside(tiny: Bundle, use: Callable[[Fake], Fake]) -> None:
    use(Fake())
    wish = Wish(record=True, memory_limit=1)
    opened = providers.PROVIDERS["openvino"].open(
        tiny, "vae_decoder", Device("openvino"), threads=1, sizes={}, wish=wish
    )
    assert not opened.records
    assert opened.inputs == {"latents"}


def test_what_is_foretold_knows_engine_and_numbers(use: Callable[[Fake], Fake]) -> None:
    use(Fake())
    bundle = find_bundle("pocket")
    request = InpaintRequest(prompt="a", area="picture", work_size=(384, 384)).resolved(bundle.manifest)
    regions = plan(np.ones((384, 384), np.float32), work_area_of(request), bundle.manifest.size)
    open_all, one, short = (
        MemoryChoice(bundle=bundle, device=parse_device(name), mode="high").need(request, regions, rung)
        for name, rung in (("openvino", LADDER[0]), ("openvino", LADDER[1]), ("openvino:bf16", LADDER[0]))
    )
    assert one < short < open_all
