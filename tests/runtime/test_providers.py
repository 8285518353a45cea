"""Laws of devices, on stand-ins for what no test machine has: named, tried for real, configured, explained."""

import importlib.metadata
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from retouch.errors import MissingExtra, ProviderError, UnknownName, UsageError
from retouch.pipeline import Inpainter
from retouch.providers import PROVIDERS, Device, _plugin, open_device, parse_device, probe
from retouch.providers._onnxruntime import OnnxRuntime, new_session, provider_of
from retouch.request import InpaintRequest
from retouch.session import MOST_SHAPES, GraphSession
from retouch_models.bundle import Bundle
from support.fake_onnxruntime import Options, Ort, put_in_place


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[Ort], Ort]:
    """Put a stand-in in the place of onnxruntime."""

    return partial(put_in_place, monkeypatch)


@pytest.mark.parametrize(
    ("text", "device"),
    [
        ("cpu", Device("cpu")),
        ("cuda", Device("cuda")),
        ("cuda:2", Device("cuda", 2)),
        ("webgpu:1", Device("webgpu", 1)),
    ],
    ids=str,
)
def test_names_are_read_and_written_alike(text: str, device: Device) -> None:
    assert parse_device(text) == device
    assert parse_device(str(device)) == device


@pytest.mark.parametrize("text", ["cdua", "", "gpu:0"])
def test_unknown_names_are_refused(text: str) -> None:
    with pytest.raises(UnknownName):
        parse_device(text)


@pytest.mark.parametrize("text", ["cuda:x", "cuda:-1", "cuda:1.5"])
def test_odd_numbers_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="device number"):
        parse_device(text)


def test_every_provider_says_how_it_is_installed() -> None:
    for name in PROVIDERS:
        assert "pip install" in PROVIDERS[name].install
        entry = PROVIDERS[name]
        if isinstance(entry, OnnxRuntime):
            assert entry.name == name
            assert entry.ort_name.endswith("ExecutionProvider") or name == "windowsml"


def test_auto_takes_the_first_that_really_runs(use: Callable[[Ort], Ort]) -> None:
    use(Ort("CUDAExecutionProvider", "DmlExecutionProvider"))
    assert open_device("auto") == Device("cuda")


def test_a_device_asked_for_never_becomes_the_processor_silently(use: Callable[[Ort], Ort]) -> None:
    ort = use(Ort("CUDAExecutionProvider"))
    ort.silent_fallback = True
    with pytest.raises(ProviderError, match="cuda:0 does not load"):
        open_device("cuda")
    ort.silent_fallback = False
    open_device("cuda")
    assert [session.fallback for session in ort.opened] == [0, 0]


WORDS = {
    "driver": ("CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version", "driver is too old"),
    "cudnn": ("libcudnn.so.9: cannot open shared object file: No such file or directory", "cuDNN is missing"),
    "cublas": ("libcublasLt.so.13: cannot open shared object file", "libraries of CUDA are missing"),
    "no gpu": ("CUDA failure 100: no CUDA-capable device is detected", "no NVIDIA GPU"),
    "number": ("CUDA failure 101: invalid device ordinal", "no device with that number"),
    "full": ("CUDA failure 2: out of memory", "its memory is full"),
    "old gpu": ("no kernel image is available for execution on the device", "too old for the build"),
    "software adapter": ("dml_provider_factory.cc(519): C0262002 The display adapter handle is invalid", "no graphics"),
    "dx12": ("DXGI_ERROR_UNSUPPORTED 887A0004", "DirectX 12"),
    "removed": ("887A0005 the GPU device instance has been suspended", "crashed"),
    "vulkan": ("libvulkan.so.1: cannot open shared object file", "Vulkan loader"),
    "system": ("/lib/libm.so.6: version `GLIBC_2.38' not found", "operating system"),
    "other": ("something nobody has seen", "something nobody has seen; see: retouch doctor"),
}


@pytest.mark.parametrize("name", WORDS)
def test_every_way_to_fail_has_words(name: str, use: Callable[[Ort], Ort]) -> None:
    said, part = WORDS[name]
    use(Ort("CUDAExecutionProvider")).fails = RuntimeError(said)
    with pytest.raises(ProviderError) as caught:
        open_device("cuda")
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_packages_in_one_place_are_named(use: Callable[[Ort], Ort], monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "1" if name == "onnxruntime-gpu" else real(name))
    use(Ort())
    with pytest.raises(ProviderError, match="onnxruntime and onnxruntime-gpu are installed and overwrite"):
        open_device("cuda")


def test_a_missing_package_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtra, match=r"retouch\[cpu\]"):
        open_device("cpu")


