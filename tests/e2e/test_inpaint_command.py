"""The main job by its command line, on a model whose answer is known."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from retouch.cli import main
from retouch.image_io import load_picture

SIZE = (150, 110)
MASK = "rect 40,30 50x40"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A picture with different bytes everywhere."""
    rng = np.random.Generator(np.random.Philox(3))
    path = tmp_path / "photo.png"
    Image.fromarray(rng.integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8)).save(path)
    return path


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    """The same area as MASK, as a file."""
    grey = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    grey[30:70, 40:90] = 255
    path = tmp_path / "mask.png"
    Image.fromarray(grey).save(path)
    return path


def inpaint(model: Path, photo: Path, *more: str) -> int:
    return main(["inpaint", str(photo), "--model", str(model), "--provider", "cpu", *more])


def test_only_the_mask_changes_and_stdout_has_only_the_path(
    tiny_folder: Path, photo: Path, mask: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.png"
    assert inpaint(tiny_folder, photo, "--mask", str(mask), "--prompt", "a red heart", "-o", str(out)) == 0
    assert capsys.readouterr().out == f"{out}\n"
    before, after = load_picture(photo).pixels, load_picture(out).pixels
    outside = np.ones(before.shape[:2], bool)
    outside[30:70, 40:90] = False
    assert_array_equal(after[outside], before[outside])
    assert (after[45:55, 55:75] != before[45:55, 55:75]).any(axis=2).mean() > 0.9


def test_an_expression_is_the_same_mask_as_the_file(tiny_folder: Path, photo: Path, mask: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one.png", tmp_path / "two.png"
    assert inpaint(tiny_folder, photo, "--mask", str(mask), "--seed", "5", "-o", str(one)) == 0
    assert inpaint(tiny_folder, photo, "--mask", MASK, "--seed", "5", "-o", str(two)) == 0
    assert_array_equal(load_picture(one).pixels, load_picture(two).pixels)


def test_same_seed_same_file_byte_for_byte(tiny_folder: Path, photo: Path, tmp_path: Path) -> None:
    options = ("--mask", MASK, "--seed", "9", "--sampler", "dpmpp_2m_sde", "--strength", "0.6")
    files = [tmp_path / "a.png", tmp_path / "b.png"]
    for file in files:
        assert inpaint(tiny_folder, photo, *options, "-o", str(file)) == 0
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_drawn_seed_is_told_and_stored(
    tiny_folder: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.png"
    assert inpaint(tiny_folder, photo, "--mask", MASK, "-o", str(out), "--json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    told = next(line["seed"] for line in lines if line["event"] == "written")
    assert main(["show-recipe", "--json", str(out)]) == 0
    assert json.loads(capsys.readouterr().out)["request"]["seed"] == told


def test_candidates_count_up_seeds_and_file_names(
    tiny_folder: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.png"
    assert inpaint(tiny_folder, photo, "--mask", MASK, "--seed", "7", "--count", "3", "-o", str(out)) == 0
    paths = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert [p.name for p in paths] == ["out-1.png", "out-2.png", "out-3.png"]
    seeds = []
    for path in paths:
        main(["show-recipe", "--json", str(path)])
        seeds.append(json.loads(capsys.readouterr().out)["request"]["seed"])
    assert seeds == [7, 8, 9]


def test_a_recipe_replays_without_its_mask_file(
    tiny_folder: Path, photo: Path, mask: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, again = tmp_path / "first.png", tmp_path / "again.png"
    assert inpaint(tiny_folder, photo, "--mask", str(mask), "--prompt", "owl", "--seed", "4", "-o", str(first)) == 0
    mask.unlink()
    assert inpaint(tiny_folder, photo, "--recipe", str(first), "-o", str(again)) == 0
    assert_array_equal(load_picture(first).pixels, load_picture(again).pixels)
    capsys.readouterr()
    assert main(["replay", str(first), "--from", str(photo), "--model", str(tiny_folder), "-q"]) == 0
    assert capsys.readouterr().out == "identical, byte for byte\n"


def test_options_lie_over_a_recipe(
    tiny_folder: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, other = tmp_path / "first.png", tmp_path / "other.png"
    inpaint(tiny_folder, photo, "--mask", MASK, "--prompt", "owl", "--seed", "4", "--steps", "3", "-o", str(first))
    inpaint(tiny_folder, photo, "--recipe", str(first), "--prompt", "cat", "-o", str(other))
    capsys.readouterr()
    main(["show-recipe", "--json", str(other)])
    request = json.loads(capsys.readouterr().out)["request"]
    assert (request["prompt"], request["seed"], request["steps"]) == ("cat", 4, 3)


def test_no_overlay_gives_the_raw_decode_in_the_box_alone(tiny_folder: Path, photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    box = ("--area", "32,24 64x64")
    assert inpaint(tiny_folder, photo, "--mask", MASK, *box, "--no-overlay", "-o", str(out)) == 0
    before, after = load_picture(photo).pixels, load_picture(out).pixels
    inside = np.zeros(before.shape[:2], bool)
    inside[24:88, 32:96] = True
    assert_array_equal(after[~inside], before[~inside])
    blocks = after[24:88, 32:96].reshape(8, 8, 8, 8, 3)  # the tiny decoder paints flat blocks
    assert (blocks == blocks[:, :1, :, :1]).all()


def test_dry_run_says_everything_and_runs_nothing(
    tiny_folder: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.png"
    assert inpaint(tiny_folder, photo, "--mask", MASK, "--steps", "5", "--dry-run", "-o", str(out)) == 0
    told = capsys.readouterr().out
    for part in ("tiny", "rect 40,30 50x40", "latent cells change", "5 steps", "model calls", "memory"):
        assert part in told
    assert not out.exists()
    assert inpaint(tiny_folder, photo, "--mask", MASK, "--dry-run", "--json") == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["evaluations"] == 4
    assert plan["regions"][0]["cells"] > 0
    assert plan["fast"] is plan["card"] is None
    assert "graphs open" in plan["memory"] or "one graph" in plan["memory"]


def test_a_preset_that_was_not_fitted_says_so_in_plan_run_and_recipe(
    tiny_folder: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.png"
    assert inpaint(tiny_folder, photo, "--mask", MASK, "--fast", "--dry-run") == 0
    assert "\nfast: a form for any model, not fitted to this one" in capsys.readouterr().out
    assert inpaint(tiny_folder, photo, "--mask", MASK, "--steps", "6", "--guidance-interval", "0,0.5", "--dry-run") == 0
    assert "6 model calls with batch 2 in 3 of them" in capsys.readouterr().out
    assert inpaint(tiny_folder, photo, "--mask", MASK, "--fast", "-o", str(out)) == 0
    assert "not fitted to this one" in capsys.readouterr().err
    with Image.open(out) as picture:
        assert json.loads(picture.text["retouch"])["request"]["fast_form"] == "general"  # type: ignore[attr-defined]


def test_pipes(tiny_folder: Path, photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stream:
        def __init__(self, data: bytes = b"") -> None:
            self.buffer = io.BytesIO(data)

        def write(self, text: str) -> int:
            raise AssertionError(f"{text!r} would spoil the picture on stdout")

        def flush(self) -> None:
            pass

    out = Stream()
    monkeypatch.setattr("sys.stdin", Stream(photo.read_bytes()))
    monkeypatch.setattr("sys.stdout", out)
    assert main(["inpaint", "-", "--mask", MASK, "--model", str(tiny_folder), "--seed", "1", "-o", "-"]) == 0
    assert Image.open(io.BytesIO(out.buffer.getvalue())).size == SIZE


def test_transparency_is_the_mask_when_none_is_given(tiny_folder: Path, photo: Path, tmp_path: Path) -> None:
    pixels = np.array(Image.open(photo))
    alpha = np.full(pixels.shape[:2], 255, np.uint8)
    alpha[:, 100:] = 0
    holed, out = tmp_path / "holed.png", tmp_path / "out.png"
    Image.fromarray(np.dstack([pixels, alpha])).save(holed)
    assert inpaint(tiny_folder, holed, "-o", str(out)) == 0
    result = load_picture(out)
    assert_array_equal(result.pixels[:, :100], pixels[:, :100])
    assert result.alpha is None or (result.alpha == 255).all()


def test_a_large_picture_costs_no_more_than_its_working_box(tiny_folder: Path, tmp_path: Path) -> None:
    big, out = tmp_path / "big.png", tmp_path / "out.png"
    Image.new("RGB", (6000, 4000), (90, 120, 200)).save(big, compress_level=1)
    assert inpaint(tiny_folder, big, "--mask", "ellipse 3000,2000 60,40", "--dry-run", "--json") == 0
    assert inpaint(tiny_folder, big, "--mask", "ellipse 3000,2000 60,40", "-o", str(out)) == 0
    with Image.open(out) as image:
        assert image.size == (6000, 4000)


@pytest.mark.parametrize(("suffix", "exact"), [(".png", True), (".webp", False), (".jpg", False)])
def test_formats_and_their_recipes(
    suffix: str, exact: bool, tiny_folder: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / f"out{suffix}"
    assert inpaint(tiny_folder, photo, "--mask", MASK, "--prompt", "a cat, blue", "-o", str(out)) == 0
    assert ("lossy" in capsys.readouterr().err) is not exact
    assert main(["show-recipe", "--json", str(out)]) == 0
    assert json.loads(capsys.readouterr().out)["request"]["prompt"] == "a cat, blue"


def test_profile_and_exif_of_the_input_are_kept(tiny_folder: Path, tmp_path: Path) -> None:
    from PIL import ImageCms

    source, out = tmp_path / "in.jpg", tmp_path / "out.png"
    exif = Image.Exif()
    exif[0x010E] = "a boat"
    exif[0x0112] = 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.effect_noise((80, 120), 90).convert("RGB").save(source, exif=exif, icc_profile=profile, quality=95)
    assert inpaint(tiny_folder, source, "--mask", "rect 20,20 30x30", "-o", str(out)) == 0
    with Image.open(out) as image:
        assert image.size == (120, 80), "upright"
        assert image.info["icc_profile"] == profile
        assert image.getexif()[0x010E] == "a boat"
        assert image.getexif().get(0x0112, 1) == 1
