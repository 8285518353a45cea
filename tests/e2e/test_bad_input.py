"""Every way to be wrong: one line that says what and how to mend it, the exit code of the table, no file left."""

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retouch.cli import main
from retouch_models.manifest import MANIFEST

PHOTO, MASK = "photo.png", "mask.png"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder with a photo and a mask."""
    monkeypatch.chdir(tmp_path)
    Image.effect_noise((96, 80), 60).convert("RGB").save(PHOTO)
    grey = np.zeros((80, 96), np.uint8)
    grey[20:50, 30:70] = 255
    Image.fromarray(grey).save(MASK)


def write(data: bytes) -> Callable[[], None]:
    return lambda: Path("bad.png").write_bytes(data) and None


def animated() -> None:
    frames = [Image.new("RGB", (96, 80), (i * 80, 0, 0)) for i in range(3)]
    frames[0].save("bad.png", format="GIF", save_all=True, append_images=frames[1:])


def truncated() -> None:
    data = Path(PHOTO).read_bytes()
    Path("bad.png").write_bytes(data[: len(data) // 2])


def bomb() -> None:
    import struct
    import zlib

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0))
    Path("bad.png").write_bytes(b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""))


BAD_PICTURES = {
    "missing": (lambda: None, "does not exist"),
    "directory": (lambda: Path("bad.png").mkdir(), "folder"),
    "zero bytes": (write(b""), "empty"),
    "not a picture": (write(b"hello, I am a text file that is long enough to be looked at"), "not a picture"),
    "truncated": (truncated, "cut short"),
    "bomb": (bomb, "megapixels"),
    "animated": (animated, "frame"),
}


@pytest.mark.parametrize("name", BAD_PICTURES)
@pytest.mark.parametrize("as_mask", [False, True], ids=["as picture", "as mask"])
def test_bad_pictures(name: str, as_mask: bool, tiny_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make, part = BAD_PICTURES[name]
    make()
    pair = (PHOTO, "bad.png") if as_mask else ("bad.png", MASK)
    refused(capsys, 3, part, "inpaint", pair[0], "--mask", pair[1], "--model", str(tiny_folder))


BAD_USE = {
    "no mask": (["inpaint", PHOTO], 2, "--mask"),
    "empty mask": (["inpaint", PHOTO, "--mask", "none"], 3, "empty"),
    "mask language": (["inpaint", PHOTO, "--mask", "rect 1,2"], 2, "column"),
    "sampler": (["inpaint", PHOTO, "--mask", MASK, "--sampler", "eular"], 2, "Did you mean 'euler'?"),
    "schedule": (["inpaint", PHOTO, "--mask", MASK, "--schedule", "karas"], 2, "Did you mean 'karras'?"),
    "blend": (["inpaint", PHOTO, "--mask", MASK, "--blend", "poison"], 2, "Did you mean 'poisson'?"),
    "content": (["inpaint", PHOTO, "--mask", MASK, "--content", "fil"], 2, "Did you mean 'fill'?"),
    "rng": (["inpaint", PHOTO, "--mask", MASK, "--rng", "torch"], 2, "torch-cpu"),
    "colour match": (["inpaint", PHOTO, "--mask", MASK, "--colour-match", "labb"], 2, "Did you mean 'lab'?"),
    "provider": (["inpaint", PHOTO, "--mask", MASK, "--provider", "cdua"], 2, "Did you mean 'cuda'?"),
    "device number": (["inpaint", PHOTO, "--mask", MASK, "--provider", "cpu:x"], 2, "device number"),
    "steps 0": (["inpaint", PHOTO, "--mask", MASK, "--steps", "0"], 2, "--steps must be"),
    "steps text": (["inpaint", PHOTO, "--mask", MASK, "--steps", "many"], 2, "whole number"),
    "guidance nan": (["inpaint", PHOTO, "--mask", MASK, "--guidance", "nan"], 2, "--guidance must be"),
    "guidance inf": (["inpaint", PHOTO, "--mask", MASK, "--guidance", "inf"], 2, "--guidance must be"),
    "strength 0": (["inpaint", PHOTO, "--mask", MASK, "--strength", "0"], 2, "change nothing"),
    "strength 2": (["inpaint", PHOTO, "--mask", MASK, "--strength", "2"], 2, "--strength must be"),
    "seed -1": (["inpaint", PHOTO, "--mask", MASK, "--seed", "-1"], 2, "--seed must be"),
    "threads 0": (["inpaint", PHOTO, "--mask", MASK, "--threads", "0"], 2, "--threads must be"),
    "count 0": (["inpaint", PHOTO, "--mask", MASK, "--count", "0"], 2, "--count must be"),
    "work size": (["inpaint", PHOTO, "--mask", MASK, "--work-size", "65x64"], 2, "multiple of 8"),
    "area": (["inpaint", PHOTO, "--mask", MASK, "--area", "somewhere"], 2, "is not a box"),
    "box outside": (["inpaint", PHOTO, "--mask", MASK, "--area", "500,500 64x64"], 2, "inside the picture"),
    "prompt": (["inpaint", PHOTO, "--mask", MASK, "--prompt", "a (cat"], 2, "character 3"),
    "style": (["inpaint", PHOTO, "--mask", MASK, "--style", "nosuch"], 2, "unknown style"),
    "unknown option": (["inpaint", PHOTO, "--mask", MASK, "--smapler", "euler"], 2, "did you mean --sampler"),
    "unknown command": (["inpant", PHOTO], 2, "Did you mean 'inpaint'?"),
    "extension": (["inpaint", PHOTO, "--mask", MASK, "-o", "out.pgn"], 2, "png"),
    "no extension": (["inpaint", PHOTO, "--mask", MASK, "-o", "out"], 2, "png"),
    "output folder": (["inpaint", PHOTO, "--mask", MASK, "-o", "nowhere/out.png"], 4, "mkdir"),
    "output exists": (["inpaint", PHOTO, "--mask", MASK, "-o", PHOTO], 4, "--force"),
    "model name": (["inpaint", PHOTO, "--mask", MASK, "--model", "poket"], 2, "Did you mean 'pocket'?"),
    "model folder": (["inpaint", PHOTO, "--mask", MASK, "--model", "./nosuch"], 5, "no such folder"),
    "no bundle": (["inpaint", PHOTO, "--mask", MASK, "--model", "."], 5, "not a model bundle"),
    "no recipe": (["inpaint", PHOTO, "--recipe", PHOTO], 3, "no recipe"),
    "cuda": (["inpaint", PHOTO, "--mask", MASK, "--provider", "cuda"], 6, "retouch[gpu]"),
}


@pytest.mark.parametrize("name", BAD_USE)
def test_bad_use(name: str, tiny_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words, code, part = BAD_USE[name]
    more = [] if "--model" in words or words[0] != "inpaint" else ["--model", str(tiny_folder)]
    refused(capsys, code, part, *words, *more)


def test_a_mask_of_another_size_offers_to_be_fitted(tiny_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("L", (48, 40), 255).save("small.png")
    words = ("inpaint", PHOTO, "--mask", "small.png", "--model", str(tiny_folder))
    refused(capsys, 3, "--fit-mask", *words)
    assert main([*words, "--fit-mask", "-o", "fitted.png"]) == 0


def test_json_errors_are_json(tiny_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["inpaint", PHOTO, "--mask", "none", "--json", "--model", str(tiny_folder)]
    assert main(words) == 3
    last = json.loads(capsys.readouterr().err.splitlines()[-1])
    assert (last["event"], last["kind"], last["exit"]) == ("error", "PictureError", 3)


BAD_BUNDLES = {
    "cut short": (lambda d: (d / "unet.onnx").write_bytes((d / "unet.onnx").read_bytes()[:-9]), "cut short"),
    "missing graph": (lambda d: (d / "unet.onnx").unlink(), "is missing"),
    "no JSON": (lambda d: (d / MANIFEST).write_text("{"), "not JSON"),
    "not text": (lambda d: (d / MANIFEST).write_bytes(b"\xff\xfe\x00"), "cannot be read"),
    "newer schema": (lambda d: edit(d, lambda m: m.update(schema=99)), "pip install -U retouch"),
    "unknown key": (lambda d: edit(d, lambda m: m.update(colour="red")), "colour is unknown"),
    "missing key": (lambda d: edit(d, lambda m: m.pop("licence")), "licence is missing"),
    "wrong type": (lambda d: edit(d, lambda m: m["size"].update(native="big")), "size.native must be a whole number"),
    "outside": (lambda d: edit(d, lambda m: m["graphs"]["unet"]["file"].update(file="../x")), "outside the bundle"),
    "no unet": (lambda d: edit(d, lambda m: m["graphs"].pop("unet")), "no graph unet"),
    "sizes": (lambda d: edit(d, lambda m: m["size"].update(minimum=512)), "contradict"),
    "wrong input": (
        lambda d: edit(d, lambda m: m["graphs"]["unet"]["inputs"][0].update(name="latents")),
        "its manifest says",
    ),
    "vocabulary": (lambda d: swap(d, "tokenizer/vocab.json", b'{"a": 0}'), "tokenizer"),
    "graph bytes": (lambda d: swap(d, "vae_decoder.onnx", b"\x00" * 300), "does not load"),
}


def edit(folder: Path, change: Callable[[dict[str, object]], object]) -> None:
    data = json.loads((folder / MANIFEST).read_text())
    change(data)
    (folder / MANIFEST).write_text(json.dumps(data))


def swap(folder: Path, file: str, data: bytes) -> None:
    """Replace a file and make the manifest agree on its size, so that only the content is wrong."""
    (folder / file).write_bytes(data)

    def change(manifest: dict[str, object]) -> None:
        for spec in (*manifest["files"], *(g["file"] for g in manifest["graphs"].values())):  # type: ignore[attr-defined, misc]
            if spec["file"] == file:
                spec["bytes"] = len(data)

    edit(folder, change)


@pytest.mark.parametrize("name", BAD_BUNDLES)
def test_bad_bundles(name: str, tiny_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoil, part = BAD_BUNDLES[name]
    folder = Path("model")
    shutil.copytree(tiny_folder, folder)
    spoil(folder)
    refused(capsys, 5, part, "inpaint", PHOTO, "--mask", MASK, "--model", "./model")


def test_verify_names_the_damaged_file(tiny_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(tiny_folder, "model")
    data = bytearray(Path("model/unet.onnx").read_bytes())
    data[100] ^= 1
    Path("model/unet.onnx").write_bytes(data)
    refused(capsys, 5, "unet.onnx: damaged", "models", "verify", "./model")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_no_write_permission(tiny_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    locked = Path("locked")
    locked.mkdir(mode=0o500)
    words = ("inpaint", PHOTO, "--mask", MASK, "-o", "locked/out.png", "--model", str(tiny_folder))
    refused(capsys, 4, "permission", *words)


def test_a_place_that_refuses_is_found_before_the_work(
    tiny_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: object) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("retouch.atomic._create", locked)
    monkeypatch.setattr("retouch.pipeline.Inpainter.run", lambda *_: pytest.fail("it generated first"))
    words = ("inpaint", PHOTO, "--mask", MASK, "-o", "out.png", "--model", str(tiny_folder))
    refused(capsys, 4, "permissions", *words)


def test_full_disk(tiny_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("retouch.atomic.os.fsync", full)
    refused(capsys, 4, "space", "inpaint", PHOTO, "--mask", MASK, "-o", "out.png", "--model", str(tiny_folder))


def test_ctrl_c_leaves_no_file(
    tiny_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(self: object, progress: object) -> None:
        if getattr(progress, "step", 0) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("retouch.commands._progress.Narrator.__call__", stop)
    refused(capsys, 130, "cancelled", "inpaint", PHOTO, "--mask", MASK, "-o", "out.png", "--model", str(tiny_folder))


def test_out_of_memory_is_one_line(
    tiny_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("retouch.vae.decode", exhausted)
    words = ("inpaint", PHOTO, "--mask", MASK, "-o", "out.png", "--model", str(tiny_folder))
    refused(capsys, 7, "memory", *words)


def refused(capsys: pytest.CaptureFixture[str], code: int, part: str, *words: str) -> None:
    """Run and check the law of bad input."""
    before = {p: p.stat().st_mtime_ns for p in Path().rglob("*")}
    capsys.readouterr()
    assert main(list(words)) == code
    told = capsys.readouterr()
    lines = told.err.strip().splitlines()
    assert len(lines) == 1, told.err
    assert lines[0].startswith("retouch: ")
    assert part.lower() in lines[0].lower()
    assert told.out == ""
    after = {p: p.stat().st_mtime_ns for p in Path().rglob("*")}
    assert after == before, "a refusal leaves the folder as it was"
