"""What the product promises about inpainting, one promise after another; the number of each is in the test's name.

The terminal UI's side of R2, R4, R5, R6 and R13 is tested in tests/tui/test_journeys.py and test_workspace.py.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from retouch.arrays import RGB, Mask
from retouch.canvas import fit_mask, latent_mask
from retouch.cli import main
from retouch.content import CONTENT
from retouch.edit import repaint
from retouch.errors import PictureError
from retouch.geometry import Size
from retouch.image_io import load_picture, save_picture
from retouch.mask import MaskSource, describe, parse, render
from retouch.pipeline import Inpainter
from retouch.proof import seam_score
from retouch.request import InpaintRequest
from retouch.resize import crop_to_grid
from retouch.strokes import layer_of, parse_stroke
from retouch_models.bundle import Bundle
from support import pictures

WIDTH, HEIGHT = 120, 90
TWO = "rect 10,10 24x20 + ellipse 90,60 14,12"

Run = Callable[..., int]


@pytest.fixture(scope="module", params=["9 channels", "4 channels"])
def engine(request: pytest.FixtureRequest, tiny: Bundle, tiny_ordinary: Bundle) -> Iterator[Inpainter]:
    opened = Inpainter(tiny if request.param == "9 channels" else tiny_ordinary, provider="cpu", threads=1)
    yield opened
    opened.close()


@pytest.fixture
def image() -> RGB:
    return pictures.rgb(WIDTH, HEIGHT)


@pytest.fixture
def photo(tmp_path: Path, image: RGB) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(image).save(path)
    return path


@pytest.fixture
def run(tiny_folder: Path) -> Run:
    """The command line with the tiny model."""

    def start(command: str, *words: object) -> int:
        return main([command, *map(str, words), "--model", str(tiny_folder), "-q"])

    return start


def drawn(text: str, width: int = WIDTH, height: int = HEIGHT) -> Mask:
    return render(parse(text), MaskSource(size=Size(width, height)))


def recipe(path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    capsys.readouterr()
    assert main(["show-recipe", "--json", str(path)]) == 0
    found: dict[str, object] = json.loads(capsys.readouterr().out)["request"]
    return found


@pytest.mark.parametrize("blend", ["hard", "feather", "laplacian", "poisson", "auto"])
@pytest.mark.parametrize("denoising", ["plain", "differential", "soft"])
def test_r1_only_what_is_selected_is_replaced(blend: str, denoising: str, engine: Inpainter, image: RGB) -> None:
    mask = drawn(f"{TWO} | feather 5")
    request = InpaintRequest(prompt="owl", steps=3, blend=blend, denoising=denoising)  # type: ignore[arg-type]
    result = engine.run(image, mask, request)
    assert_array_equal(result.image[mask == 0], image[mask == 0])
    assert (result.image[mask == 1] != image[mask == 1]).any()


def test_r1_an_empty_mask_is_refused(run: Run, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("L", (WIDTH, HEIGHT)).save(tmp_path / "mask.png")
    assert run("inpaint", photo, "--mask", tmp_path / "mask.png", "-o", tmp_path / "out.png") == 3
    assert "empty" in capsys.readouterr().err
    assert not (tmp_path / "out.png").exists()


def test_r2_any_result_is_a_base_picture_with_its_options_at_hand(run: Run, photo: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one.png", tmp_path / "two.png"
    assert run("generate", "--prompt", "owl", "--steps", "2", "--size", "64x64", "-o", one) == 0
    assert run("inpaint", one, "--recipe", one, "--mask", "rect 8,8 20x20", "-o", two) == 0
    assert load_picture(two).size == (64, 64)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
@pytest.mark.parametrize("mode", ["RGB", "L", "P"])
@pytest.mark.parametrize("size", [(37, 51), (300, 9)], ids=str)
def test_r3_any_picture_of_any_size_and_mode(
    kind: str, mode: str, size: tuple[int, int], engine: Inpainter, tmp_path: Path
) -> None:
    if kind == "WEBP" and mode == "P":
        mode = "RGBA"
    if kind == "JPEG" and mode == "P":
        mode = "CMYK"
    path = tmp_path / "upload"
    Image.fromarray(pictures.rgb(*size)).convert(mode).save(path, format=kind)
    picture = load_picture(path)
    mask = drawn("rect 2,2 9x5", *size)
    edit = repaint(engine, picture, mask, InpaintRequest(steps=1))
    assert_array_equal(edit.picture.pixels[mask == 0], picture.pixels[mask == 0])


def test_r3_photos_lie_as_their_camera_says(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pictures.rgb(40, 20)).save(path, exif=exif)
    assert run("inpaint", path, "--mask", "rect 2,2 9x9", "-o", tmp_path / "out.png") == 0
    assert load_picture(tmp_path / "out.png").size == (20, 40)


def test_r4_the_mask_is_shown_on_the_picture_before_anything_runs(
    run: Run, photo: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The canvas of the terminal UI is tested there; the command line says the same in words."""
    assert run("inpaint", photo, "--mask", TWO, "--plan") == 0
    told = capsys.readouterr().out
    assert "of 120x90" in told
    assert "latent cells change" in told
    assert list(tmp_path.iterdir()) == [photo]


