"""Laws of saving: what was loaded comes back byte for byte, with its metadata, whole or not at all."""

import errno
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from retouch import atomic
from retouch.errors import OutputError, RetouchError, UsageError
from retouch.exif import PREFIX
from retouch.image_io import Picture, ensure_writable, load_picture, save_picture
from support import pictures


def files(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


SOURCES = {
    "rgb": pictures.encoded(pictures.rgb()),
    "rgba": pictures.encoded(np.dstack([pictures.rgb(), pictures.grey()])),
    "wide profile": pictures.encoded(pictures.rgb(), icc_profile=pictures.wide_profile()),
    "jpeg photo": pictures.encoded(
        pictures.rgb(40, 30),
        "JPEG",
        exif=PREFIX + pictures.exif_block(6, make=b"Camera\x00"),
        icc_profile=pictures.wide_profile(),
    ),
    "palette": pictures.encoded(Image.fromarray(pictures.rgb()).quantize(7)),
    "grey": pictures.encoded(pictures.grey()),
}


@pytest.mark.parametrize("extension", ["png", "tif"])
@pytest.mark.parametrize("data", SOURCES.values(), ids=SOURCES.keys())
def test_load_and_save_keep_every_byte_of_the_picture(tmp_path: Path, data: bytes, extension: str) -> None:
    before = load_picture(io.BytesIO(data))
    path = tmp_path / f"out.{extension}"
    assert save_picture(path, before.pixels, like=before, alpha=before.alpha) == ()
    after = load_picture(path)
    np.testing.assert_array_equal(after.pixels, before.pixels)
    assert (after.alpha is None) == (before.alpha is None)
    if before.alpha is not None and after.alpha is not None:
        np.testing.assert_array_equal(after.alpha, before.alpha)
    assert after.profile == before.profile
    assert files(tmp_path) == [path.name]


@settings(max_examples=25, deadline=None)
@given(
    width=st.integers(1, 40),
    height=st.integers(1, 40),
    seed=st.integers(0, 999),
    has_alpha=st.booleans(),
    cycles=st.integers(1, 4),
)
def test_any_number_of_load_and_save_cycles_is_the_identity(
    width: int, height: int, seed: int, has_alpha: bool, cycles: int
) -> None:
    pixels = pictures.rgb(width, height, seed)
    picture = Picture(pixels=pixels, alpha=pictures.grey(width, height, seed) if has_alpha else None)
    first = picture
    for _ in range(cycles):
        stream = io.BytesIO()
        save_picture(stream, picture.pixels, like=picture, alpha=picture.alpha)
        stream.seek(0)
        picture = load_picture(stream)
    np.testing.assert_array_equal(picture.pixels, pixels)
    if first.alpha is not None and picture.alpha is not None:
        np.testing.assert_array_equal(picture.alpha, first.alpha)


def test_webp_can_be_lossless(tmp_path: Path) -> None:
    pixels, alpha = pictures.rgb(), pictures.grey()
    alpha[0] = 0
    assert save_picture(tmp_path / "a.webp", pixels, alpha=alpha, lossless=True) == ()
    after = load_picture(tmp_path / "a.webp")
    np.testing.assert_array_equal(after.pixels, pixels)
    np.testing.assert_array_equal(after.alpha, alpha)


@pytest.mark.parametrize("extension", ["jpg", "jpeg", "JPG", "webp"])
def test_lossy_formats_say_so(tmp_path: Path, extension: str) -> None:
    notes = save_picture(tmp_path / f"a.{extension}", pictures.rgb())
    assert any("lossy" in note and ".png" in note for note in notes)


def test_quality_matters(tmp_path: Path) -> None:
    for quality in (10, 95):
        save_picture(tmp_path / f"{quality}.jpg", pictures.rgb(64, 64), quality=quality)
    assert (tmp_path / "10.jpg").stat().st_size < (tmp_path / "95.jpg").stat().st_size


def test_jpeg_keeps_the_colour_of_single_pixels(tmp_path: Path) -> None:
    stripes = np.zeros((32, 32, 3), np.uint8)
    stripes[:, ::2, 0] = 255
    stripes[:, 1::2, 2] = 255
    save_picture(tmp_path / "a.jpg", stripes)
    # halved colour resolution mixes red and blue to the same purple: an error of 85 on average
    assert np.abs(load_picture(tmp_path / "a.jpg").pixels.astype(int) - stripes).mean() < 10


def test_transparency_becomes_white_in_jpeg_with_a_note(tmp_path: Path) -> None:
    alpha = np.zeros((16, 16), np.uint8)
    notes = save_picture(tmp_path / "a.jpg", np.zeros((16, 16, 3), np.uint8), alpha=alpha)
    assert any("white" in note for note in notes)
    np.testing.assert_array_equal(load_picture(tmp_path / "a.jpg").pixels, 255)


@pytest.mark.parametrize("extension", ["png", "jpg", "webp", "tif"])
def test_profile_exif_and_recipe_text_arrive(tmp_path: Path, extension: str) -> None:
    like = Picture(
        pixels=pictures.rgb(), profile=pictures.wide_profile(), exif=pictures.exif_block(1, make=b"Maker\x00")
    )
    path = tmp_path / f"a.{extension}"
    save_picture(path, like.pixels, like=like, text={"parameters": "ein Kätzchen\nSteps: 3"})
    after = load_picture(path)
    assert after.profile == like.profile
    assert after.exif is not None
    assert b"Maker" in after.exif
    assert after.text["parameters"] == "ein Kätzchen\nSteps: 3"
    with Image.open(path) as image:
        assert image.getexif()[0x010F] == "Maker", "other programs can still read the block"


def test_other_texts_ride_along_in_the_user_comment(tmp_path: Path) -> None:
    save_picture(tmp_path / "a.jpg", pictures.rgb(), text={"parameters": "p\nSteps: 3", "retouch": '{"a": 1}'})
    assert load_picture(tmp_path / "a.jpg").text["parameters"] == 'p\nSteps: 3, retouch: "{\\"a\\": 1}"'


def test_an_oversized_recipe_is_shortened_in_jpeg_with_a_note(tmp_path: Path) -> None:
    text = {"parameters": "p\nSteps: 3", "retouch": "x" * 200_000}
    notes = save_picture(tmp_path / "a.jpg", pictures.rgb(), text=text)
    assert any("too long for JPEG" in note for note in notes)
    assert load_picture(tmp_path / "a.jpg").text["parameters"] == "p\nSteps: 3"


def test_author_and_copyright_stay_and_old_recipes_go(tmp_path: Path) -> None:
    like = Picture(pixels=pictures.rgb(), text={"Copyright": "© me", "parameters": "old", "workflow": "old"})
    save_picture(tmp_path / "a.png", like.pixels, like=like, text={"parameters": "new"})
    assert load_picture(tmp_path / "a.png").text == {"Copyright": "© me", "parameters": "new"}


def test_texts_that_are_not_sound_are_mended(tmp_path: Path) -> None:
    save_picture(tmp_path / "a.png", pictures.rgb(), text={"parameters": "a\x00b\udcffc", "retouch": "\ud800"})
    assert load_picture(tmp_path / "a.png").text == {"parameters": "a\ufffdb?c", "retouch": "?"}


@pytest.mark.parametrize("extension", ["png", "jpg", "webp", "tif"])
def test_the_same_arguments_give_the_same_bytes(extension: str) -> None:
    like = load_picture(io.BytesIO(SOURCES["jpeg photo"]))
    outs = []
    for _ in range(2):
        stream = io.BytesIO()
        save_picture(stream, like.pixels, like=like, text={"parameters": "a", "retouch": "b"}, format_name=extension)
        outs.append(stream.getvalue())
    assert outs[0] == outs[1]


def test_a_stream_and_a_file_get_the_same_bytes(tmp_path: Path) -> None:
    stream = io.BytesIO()
    save_picture(stream, pictures.rgb())
    save_picture(tmp_path / "a.png", pictures.rgb())
    assert (tmp_path / "a.png").read_bytes() == stream.getvalue()


def test_the_argument_is_not_changed(tmp_path: Path) -> None:
    pixels, alpha = pictures.rgb(), pictures.grey()
    kept = pixels.copy(), alpha.copy()
    save_picture(tmp_path / "a.jpg", pixels, alpha=alpha)
    np.testing.assert_array_equal(pixels, kept[0])
    np.testing.assert_array_equal(alpha, kept[1])


@pytest.mark.parametrize(
    ("name", "hint"),
    [("a.pgn", "a.png"), ("a.jepg", "a.jpg"), ("a.wepb", "a.webp"), ("a.tfif", "a.tif")],
    ids=["png", "jpeg", "webp", "tiff"],
)
def test_unknown_extension_offers_the_nearest(tmp_path: Path, name: str, hint: str) -> None:
    with pytest.raises(UsageError, match=rf"use one of .*Did you mean '{hint}"):
        ensure_writable(tmp_path / name, force=False)
    assert files(tmp_path) == []


def test_no_extension_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a name without extension"):
        save_picture(tmp_path / "out", pictures.rgb())


def test_too_wide_for_webp(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"WEBP holds at most 16383 .*save it as \.png"):
        save_picture(tmp_path / "a.webp", np.zeros((1, 16384, 3), np.uint8))
    assert files(tmp_path) == []


def test_a_closed_stream_is_told_apart_from_a_defect() -> None:
    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OutputError, match="standard output: No space left"):
        save_picture(Full(), pictures.rgb())