def test_directml_gets_fixed_sizes_no_patterns_and_one_node_at_a_time(tiny: Bundle, use: Callable[[Ort], Ort]) -> None:
    ort = use(Ort("DmlExecutionProvider"))
    decoder = GraphSession(tiny, "vae_decoder", Device("directml", 1))
    decoder.open()
    assert ort.opened == []  # sizes are not known yet
    sides = [8, 4, 8, 12, 16, 20]
    for side in sides:
        (image,) = decoder({"latents": np.zeros((1, 4, side, side), np.float32)})
        assert image.shape == (1, 3, 8 * side, 8 * side)
    assert len(ort.opened) == 5  # one for each size, used again for the same
    assert len(decoder._sessions) == MOST_SHAPES
    for session in ort.opened:
        assert all(isinstance(axis, int) for shape in session.fixed for axis in shape)
        assert session.wanted[0][1]["device_id"] == "1"
        assert session.options.enable_mem_pattern is False
        assert session.options.execution_mode == "sequential"


def test_operators_left_to_the_processor_are_told(tiny: Bundle, use: Callable[[Ort], Ort]) -> None:
    ort = use(Ort("CUDAExecutionProvider"))
    ort.on_cpu = ("Conv", "Shape", "Gather")
    engine = Inpainter(tiny, provider="cuda")
    mask = np.zeros((64, 64), np.float32)
    mask[20:40, 20:40] = 1
    result = engine.run(np.zeros((64, 64, 3), np.uint8), mask, InpaintRequest(prompt="a"))
    notes = [note for note in result.notes if "does not take" in note]
    assert len(notes) == 4  # one for each graph
    assert all("cuda:0 does not take Conv of the " in note and "Shape" not in note for note in notes)
    assert result.provider == "cuda:0"


def plugged(name: str, count: int) -> list[Any]:
    return [SimpleNamespace(ep_name=name, number=n) for n in range(count)] + [SimpleNamespace(ep_name="Other")]


@pytest.mark.parametrize("name", ["tensorrt_rtx", "webgpu"])
def test_a_plugin_is_registered_once_and_its_devices_are_numbered(
    name: str, use: Callable[[Ort], Ort], monkeypatch: pytest.MonkeyPatch
) -> None:
    ort = use(Ort())
    ort.devices = plugged(provider_of(Device(name)).ort_name, 2)
    module = SimpleNamespace(get_library_path=lambda: "/lib/plugin.so")
    monkeypatch.setattr(_plugin, "import_module", lambda _: module)
    probe(Device(name, 1))
    probe(Device(name))
    assert [path for _, path in ort.registered] == ["/lib/plugin.so"]
    assert [session.options.chosen[0][0][0].number for session in ort.opened] == [1, 0]
    with pytest.raises(ProviderError, match="has 2 devices"):
        probe(Device(name, 2))


def test_a_plugin_that_is_missing_or_finds_nothing_says_so(
    use: Callable[[Ort], Ort], monkeypatch: pytest.MonkeyPatch
) -> None:
    use(Ort())
    with pytest.raises(ProviderError, match="pip install onnxruntime onnxruntime-ep-webgpu"):
        open_device("webgpu")
    monkeypatch.setattr(_plugin, "import_module", lambda _: SimpleNamespace(get_library_path=lambda: "x"))
    with pytest.raises(ProviderError, match="finds no device"):
        open_device("webgpu")


def test_windows_ml_makes_its_catalogue_ready(use: Callable[[Ort], Ort], monkeypatch: pytest.MonkeyPatch) -> None:
    ready: list[str] = []

    class Catalogue:
        def __enter__(self) -> "Catalogue":
            return self

        def __exit__(self, *_: object) -> None:
            return None

        def find_all_providers(self) -> list[Any]:
            return [SimpleNamespace(name="QNN", library_path="qnn.dll", ensure_ready=lambda: ready.append("QNN"))]

    entry = provider_of(Device("windowsml"))
    monkeypatch.setattr(entry, "ort_name", "")
    monkeypatch.setitem(
        type(entry).register.__globals__, "import_module", lambda _: SimpleNamespace(EpCatalog=Catalogue)
    )
    ort = use(Ort())
    ort.devices = plugged("QNN", 1)
    probe(Device("windowsml"))
    assert ready == ["QNN"]
    assert ort.registered == [("QNN", "qnn.dll")]


def test_the_processor_shares_one_arena_and_keeps_weights_unpacked() -> None:
    options = Options()
    provider_of(Device("cpu")).configure(options)
    assert options.entries == {
        "session.use_env_allocators": "1",
        "session.disable_prepacking": "1",
        "session.intra_op.spin_duration_us": "100",
    }
    assert options.enable_mem_pattern is False


def test_a_session_without_a_provider_is_not_found_out_later() -> None:
    with pytest.raises(UnknownName):
        new_session(b"", Device("nosuch"))
    with pytest.raises(TypeError, match="not driven by ONNX Runtime"):
        new_session(b"", Device("openvino"))