def test_r5_masks_never_change_pixels_and_strokes_never_become_mask(engine: Inpainter, image: RGB) -> None:
    mask, kept = drawn("rect 20,20 30x30"), image.copy()
    strokes = layer_of([parse_stroke("#ff0000 30 60,70 110,70"), parse_stroke("#00ff00 9 30,30")], Size(WIDTH, HEIGHT))
    result = engine.run(image, mask, InpaintRequest(prompt="owl", strength=0.6), strokes=strokes)
    assert_array_equal(image, kept)
    assert_array_equal(result.image[mask == 0], image[mask == 0])
    (region,) = result.regions
    assert region.mask.sum() == mask.sum(), "the strokes changed the mask"


def test_r6_several_areas_are_one_mask(image: RGB, engine: Inpainter) -> None:
    mask = drawn(TWO)
    result = engine.run(image, mask, InpaintRequest(prompt="owl", regions="each", steps=2))
    assert len(result.regions) == 2
    for area in (drawn("rect 12,12 20x16"), drawn("ellipse 90,60 10,8")):
        assert (result.image[area > 0] != image[area > 0]).any(axis=1).mean() > 0.9


def test_r7_the_rest_is_not_rescaled(engine: Inpainter) -> None:
    """A picture of an odd size, larger than the model's largest: nothing outside the mask is resampled."""
    big = pictures.rgb(333, 217)
    mask = drawn("rect 100,50 120x90", 333, 217)
    result = engine.run(big, mask, InpaintRequest(steps=1))
    assert result.image.shape == big.shape
    assert_array_equal(result.image[mask == 0], big[mask == 0])


@pytest.mark.parametrize("where", [(0, 0), (7, 7), (8, 8), (63, 40), (119, 89)])
def test_r8_no_masked_pixel_is_lost_on_the_way_to_the_model(where: tuple[int, int], engine: Inpainter) -> None:
    """One masked pixel: some latent cell covers it, and the report shows that cell."""
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    mask[where[1], where[0]] = 1
    (region,) = engine.plan(mask, InpaintRequest())
    assert latent_mask(fit_mask(region.mask, region.placement.work), 8).sum() >= 1
    report = describe(mask, (region,), 8)
    assert report.effective[where[1], where[0]] == 1
    assert (report.effective >= mask).all()


def test_r8_expand_grows_the_mask_by_as_many_pixels() -> None:
    assert_array_equal(drawn("rect 40,40 10x10 | expand 3")[45], drawn("rect 37,40 16x10")[45])