# --- the place -----------------------------------------------------------------------------------------------------

Place = Callable[[Path], Path]


def _existing(folder: Path) -> Path:
    (folder / "old.png").write_bytes(b"precious")
    return folder / "old.png"


def _folder(folder: Path) -> Path:
    (folder / "dir.png").mkdir()
    return folder / "dir.png"


def _under_file(folder: Path) -> Path:
    (folder / "file").write_bytes(b"")
    return folder / "file" / "out.png"


def _dangling(folder: Path) -> Path:
    (folder / "link.png").symlink_to(folder / "nowhere" / "x.png")
    return folder / "link.png"


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.png")
    return folder / "pipe.png"


POSIX = pytest.mark.skipif(sys.platform == "win32", reason="permissions, pipes and the words of errors are POSIX")


def _save(path: Path, force: bool) -> object:
    return save_picture(path, pictures.rgb(), force=force)


PLACES: dict[str, tuple[Place, bool, str]] = {
    "existing file": (_existing, False, "exists; choose another name, or replace it with --force"),
    "no such folder": (lambda f: f / "no" / "out.png", False, "does not exist; make it with: mkdir -p"),
    "no such folder, forced": (lambda f: f / "no" / "out.png", True, "mkdir -p"),
    "a folder": (_folder, False, "it is a folder"),
    "a folder, forced": (_folder, True, "it is a folder"),
    "under a file": (_under_file, True, "is not a folder"),
    "a link to nowhere": (_dangling, True, "mkdir -p"),
    "a pipe, forced": (_pipe, True, "device or pipe"),
    "too long a name": (lambda f: f / ("x" * 300 + ".png"), False, "name is too long"),
}
POSIX_PLACES = {"a pipe, forced", "too long a name", "under a file", "a link to nowhere"}


