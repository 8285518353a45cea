"""Fix lists and folders by their command lines."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from retouch.cli import main
from retouch.image_io import load_picture
from support import pictures

LIST = """\
[[region]]
mask = "rect 4,4 20x20"
prompt = "red"

[[region]]
mask = "rect 40,4 20x20"
prompt = "owl"
count = 2
"""


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(pictures.rgb(72, 64)).save(path)
    return path


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "plan.toml"
    path.write_text(LIST)
    return path


def test_a_fix_list_runs_resumes_and_replays(
    tiny_folder: Path, photo: Path, plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.png"
    words = ["fix", str(photo), str(plan), "--model", str(tiny_folder), "-o", str(out)]
    assert main(words) == 0
    told = capsys.readouterr()
    assert told.out == f"{out}\n"
    assert told.err.count("bytes changed outside 0") == 3
    before, after = load_picture(photo).pixels, load_picture(out).pixels
    outside = np.ones(before.shape[:2], bool)
    outside[4:24, 4:24] = outside[4:24, 40:60] = False
    assert_array_equal(after[outside], before[outside])
    assert main(words) == 4, "an existing result is not replaced"
    assert main([*words, "--force", "--take", "2=2", "--json"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()[1:]]
    assert [e["event"] for e in events].count("written") == 0, "all candidates were there already"
    assert main(["replay", str(out), "--from", str(photo), "--model", str(tiny_folder), "-q"]) == 0
    assert capsys.readouterr().out.endswith("identical, byte for byte\n")


def test_skipping_everything_gives_the_picture_back(
    tiny_folder: Path, photo: Path, plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.png"
    words = ["fix", str(photo), str(plan), "--model", str(tiny_folder), "--skip", "1", "--skip", "2"]
    assert main([*words, "-o", str(out)]) == 0
    assert "skipped" in capsys.readouterr().err
    assert_array_equal(load_picture(out).pixels, load_picture(photo).pixels)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (["--take", "2=3"], 2),
        (["--take", "2"], 2),
        (["--retry", "two"], 2),
        (["--skip", "3"], 2),
        (["-o", "-"], 2),
        (["-o", "lost/out.png"], 4),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_wrong_choices_are_one_line_and_leave_nothing(
    more: list[str],
    code: int,
    tiny_folder: Path,
    photo: Path,
    plan: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["fix", str(photo), str(plan), "--model", str(tiny_folder), "-o", "out.png", *more]) == code
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert {p.name for p in tmp_path.iterdir()} == {"photo.png", "plan.toml"}


def test_a_lost_or_broken_list_is_one_line(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["fix", str(photo), "lost.toml"]) == 2
    assert "cannot be read" in capsys.readouterr().err
    Path("bad.toml").write_bytes(b"\xff\xfe")
    assert main(["fix", str(photo), "bad.toml"]) == 2
    assert "UTF-8" in capsys.readouterr().err


def test_a_folder_is_repainted_with_a_report_and_goes_on_after_a_failure(
    tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos, masks, out = tmp_path / "in", tmp_path / "masks", tmp_path / "out"
    photos.mkdir()
    masks.mkdir()
    for name in ("a", "b", "d"):
        Image.fromarray(pictures.rgb(64, 64)).save(photos / f"{name}.png")
        grey = np.zeros((64, 64), np.uint8)
        grey[10:30, 10:30] = 255
        Image.fromarray(grey).save(masks / f"{name}.png")
    (photos / "c.png").write_bytes(b"broken")
    (masks / "d.png").unlink()
    words = ["batch", str(photos), "--masks", str(masks), "--model", str(tiny_folder), "--seed", "3", "-o", str(out)]
    assert main(words) == 7
    told = capsys.readouterr()
    assert told.out.splitlines() == [str(out / "a.png"), str(out / "b.png")]
    assert "2 of 4 pictures failed" in told.err
    report = [json.loads(line) for line in (out / "report.jsonl").read_text().splitlines()]
    assert [(line["picture"], line["state"]) for line in report] == [
        ("a.png", "done"),
        ("b.png", "done"),
        ("c.png", "failed"),
        ("d.png", "failed"),
    ]
    assert report[0]["proofs"][0]["bytes_changed_outside"] == 0
    (photos / "c.png").unlink()
    (photos / "d.png").unlink()
    stamp = (out / "a.png").stat().st_mtime_ns
    assert main(words) == 0
    assert (out / "a.png").stat().st_mtime_ns == stamp
    lines = (out / "report.jsonl").read_text().splitlines()
    assert [json.loads(line)["state"] for line in lines[4:]] == ["skipped", "skipped"]


def test_one_expression_serves_a_folder_and_the_model_opens_once(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from retouch.session import GraphSession

    opened: list[object] = []
    real = GraphSession.__init__

    def counted(self: GraphSession, *args: object, **named: object) -> None:
        opened.append(self)
        real(self, *args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(GraphSession, "__init__", counted)
    photos = tmp_path / "in"
    photos.mkdir()
    for name in "abc":
        Image.fromarray(pictures.rgb(64, 64, seed=ord(name))).save(photos / f"{name}.png")
    words = ["batch", str(photos), "--masks", "rect 25%,25% 50%x50%", "--model", str(tiny_folder)]
    assert main([*words, "-q", "-o", str(tmp_path / "out")]) == 0
    assert len(opened) == 4, "text encoder, VAE encoder, UNet, VAE decoder: each once for three pictures"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["batch", "in", "--masks", "rekt 1", "-o", "out"], 2),
        (["batch", "lost", "--masks", "all", "-o", "out"], 3),
        (["batch", "empty", "--masks", "all", "-o", "out"], 3),
        (["batch", "in", "--masks", "all", "-o", "photo.png"], 4),
        (["batch", "in", "--masks", "all", "--sampler", "eulr", "-o", "out"], 2),
        (["batch", "in", "-o", "out"], 2),
        (["batch", "in", "--masks", "all"], 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_no_picture_could_survive_is_one_line(
    words: list[str],
    code: int,
    tiny_folder: Path,
    photo: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    Path("empty").mkdir()
    Image.fromarray(pictures.rgb(64, 64)).save("in/a.png")
    assert main([*words, "--model", str(tiny_folder)]) == code
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert not list(tmp_path.glob("out/*"))