def test_r9_all_options_work_while_inpainting(
    run: Run, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options: dict[str, object] = {
        "prompt": "owl",
        "negative_prompt": "cat",
        "steps": 3,
        "guidance": 2.5,
        "guidance_rescale": 0.3,
        "sampler": "euler_a",
        "schedule": "karras",
        "strength": 0.8,
        "seed": 7,
        "variation_seed": 3,
        "variation": 0.2,
        "extra_noise": 0.1,
        "coherence": 4,
        "denoising": "differential",
        "content": "fill",
        "blend": "poisson",
        "colour_match": "lab",
    }
    words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", value)]
    out = tmp_path / "out.png"
    assert run("inpaint", photo, "--mask", TWO, *words, "--exact-steps", "-o", out) == 0
    assert options.items() <= recipe(out, capsys).items()


@pytest.mark.parametrize("kind", ["original", "fill", "neutral", "telea", "navier_stokes", "edge", "mirror"])
def test_r10_what_stands_under_the_mask_can_be_chosen(kind: str, image: RGB) -> None:
    mask = drawn("rect 30,30 20x20")
    shown = CONTENT[kind](image, mask, 1)
    assert_array_equal(shown[mask == 0], image[mask == 0])
    assert bool((shown[mask > 0] == image[mask > 0]).all()) is (kind == "original")


def test_r10_low_strength_starts_from_the_picture_and_full_strength_from_noise(
    engine: Inpainter, image: RGB, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts: list[np.ndarray] = []
    from retouch import region_run

    real = region_run.start
    monkeypatch.setattr(region_run, "start", lambda *given: starts.append(real(*given)) or starts[-1])
    mask = drawn("all")
    for strength in (0.05, 1.0):
        for picture in (np.full_like(image, 30), np.full_like(image, 220)):
            request = InpaintRequest(strength=strength, steps=20, seed=1, area="picture")
            engine.run(picture, mask, request)
    dark, bright, *noise = starts
    assert abs(dark - bright).max() > 0.5, "the picture has no say at low strength"
    assert_array_equal(noise[0], noise[1])


def test_r11_several_candidates_with_seeds_of_their_own(
    run: Run, photo: Path, image: RGB, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mask = drawn(TWO)
    assert run("inpaint", photo, "--mask", TWO, "--count", "3", "--seed", "5", "-o", tmp_path / "out.png") == 0
    paths = [tmp_path / f"out-{number}.png" for number in (1, 2, 3)]
    assert [recipe(path, capsys)["seed"] for path in paths] == [5, 6, 7]
    for path in paths:
        assert_array_equal(load_picture(path).pixels[mask == 0], image[mask == 0])


def test_r12_each_flaw_has_its_own_prompt_and_is_mended_alone(
    run: Run, photo: Path, image: RGB, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    regions = {"rect 8,8 20x20": "owl", "rect 60,8 20x20": "red cat", "rect 30,50 30x20": "sky"}
    plan, out = tmp_path / "plan.toml", tmp_path / "out.png"
    plan.write_text("".join(f'[[region]]\nmask="{m}"\nprompt="{p}"\nsteps=2\n' for m, p in regions.items()))
    assert run("fix", photo, plan, "-o", out) == 0
    assert main(["show-recipe", "--json", str(out)]) == 0
    data = json.loads(capsys.readouterr().out.partition("\n")[2])
    assert [step["request"]["prompt"] for step in data["steps"]] == list(regions.values())
    result = load_picture(out).pixels
    colours = [np.median(result[drawn(f"{m} | shrink 8") > 0], axis=0) for m in regions]
    assert len({tuple(colour) for colour in colours}) == 3, "each prompt has its own colour in the tiny model"
    outside = drawn(" + ".join(regions)) == 0
    assert_array_equal(result[outside], image[outside])


def test_r13_the_next_area_starts_from_the_accepted_result(run: Run, photo: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one.png", tmp_path / "two.png"
    assert run("inpaint", photo, "--mask", "rect 8,8 20x20", "--prompt", "owl", "-o", one) == 0
    assert run("inpaint", one, "--mask", "rect 60,40 20x20", "--prompt", "cat", "-o", two) == 0
    first, second = load_picture(one).pixels, load_picture(two).pixels
    kept = drawn("rect 60,40 20x20") == 0
    assert_array_equal(second[kept], first[kept])


def test_r14_without_overlay_the_rest_may_change_and_the_drift_is_told(engine: Inpainter, image: RGB) -> None:
    mask = drawn("rect 30,30 40x30")
    request = InpaintRequest(prompt="owl", overlay=False, area="picture")
    proof = engine.run(image, mask, request).proof
    assert proof.bytes_changed_outside > 0
    assert proof.drift_db is not None
    assert 0 < proof.drift_db < 60


@pytest.mark.parametrize("words", [(), ("--no-overlay",)], ids=["on", "off"])
def test_r15_the_overlay_is_a_switch_and_stored(
    words: tuple[str, ...], run: Run, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.png"
    assert run("inpaint", photo, "--mask", TWO, *words, "-o", out) == 0
    assert recipe(out, capsys)["overlay"] is not bool(words)


def test_r16_ten_edits_in_a_row_leave_the_rest_untouched(run: Run, photo: Path, image: RGB, tmp_path: Path) -> None:
    """Ten accepted results, each saved and read again; only the union of the masks may differ from the start."""
    base, touched = photo, np.zeros((HEIGHT, WIDTH), bool)
    blends = ("hard", "feather", "laplacian", "poisson", "auto")
    for cycle in range(10):
        text = f"ellipse {15 + 9 * cycle},{30 + 4 * (cycle % 5)} 9,7 | feather 3 both"
        out = tmp_path / f"{cycle}.png"
        assert run("inpaint", base, "--mask", text, "--blend", blends[cycle % 5], "-o", out) == 0
        touched |= drawn(text) > 0
        base = out
    final = load_picture(base).pixels
    assert_array_equal(final[~touched], image[~touched])
    assert (final[touched] != image[touched]).any()


def test_r16_wide_colours_and_opacity_keep_their_bytes_too(engine: Inpainter, tmp_path: Path) -> None:
    path, out = tmp_path / "in.png", tmp_path / "out.png"
    layers = np.dstack([pictures.rgb(80, 60), pictures.grey(80, 60)])
    Image.fromarray(layers).save(path, icc_profile=pictures.wide_profile())
    mask = drawn("rect 20,20 20x20", 80, 60)
    done = repaint(engine, load_picture(path), mask, InpaintRequest(steps=2)).picture
    save_picture(out, done.pixels, like=done, alpha=done.alpha)
    with Image.open(out) as saved:
        assert_array_equal(np.array(saved)[mask == 0], layers[mask == 0])


def test_r17_a_seam_is_measured_and_a_blend_lowers_it(engine: Inpainter) -> None:
    """A colour that is none of the picture's: a hard edge shows it, fading hides it, and the numbers say so."""
    flat = np.full((HEIGHT, WIDTH, 3), (70, 110, 150), np.uint8)
    mask = drawn("rect 30,20 60x50")
    scores = {}
    for blend in ("hard", "feather", "laplacian", "poisson", "auto"):
        request = InpaintRequest(prompt="owl", blend=blend, feather=16)
        result = engine.run(flat, mask, request)
        scores[blend] = result.proof.seam_after
        assert_allclose(result.proof.seam_after, seam_score(result.image, mask), atol=0.5)  # the crop has less context
    assert scores["hard"] > 5
    assert min(scores["feather"], scores["laplacian"], scores["poisson"]) < scores["hard"] / 2
    assert scores["auto"] <= min(scores.values()) + 0.25  # the tie that a simpler blend wins


def test_r18_empty_space_is_found_masked_and_painted(run: Run, photo: Path, image: RGB, tmp_path: Path) -> None:
    grown, out = tmp_path / "grown.png", tmp_path / "out.png"
    assert main(["canvas", "resize", str(photo), "--left", "30", "--top", "25%", "-o", str(grown)]) == 0
    assert run("inpaint", grown, "--prompt", "owl", "-o", out) == 0
    result = load_picture(out)
    assert result.size == (WIDTH + 30, HEIGHT + 22)
    assert_array_equal(result.pixels[22:, 30:], image)
    assert result.alpha is None or (result.alpha == 255).all()


def test_r18_outpainting_keeps_old_pixels_and_reaches_the_size(
    run: Run, photo: Path, image: RGB, tmp_path: Path
) -> None:
    out = tmp_path / "out.png"
    assert run("outpaint", photo, "--right", "50%", "--overlap", "6", "--prompt", "owl", "-o", out) == 0
    result = load_picture(out)
    assert result.size == (180, HEIGHT)
    assert_array_equal(result.pixels[:, : WIDTH - 6], image[:, :-6])


def test_r19_the_canvas_grows_and_shrinks_on_each_side(photo: Path, image: RGB, tmp_path: Path) -> None:
    grown, back = tmp_path / "grown.png", tmp_path / "back.png"
    assert main(["canvas", "resize", str(photo), "--left", "7", "--top", "10%", "--right", "3", "-o", str(grown)]) == 0
    assert load_picture(grown).size == (WIDTH + 10, HEIGHT + 9)
    cut = ["--left=-7", "--top=-9", "--right=-3"]
    assert main(["canvas", "resize", str(grown), *cut, "-o", str(back)]) == 0
    assert_array_equal(load_picture(back).pixels, image)


@pytest.mark.parametrize("size", [(64, 64), (65, 127), (333, 8), (9, 1001)], ids=str)
@pytest.mark.parametrize("multiple", [8, 64])
def test_r20_crop_to_the_closest_valid_size_never_rescales(size: tuple[int, int], multiple: int) -> None:
    picture = pictures.rgb(*size)
    if min(size) < multiple:
        with pytest.raises(PictureError, match="add space"):
            crop_to_grid(picture, None, multiple)
        return
    canvas = crop_to_grid(picture, None, multiple)
    height, width = canvas.pixels.shape[:2]
    assert (width, height) == tuple(side // multiple * multiple for side in size)
    left, top = (size[0] - width + 1) // 2, (size[1] - height + 1) // 2
    assert_array_equal(canvas.pixels, picture[top : top + height, left : left + width])
    assert_array_equal(canvas.pixels, crop_to_grid(picture, None, multiple).pixels)