@pytest.mark.parametrize("act", [ensure_writable, _save], ids=["check", "save"])
@pytest.mark.parametrize(
    ("place", "force", "message"),
    [pytest.param(*row, id=name, marks=POSIX if name in POSIX_PLACES else ()) for name, row in PLACES.items()],
)
def test_a_bad_place_is_refused_and_left_as_it_was(
    tmp_path: Path, place: Place, force: bool, message: str, act: Callable[[Path, bool], object]
) -> None:
    path = place(tmp_path)
    before = files(tmp_path)
    with pytest.raises(OutputError) as refused:
        act(path, force)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
    assert refused.value.exit_code == 4
    assert files(tmp_path) == before
    if path.name == "old.png":
        assert path.read_bytes() == b"precious"


@POSIX
def test_a_device_is_never_replaced() -> None:
    with pytest.raises(OutputError, match="device or pipe; write to standard output with -"):
        atomic.write_whole(Path(os.devnull), b"x", force=True)


@POSIX
def test_force_replaces_and_keeps_the_permissions(tmp_path: Path) -> None:
    path = _existing(tmp_path)
    path.chmod(0o640)
    save_picture(path, pictures.rgb(), force=True)
    assert load_picture(path).size == (24, 16)
    assert path.stat().st_mode & 0o777 == 0o640
    assert files(tmp_path) == ["old.png"]


@POSIX
def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real.png").write_bytes(b"old")
    (tmp_path / "link.png").symlink_to(tmp_path / "real.png")
    save_picture(tmp_path / "link.png", pictures.rgb(), force=True)
    assert (tmp_path / "link.png").is_symlink()
    assert load_picture(tmp_path / "real.png").size == (24, 16)


