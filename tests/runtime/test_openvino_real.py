"""The provider openvino with OpenVINO itself, on the bundled model; left out where the package is not installed."""

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from retouch.cli import main
from retouch.errors import ProviderError
from retouch.pipeline import Inpainter
from retouch.providers import Device, open_device
from retouch.request import InpaintRequest
from retouch.session import GraphSession
from retouch.usual_sizes import usual_sizes
from retouch_models.bundle import Bundle
from retouch_models.store import find_bundle
from support.memory_run import memory_run

pytestmark = pytest.mark.skipif(find_spec("openvino") is None, reason="openvino is not installed")

SAMPLE = Path(__file__).parents[2] / "models/retouch_models/sample"
RELATIVE = 3e-5
"""Kernels add up in other orders: float32 over the deepest graph (UNet, 2e-6 measured), with room for processors."""


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Compile each graph once for all tests here."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("graphs")
        patch.setenv("RETOUCH_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="module")
def pocket() -> Bundle:
    return find_bundle("pocket")


def feed(bundle: Bundle, role: str, **other: int) -> dict[str, np.ndarray]:
    """Inputs of the usual sizes, or of others by the names of the axes; two latents are those of a guided step."""
    sizes = {**usual_sizes(bundle.manifest, role), **other}
    rng = np.random.default_rng(0)
    made = {}
    for tensor in bundle.graph(role).inputs:
        shape = [sizes[axis] if isinstance(axis, str) else axis for axis in tensor.shape]
        numbers = rng.integers(0, 400, shape) if tensor.dtype == "int64" else rng.standard_normal(shape)
        made[tensor.name] = numbers if tensor.name != "timestep" else np.array([500.0])
    if "sample" in made and len(made["sample"]) == 2:
        made["sample"] = np.repeat(made["sample"][:1], 2, axis=0)
    return made


def apart(found: np.ndarray, expected: np.ndarray) -> float:
    """Root mean square of the difference over that of what is expected."""
    return float(np.sqrt(np.mean((found - expected) ** 2) / np.mean(expected**2)))


OTHER = {"height": 40, "width": 24, "image_height": 320, "image_width": 192}


@pytest.mark.parametrize("other", [{}, OTHER, {"batch": 3}], ids=["usual size", "another size", "another batch"])
@pytest.mark.parametrize("role", ["text_encoder", "vae_encoder", "unet", "vae_decoder"])
def test_every_graph_gives_what_onnxruntime_gives(pocket: Bundle, role: str, other: dict[str, int]) -> None:
    axes = {axis for t in pocket.graph(role).inputs for axis in t.shape}
    inputs = feed(pocket, role, **{axis: length for axis, length in other.items() if axis in axes})
    (expected,) = GraphSession(pocket, role, Device("cpu"), threads=2)(inputs)
    (found,) = GraphSession(pocket, role, open_device("openvino"), threads=2)(inputs)
    assert apart(found, expected) < RELATIVE


@pytest.mark.parametrize("role", ["vae_encoder", "unet"])
def test_mapped_compiled_now_and_uncached_are_the_same_bytes(
    pocket: Bundle, role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    device, inputs = open_device("openvino"), feed(pocket, role)
    (mapped,) = GraphSession(pocket, role, device, threads=2)(inputs)
    monkeypatch.setenv("RETOUCH_CACHE", "off")
    (compiled,) = GraphSession(pocket, role, device, threads=2)(inputs)
    assert_array_equal(mapped, compiled)


def test_what_both_prompts_share_is_computed_once_and_each_still_gets_its_own(pocket: Bundle) -> None:
    session, inputs = GraphSession(pocket, "unet", open_device("openvino"), threads=2), feed(pocket, "unet")
    (pair,) = session(inputs)
    for half in range(2):
        alone = {name: values if name == "timestep" else values[half : half + 1] for name, values in inputs.items()}
        assert apart(session(alone)[0], pair[half : half + 1]) < RELATIVE
    assert apart(pair[:1], pair[1:]) > 100 * RELATIVE


def test_two_latents_that_differ_are_refused_and_not_taken_for_one(pocket: Bundle) -> None:
    inputs = feed(pocket, "unet")
    inputs["sample"][1] += 1
    with pytest.raises(ValueError, match="same latents twice"):
        GraphSession(pocket, "unet", open_device("openvino"), threads=2)(inputs)


def test_a_run_does_not_change_what_an_earlier_one_gave(pocket: Bundle) -> None:
    session = GraphSession(pocket, "vae_encoder", open_device("openvino"), threads=2)
    (first,) = session(feed(pocket, "vae_encoder"))
    kept = first.copy()
    session({"image": np.zeros((1, 3, 256, 256), np.float32)})
    assert_array_equal(first, kept)


@pytest.mark.parametrize("harm", ["cut", "zeros"])
def test_a_damaged_copy_is_made_again(
    pocket: Bundle, harm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETOUCH_CACHE", str(tmp_path))
    device, inputs = open_device("openvino"), feed(pocket, "text_encoder")
    (expected,) = GraphSession(pocket, "text_encoder", device, threads=2)(inputs)
    (blob,) = tmp_path.glob("*/compiled.blob")
    size = blob.stat().st_size
    blob.write_bytes(blob.read_bytes()[:-10] if harm == "cut" else bytes(size))
    (found,) = GraphSession(pocket, "text_encoder", device, threads=2)(inputs)
    assert_array_equal(found, expected)
    GraphSession(pocket, "text_encoder", device, threads=2)(inputs)
    (blob,) = tmp_path.glob("*/compiled.blob")
    assert blob.stat().st_size == size
    assert any(blob.read_bytes())


def square(side: int = 256) -> tuple[np.ndarray, np.ndarray]:
    """A picture of soft colours and a mask."""
    across = np.linspace(0, 255, side)
    pixels = np.stack(np.broadcast_arrays(across[None, :], across[:, None], 255 - across[None, :]), axis=-1)
    mask = np.zeros((side, side), np.float32)
    mask[side // 4 : side // 2, side // 4 : -side // 4] = 1
    return pixels.astype(np.uint8), mask


def decibels(a: np.ndarray, b: np.ndarray) -> float:
    """Peak signal-to-noise ratio."""
    error = float(np.mean(np.square(a.astype(np.float64) - b)))
    return 99.0 if error == 0 else 10 * np.log10(255**2 / error)


REQUEST = InpaintRequest(prompt="a red heart", seed=3, steps=3)


@pytest.fixture(scope="module")
def engines(pocket: Bundle) -> Iterator[tuple[Inpainter, Inpainter]]:
    """On ONNX Runtime and on OpenVINO."""
    both = Inpainter(pocket, provider="cpu"), Inpainter(pocket, provider="openvino")
    yield both
    for engine in both:
        engine.close()


@pytest.mark.parametrize(
    "options",
    [{}, {"area": "picture", "work_size": (320, 192)}, {"fast": True, "steps": None}, {"guidance": 1.0}],
    ids=["usual", "an odd size", "fast", "no guidance"],
)
def test_the_picture_is_that_of_the_processor(engines: tuple[Inpainter, Inpainter], options: dict[str, object]) -> None:
    picture, mask = square()
    request = InpaintRequest(**{**vars(REQUEST), **options})
    expected, found = (engine.run(picture, mask, request).image for engine in engines)
    assert decibels(found, expected) >= 60  # what was promised; rounding alone gives 80
    engines[1].forget()
    assert_array_equal(engines[1].run(picture, mask, request).image, found)


def test_little_memory_gives_the_same_picture(pocket: Bundle, engines: tuple[Inpainter, Inpainter]) -> None:
    picture, mask = square()
    engine = Inpainter(pocket, provider="openvino", memory="low")
    found = engine.run(picture, mask, REQUEST).image
    assert decibels(found, engines[0].run(picture, mask, REQUEST).image) >= 60  # as above
    assert sum(bool(session._sessions) for session in engine.graphs._known.values()) == 1
    engine.close()


@pytest.mark.skipif(sys.platform != "linux", reason="resident memory is counted differently")
def test_the_estimate_of_memory_is_near_what_a_fresh_process_takes() -> None:
    memory_run(256, "high", "openvino")  # compiles, which takes more memory, once
    for side, memory in ((256, "high"), (256, "low"), (384, "high")):
        said, took = memory_run(side, memory, "openvino")
        assert said == pytest.approx(took, rel=0.2), (side, memory)  # what was promised


@pytest.mark.skipif(sys.platform != "linux", reason="resident memory is counted differently")
def test_the_estimate_knows_that_shorter_numbers_take_less() -> None:
    device = str(shorter())
    memory_run(384, "high", device)
    said, took = memory_run(384, "high", device)
    assert said == pytest.approx(took, rel=0.2)  # what was promised


def shorter() -> Device:
    try:
        return open_device("openvino:bf16")
    except ProviderError as error:
        pytest.skip(str(error))


def test_shorter_numbers_are_another_picture_of_the_same_thing(
    pocket: Bundle, engines: tuple[Inpainter, Inpainter]
) -> None:
    picture, mask = square()
    device = shorter()
    exact = engines[1].run(picture, mask, REQUEST).image
    short = Inpainter(pocket, provider=str(device)).run(picture, mask, REQUEST)
    assert short.provider == "openvino:0:bf16"
    assert not np.array_equal(short.image, exact)
    assert decibels(short.image[mask > 0], exact[mask > 0]) > 25  # eight bits of each number are kept


def test_the_recipe_names_the_numbers_and_replay_takes_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = str(tmp_path / "made.png")
    words = [str(SAMPLE / "picture.png"), "--mask", str(SAMPLE / "mask.png"), "--prompt", "a red heart", "--seed", "1"]
    device = shorter()
    assert main(["inpaint", *words, "--steps", "2", "--provider", str(device), "-o", made, "-q"]) == 0
    assert main(["show-recipe", made]) == 0
    assert re.search(r"openvino:0:bf16", capsys.readouterr().out)
    assert main(["replay", made, "--from", str(SAMPLE / "picture.png"), "-q"]) == 0
    assert "identical, byte for byte" in capsys.readouterr().out
    assert main(["replay", made, "--from", str(SAMPLE / "picture.png"), "--provider", "openvino", "-q"]) == 0
    assert "PSNR" in capsys.readouterr().out


def test_nothing_else_is_needed_and_nothing_is_sent(tmp_path: Path) -> None:
    words = [
        *("inpaint", str(SAMPLE / "picture.png"), "--mask", str(SAMPLE / "mask.png"), "--prompt", "a", "--steps", "1"),
        *("-o", str(tmp_path / "out.png"), "-q"),
    ]
    code = (
        "import sys; sys.modules['onnxruntime'] = None\nfrom retouch.cli import main\n"
        f"assert main({words!r}) == 0\nassert main(['doctor']) == 0\n"
        "assert 'openvino' in sys.modules and 'openvino_telemetry' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
