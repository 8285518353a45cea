"""The commands around the main job by their command lines: canvas, mask, outpaint, generate, img2img."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from retouch.cli import main
from retouch.image_io import load_mask, load_picture
from support import pictures

SIZE = (90, 70)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(pictures.rgb(*SIZE)).save(path)
    return path


def recipe(path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    capsys.readouterr()
    assert main(["show-recipe", "--json", str(path)]) == 0
    data: dict[str, object] = json.loads(capsys.readouterr().out)
    return data


def replayed(path: Path, model: Path, capsys: pytest.CaptureFixture[str], *more: str) -> str:
    capsys.readouterr()
    assert main(["replay", str(path), "--model", str(model), "-q", *more]) == 0
    return capsys.readouterr().out.strip()


def test_canvas_resize_makes_empty_space_that_inpaint_paints(
    tiny_folder: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grown, out = tmp_path / "grown.png", tmp_path / "out.png"
    assert main(["canvas", "resize", str(photo), "--left", "20%", "--bottom", "10", "-o", str(grown)]) == 0
    assert capsys.readouterr().out == f"{grown}\n"
    canvas, old = load_picture(grown), load_picture(photo).pixels
    assert canvas.size == (108, 80)
    assert canvas.alpha is not None
    assert_array_equal(canvas.alpha[:70, 18:], 255)
    assert not canvas.alpha[:, :18].any()
    assert main(["inpaint", str(grown), "--model", str(tiny_folder), "--feather", "6", "-o", str(out)]) == 0
    result = load_picture(out)
    assert_array_equal(result.pixels[:70, 18:], old)
    assert result.alpha is None or (result.alpha == 255).all()


def test_no_paper_shines_through_at_the_edge_of_painted_empty_space(tiny_folder: Path, tmp_path: Path) -> None:
    """Black all around and a dark fill: white or grey pixels could only come from behind the picture."""
    alpha = np.full((64, 64), 255, np.uint8)
    alpha[:, 40:] = 0
    Image.fromarray(np.dstack([np.zeros((64, 64, 3), np.uint8), alpha])).save(tmp_path / "in.png")
    out = tmp_path / "out.png"
    words = ["inpaint", str(tmp_path / "in.png"), "--model", str(tiny_folder), "--feather", "12", "--guidance", "1"]
    assert main([*words, "--seed", "1", "-o", str(out)]) == 0
    edge = load_picture(out).pixels[:, 40:52].astype(int)
    deep = load_picture(out).pixels[:, 60:].astype(int)
    assert edge.max() <= deep.max(), "the fade at the edge is brighter than both sides of it"


def test_canvas_resize_to_a_size_keeps_the_anchor(photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    assert main(["canvas", "resize", str(photo), "--size", "100x60", "--anchor", "top-left", "-o", str(out)]) == 0
    result = load_picture(out)
    assert result.size == (100, 60)
    assert_array_equal(result.pixels[:, :90], load_picture(photo).pixels[:60])


def test_canvas_crop_reaches_the_grid_of_the_model(tiny_folder: Path, photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    assert main(["canvas", "crop", str(photo), "--model", str(tiny_folder), "-o", str(out)]) == 0
    result = load_picture(out)
    assert result.size == (88, 64)
    assert result.alpha is None
    assert_array_equal(result.pixels, load_picture(photo).pixels[3:67, 1:89])


def test_canvas_keeps_opacity_profile_and_exif(tmp_path: Path) -> None:
    source, out = tmp_path / "in.png", tmp_path / "out.png"
    layers = np.dstack([pictures.rgb(20, 10), pictures.grey(20, 10)])
    exif = Image.Exif()
    exif[0x010E] = "a boat"
    Image.fromarray(layers).save(source, icc_profile=pictures.wide_profile(), exif=exif)
    assert main(["canvas", "resize", str(source), "--right", "4", "-o", str(out)]) == 0
    with Image.open(out) as image:
        assert_array_equal(np.array(image)[:, :20], layers)
        assert image.info["icc_profile"] == pictures.wide_profile()
        assert image.getexif()[0x010E] == "a boat"


def test_mask_writes_what_the_expression_says_in_8_bits(photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "mask.png"
    assert main(["mask", str(photo), "ellipse 40,30 20,15 | feather 8", "-o", str(out)]) == 0
    with Image.open(out) as image:
        values = np.array(image)[..., 0]
    assert len(np.unique(values)) > 20, "the soft edge is lost"
    assert (values[30, 40], values[0, 0]) == (255, 0)
    again = tmp_path / "again.png"
    assert main(["mask", str(photo), str(out), "-o", str(again)]) == 0
    assert_allclose(load_mask(again, load_picture(photo).size), values / 255, atol=1e-6)  # float32


def test_mask_shows_what_will_change(
    tiny_folder: Path, photo: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ["mask", str(photo), "rect 10,10 20x10", "--show", "--model", str(tiny_folder)]
    assert main(words) == 0
    told = capsys.readouterr().out
    assert "rect 10,10 20x10" in told
    assert "200 pixels" in told
    assert "latent cells change" in told
    assert main([*words, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["pixels"] == 200
    assert report["regions"][0]["box"] == [10, 10, 30, 20]
    assert list(tmp_path.iterdir()) == [photo]


def test_outpaint_has_the_size_asked_for_and_keeps_old_pixels(
    tiny_folder: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.png"
    words = ["outpaint", str(photo), "--model", str(tiny_folder), "--left", "50%", "--bottom", "33", "--overlap", "0"]
    assert main([*words, "--seed", "3", "--steps", "2", "-o", str(out)]) == 0
    result = load_picture(out)
    assert result.size == (135, 103)
    assert_array_equal(result.pixels[:70, 45:], load_picture(photo).pixels)
    assert result.alpha is None
    data = recipe(out, capsys)
    assert data["command"] == "outpaint"
    assert data["outpaint"] == {"left": 45, "top": 0, "right": 0, "bottom": 33, "overlap": 0, "fill": "edge"}
    assert replayed(out, tiny_folder, capsys, "--from", str(photo)) == "identical, byte for byte"


def test_outpaint_says_its_plan_and_runs_nothing(
    tiny_folder: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["outpaint", str(photo), "--model", str(tiny_folder), "--right", "100%", "--plan"]
    assert main(words) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == f"90x70 becomes 180x70 in {len(told) - 1} runs"
    assert main([*words, "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["size"] == [180, 70]
    assert plan["strips"][0]["new"][0] == 90
    assert plan["strips"][-1]["new"][2:] == [180, 70]
    assert list(tmp_path.iterdir()) == [photo]


def test_outpaint_fades_inside_the_overlap_alone(tiny_folder: Path, photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    words = ["outpaint", str(photo), "--model", str(tiny_folder), "--right", "20", "--overlap", "10", "--steps", "1"]
    assert main([*words, "--content", "telea", "-o", str(out)]) == 0
    old, new = load_picture(photo).pixels, load_picture(out).pixels
    assert_array_equal(new[:, :80], old[:, :80])
    assert (new[:, 82:90] != old[:, 82:90]).any()


@pytest.mark.parametrize("command", ["generate", "img2img"])
def test_whole_pictures_replay(
    command: str, tiny_folder: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.png"
    source = ["--size", "96x64"] if command == "generate" else [str(photo)]
    stroke = ["--stroke", "#ff0000 9 10,10 50,30", "--strength", "0.7"]
    words = [command, *source, *stroke, "--model", str(tiny_folder), "--prompt", "owl", "--steps", "3"]
    assert main([*words, "-o", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    assert load_picture(out).size == ((96, 64) if command == "generate" else SIZE)
    data = recipe(out, capsys)
    assert data["command"] == command
    assert data["strokes"]
    more = () if command == "generate" else ("--from", str(photo))
    assert replayed(out, tiny_folder, capsys, *more) == "identical, byte for byte"


def test_strokes_from_a_file_steer_inpainting_and_replay(
    tiny_folder: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layer, out = tmp_path / "layer.png", tmp_path / "out.png"
    paint = np.zeros((SIZE[1], SIZE[0], 4), np.uint8)
    paint[20:40, 20:60] = (255, 0, 0, 200)
    Image.fromarray(paint).save(layer)
    words = ["inpaint", str(photo), "--mask", "rect 30,10 40x40", "--strokes", str(layer), "--strength", "0.5"]
    assert main([*words, "--model", str(tiny_folder), "-o", str(out)]) == 0
    outside = np.ones((SIZE[1], SIZE[0]), bool)
    outside[10:50, 30:70] = False
    assert_array_equal(load_picture(out).pixels[outside], load_picture(photo).pixels[outside])
    layer.unlink()
    assert replayed(out, tiny_folder, capsys, "--from", str(photo)) == "identical, byte for byte"


def test_generate_takes_the_size_of_the_model_when_none_is_given(tiny_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    words = ["generate", "--model", str(tiny_folder), "--prompt", "owl", "--steps", "1", "--count", "2"]
    assert main([*words, "-o", str(out)]) == 0
    assert [load_picture(tmp_path / f"out-{n}.png").size for n in (1, 2)] == [(64, 64)] * 2


def test_img2img_tells_when_it_scales(tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    big, out = tmp_path / "big.png", tmp_path / "out.png"
    Image.new("RGB", (640, 480), (90, 120, 200)).save(big)
    assert main(["img2img", str(big), "--model", str(tiny_folder), "--steps", "2", "-o", str(out)]) == 0
    assert "scaled to the 640x480" in capsys.readouterr().err
    assert load_picture(out).size == (640, 480)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["canvas", "resize", "PHOTO"], 2),
        (["canvas", "resize", "PHOTO", "--left", "5", "--size", "5x5"], 2),
        (["canvas", "resize", "PHOTO", "--left", "wide"], 2),
        (["canvas", "resize", "PHOTO", "--left=-90"], 3),
        (["canvas", "resize", "PHOTO", "--size", "9x9", "--anchor", "middle"], 2),
        (["canvas", "resize", "PHOTO", "--left", "5", "--anchor", "top"], 2),
        (["canvas", "resize", "PHOTO", "--right", "99999", "--bottom", "99999"], 3),
        (["canvas", "crop", "PHOTO", "--multiple", "0"], 2),
        (["canvas", "crop", "PHOTO", "--multiple", "100"], 3),
        (["canvas", "crop", "PHOTO", "--left", "5"], 2),
        (["canvas", "crop", "PHOTO", "--model", "nosuch"], 2),
        (["canvas", "crop", "lost.png"], 3),
        (["mask", "PHOTO", "rect 1,1 2x2"], 2),
        (["mask", "PHOTO", "rect 1,1 2x2", "--show", "-o", "-"], 2),
        (["mask", "PHOTO", "rect 500,1 2x2", "-o", "OUT"], 3),
        (["mask", "PHOTO", "rekt 1,1 2x2", "-o", "OUT"], 2),
        (["mask", "PHOTO", "rect 1,1 2x2", "-o", "lost/OUT"], 4),
        (["outpaint", "PHOTO", "-o", "OUT"], 2),
        (["outpaint", "PHOTO", "--plan"], 2),
        (["outpaint", "PHOTO", "--left", "-5", "-o", "OUT"], 2),
        (["outpaint", "PHOTO", "--left=-5", "--right", "9", "-o", "OUT"], 2),
        (["outpaint", "PHOTO", "--left", "5", "--area", "picture", "-o", "OUT"], 2),
        (["outpaint", "PHOTO", "--left", "5", "--overlap", "2", "--feather", "3", "-o", "OUT"], 2),
        (["outpaint", "PHOTO", "--left", "5", "--content", "nosuch", "-o", "OUT"], 2),
        (["generate", "--size", "wide", "-o", "OUT"], 2),
        (["generate", "--stroke", "#ff0000 5 1,1", "-o", "OUT"], 2),
        (["generate", "--stroke", "reddish", "--strength", "0.5", "-o", "OUT"], 2),
        (["img2img", "PHOTO", "--strength", "0", "-o", "OUT"], 2),
        (["img2img", "PHOTO", "--strength", "1", "--stroke", "#ff0000 5 1,1", "-o", "OUT"], 2),
        (["img2img", "PHOTO", "--strokes", "PHOTO", "-o", "OUT"], 3),
        (["img2img", "PHOTO", "--count", "0", "-o", "OUT"], 2),
        (["inpaint", "PHOTO", "--mask", "rect 1,1 9x9", "--stroke", "#ff0000 5 1,1", "-o", "OUT"], 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_use_is_one_line_with_a_code_and_leaves_nothing(
    words: list[str],
    code: int,
    tiny_folder: Path,
    photo: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    names = {"PHOTO": str(photo), "OUT": "out.png", "lost/OUT": "lost/out.png"}
    line = [names.get(word, word) for word in words]
    if "--model" not in line and words[0] != "mask":
        line += ["--model", str(tiny_folder)]
    assert main(line) == code
    told = capsys.readouterr()
    assert told.out == ""
    assert len(told.err.strip().splitlines()) == 1, told.err
    assert told.err.startswith("retouch: ")
    assert list(tmp_path.iterdir()) == [photo]