@POSIX
def test_a_new_file_has_the_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    save_picture(tmp_path / "a.png", pictures.rgb())
    assert (tmp_path / "a.png").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_relative_path_and_a_good_place_pass_the_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ensure_writable(Path("a.png"), force=False)
    assert files(tmp_path) == []
    save_picture(Path("a.png"), pictures.rgb())
    assert files(tmp_path) == ["a.png"]


# --- failures on the way -------------------------------------------------------------------------------------------

FAILURES: dict[str, tuple[str, BaseException, str]] = {
    "disk full on fsync": ("fsync", OSError(errno.ENOSPC, "full"), "disk is full"),
    "quota": ("fsync", OSError(errno.EDQUOT, "quota"), "quota is used up"),
    "no permission": ("open", PermissionError(errno.EACCES, "no"), "may not write there"),
    "read-only disk": ("open", OSError(errno.EROFS, "ro"), "read-only"),
    "odd fault": ("fsync", OSError(errno.EIO, "Input/output error"), "Input/output error"),
    "interrupted": ("fsync", KeyboardInterrupt(), ""),
    "interrupted at the link": ("link", KeyboardInterrupt(), ""),
    "disk full at the link": ("link", OSError(errno.ENOSPC, "full"), "disk is full"),
}


@pytest.mark.parametrize("force", [False, True], ids=["new", "forced"])
@pytest.mark.parametrize(("call", "fault", "message"), FAILURES.values(), ids=FAILURES.keys())
def test_a_failure_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, fault: BaseException, message: str, force: bool
) -> None:
    path = _existing(tmp_path) if force else tmp_path / "out.png"
    before = files(tmp_path)

    def fail(*_: object, **__: object) -> None:
        raise fault

    if call == "link" and force:
        monkeypatch.setattr(Path, "replace", fail)
    else:
        monkeypatch.setattr(atomic.os, call, fail)
    with pytest.raises((RetouchError, KeyboardInterrupt)) as raised:
        save_picture(path, pictures.rgb(), force=force)
    monkeypatch.undo()
    assert files(tmp_path) == before
    if force:
        assert path.read_bytes() == b"precious"
    if message:
        assert isinstance(raised.value, OutputError)
        assert message in str(raised.value)
    else:
        assert isinstance(raised.value, KeyboardInterrupt)


def test_a_disk_that_fills_up_while_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fdopen

    def filling(descriptor: int, mode: str) -> io.BufferedWriter:
        stream = real(descriptor, mode)

        class Filling(io.RawIOBase):
            def write(self, data: object) -> int:
                raise OSError(errno.ENOSPC, "No space left on device")

            def close(self) -> None:
                stream.close()
                super().close()

        return Filling()  # type: ignore[return-value]

    monkeypatch.setattr(atomic.os, "fdopen", filling)
    with pytest.raises(OutputError, match="disk is full"):
        save_picture(tmp_path / "out.png", pictures.rgb())
    assert files(tmp_path) == []


def test_a_file_that_appears_meanwhile_is_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.png"
    real = os.fsync

    def appear(descriptor: int) -> None:
        real(descriptor)
        path.write_bytes(b"somebody else's")

    monkeypatch.setattr(atomic.os, "fsync", appear)
    with pytest.raises(OutputError, match="exists"):
        save_picture(path, pictures.rgb())
    assert path.read_bytes() == b"somebody else's"
    assert files(tmp_path) == ["out.png"]


@pytest.mark.parametrize("taken", [False, True], ids=["free", "taken"])
def test_disks_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: bool) -> None:
    path = tmp_path / "out.png"

    def no_links(*_: object) -> None:
        if taken:
            path.write_bytes(b"somebody else's")
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(atomic.os, "link", no_links)
    if taken:
        with pytest.raises(OutputError, match="exists"):
            save_picture(path, pictures.rgb())
        assert path.read_bytes() == b"somebody else's"
    else:
        save_picture(path, pictures.rgb())
        assert load_picture(path).size == (24, 16)
    assert files(tmp_path) == ["out.png"]


def test_checking_a_folder_without_the_right_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(atomic.os, "open", refuse)  # root, who runs many test machines, may write everywhere
    with pytest.raises(OutputError, match="may not write there; choose another folder"):
        ensure_writable(tmp_path / "a.png", force=False)
