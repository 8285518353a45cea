"""Bad files: each gets one line that says what is wrong and how to mend it, and never a warning or a traceback."""

import io
import os
import struct
import sys
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from retouch.errors import PictureError
from retouch.image_io import load_picture
from support import pictures

_PNG = pictures.encoded(pictures.rgb())
_JPEG = pictures.encoded(pictures.rgb(64, 64), "JPEG")


def _ftyp(brand: bytes) -> bytes:
    return b"\x00\x00\x00\x18ftyp" + brand + bytes(16)


def _frames(kind: str, count: int) -> bytes:
    frames = [Image.new("RGB", (4, 4), (shade, 0, 0)) for shade in range(0, 60 * count, 60)]
    return pictures.encoded(frames[0], kind, save_all=True, append_images=frames[1:])


def _claiming(width: int, height: int) -> bytes:
    return pictures.raw_png(width, height, 8, 2, b"")


BAD: dict[str, tuple[bytes, str, str]] = {
    "zero bytes": (b"", "empty", "check the download"),
    "text": (b"hello, this is no picture", "not a picture", "give a PNG"),
    "one byte": (b"\x89", "not a picture", "give a PNG"),
    "cut png": (_PNG[: len(_PNG) // 2], "damaged or cut short", "fresh copy"),
    "png header only": (_PNG[:8], "damaged or cut short", "fresh copy"),
    "cut jpeg": (_JPEG[: len(_JPEG) // 2], "damaged or cut short", "fresh copy"),
    "cut webp": (pictures.encoded(pictures.rgb(), "WEBP")[:60], "damaged or cut short", "fresh copy"),
    "cut tiff": (pictures.encoded(pictures.rgb(), "TIFF")[:400], "damaged or cut short", "fresh copy"),
    "cut gif": (pictures.encoded(pictures.rgb(), "GIF")[:40], "damaged or cut short", "fresh copy"),
    "broken check sum": (_PNG[:20] + b"\xff" + _PNG[21:], "damaged or cut short", "fresh copy"),
    "bomb": (_claiming(60_000, 60_000), "above the limit of 178 million", "--max-megapixels"),
    "insane dimensions": (_claiming(2**31 - 1, 2**31 - 1), "above the limit", "--max-megapixels"),
    "no width": (_claiming(0, 5), "", "fresh copy"),
    "no height": (_claiming(5, 0), "", "fresh copy"),
    "animated gif": (_frames("GIF", 3), "3 frames", "--frame 0..2"),
    "animated png": (_frames("PNG", 2), "2 frames", "--frame 0..1"),
    "animated webp": (_frames("WEBP", 3), "3 frames", "--frame 0..2"),
    "multi-page tiff": (_frames("TIFF", 4), "4 frames or pages", "--frame 0..3"),
    "svg": (b'<?xml version="1.0"?><svg/>', "SVG", "export it as PNG"),
    "svg with a byte order mark": (b"\xef\xbb\xbf\n<SVG>", "SVG", "export it as PNG"),
    "web page": (b"<!DOCTYPE html><html>", "web page", "download the picture itself"),
    "pdf": (b"%PDF-1.7", "PDF", "export it as PNG"),
    "photoshop": (b"8BPS\x00\x01", "Photoshop", "export it as PNG"),
    "gimp": (b"gimp xcf v011", "GIMP", "export it as PNG"),
    "krita": (b"PK\x03\x04" + bytes(30), "zip archive or layered document", "export a PNG"),
    "heic": (_ftyp(b"heic"), "HEIC", "convert it to PNG"),
    "heif": (_ftyp(b"mif1"), "HEIC", "convert it to PNG"),
    "canon raw": (b"II*\x00\x10\x00\x00\x00CR\x02\x00", "Canon RAW", "develop it"),
    "canon raw 3": (_ftyp(b"crx "), "Canon RAW", "develop it"),
    "fuji raw": (b"FUJIFILMCCD-RAW 0201", "Fujifilm RAW", "develop it"),
    "video": (_ftyp(b"isom"), "video", "extract a frame"),
    "jpeg xl": (b"\xff\x0a" + bytes(9), "JPEG XL", "convert it to PNG"),
    "openexr": (b"v/1\x01\x02", "OpenEXR", "tone-map"),
    "icon": (b"\x00\x00\x01\x00\x01", "icon", "export it as PNG"),
    "git lfs": (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer", "git lfs pull"),
    "float tiff": (
        pictures.encoded(Image.fromarray(np.ones((2, 2), np.float32)), "TIFF"),
        "floating-point",
        "convert it to 8 or 16 bits",
    ),
    "32-bit tiff": (
        pictures.encoded(Image.fromarray(np.full((2, 2), 10**6, np.int32)), "TIFF"),
        "32-bit",
        "convert it to 8 or 16 bits",
    ),
}


@pytest.mark.parametrize(("data", "what", "cure"), BAD.values(), ids=BAD.keys())
def test_bad_file_is_refused_in_one_line_with_the_cure(tmp_path: Path, data: bytes, what: str, cure: str) -> None:
    path = tmp_path / "thing.png"
    path.write_bytes(data)
    with pytest.raises(PictureError) as refused:
        load_picture(path)
    message = str(refused.value)
    assert "thing.png" in message
    assert what in message
    assert cure in message
    assert "\n" not in message
    assert refused.value.exit_code == 3


@pytest.mark.parametrize(("data", "what", "cure"), BAD.values(), ids=BAD.keys())
def test_bad_stream_is_refused_too(data: bytes, what: str, cure: str) -> None:
    with pytest.raises(PictureError, match="standard input"):
        load_picture(io.BytesIO(data))


def test_missing_file_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=r"does not exist; check the path \(the current folder is"):
        load_picture(tmp_path / "no.png")


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="is a folder"):
        load_picture(tmp_path)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="devices are files on POSIX only")
def test_device_is_not_read_for_ever() -> None:
    with pytest.raises(PictureError, match="is a device"):
        load_picture(Path("/dev/zero"))


def test_path_through_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(_PNG)
    with pytest.raises(PictureError, match="cannot be opened"):
        load_picture(tmp_path / "a.png" / "b.png")


def test_path_with_a_null_byte() -> None:
    with pytest.raises(PictureError, match="check it"):
        load_picture(Path("a\0b.png"))


def test_too_long_a_name(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="cannot be opened"):
        load_picture(tmp_path / ("x" * 5000))


def test_no_read_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(_PNG)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)  # root, who runs many test machines, may read everything
    with pytest.raises(PictureError, match=r"may not be read; .* chmod u\+r"):
        load_picture(path)


def test_a_decoder_that_pillow_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL.AvifImagePlugin", None)
    with pytest.raises(PictureError, match="need a newer Pillow; update it with: pip install -U pillow"):
        load_picture(io.BytesIO(_ftyp(b"avif")))


def test_raw_photo_in_a_tiff_coat_is_known_by_its_extension(tmp_path: Path) -> None:
    path = tmp_path / "photo.NEF"
    path.write_bytes(pictures.encoded(pictures.rgb(), "TIFF"))
    with pytest.raises(PictureError, match="RAW photo"):
        load_picture(path)


@pytest.mark.parametrize("frame", [-1, 3, 99])
def test_frame_that_is_not_there(frame: int) -> None:
    with pytest.raises(PictureError, match=r"no frame .*--frame 0\.\.2"):
        load_picture(io.BytesIO(_frames("GIF", 3)), frame=frame)


def test_the_limit_can_be_lowered_and_raised() -> None:
    data = pictures.encoded(np.zeros((100, 100), np.uint8))
    with pytest.raises(PictureError, match=r"limit of 0\.005 million"):
        load_picture(io.BytesIO(data), max_megapixels=0.005)
    assert load_picture(io.BytesIO(data), max_megapixels=0.01).size == (100, 100)


def test_pillows_own_limit_is_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    assert load_picture(io.BytesIO(_PNG)).size == (24, 16), "our limit counts, not Pillow's global one"
    assert Image.MAX_IMAGE_PIXELS == 50


def test_compressed_text_bomb_is_refused() -> None:
    bomb = b"note\x00\x00" + zlib.compress(bytes(80 << 20), 9)
    data = pictures.raw_png(1, 1, 8, 0, b"\x07", [(b"zTXt", bomb)])
    with pytest.raises(PictureError, match="damaged"):
        load_picture(io.BytesIO(data))


def test_broken_exif_is_left_out() -> None:
    for block in (b"II*\x00", b"II*\x00\xff\xff\xff\xff", b"MM\x00*\x00\x00\x00\x08\xff\xff", b"junk"):
        picture = load_picture(io.BytesIO(pictures.encoded(pictures.rgb(), exif=block)))
        assert picture.exif is None


@pytest.mark.parametrize(
    "data",
    [_PNG, _JPEG, pictures.encoded(pictures.rgb(), "TIFF"), pictures.encoded(pictures.rgb(), "GIF")],
    ids=["png", "jpeg", "tiff", "gif"],
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(noise=st.data())
def test_damaged_bytes_never_crash(data: bytes, noise: st.DataObject) -> None:
    """Whatever a bit of noise does to a file: a picture comes out, or PictureError."""
    damaged = bytearray(data)
    for _ in range(noise.draw(st.integers(1, 6))):
        damaged[noise.draw(st.integers(0, len(damaged) - 1))] = noise.draw(st.integers(0, 255))
    with suppress(PictureError):
        assert load_picture(io.BytesIO(bytes(damaged)), max_megapixels=1).pixels.ndim == 3


@settings(max_examples=80, deadline=None)
@given(block=st.binary(min_size=8, max_size=120), order=st.sampled_from([b"II*\x00", b"MM\x00*"]))
def test_random_exif_never_crashes(block: bytes, order: bytes) -> None:
    data = pictures.encoded(pictures.rgb(), exif=order + struct.pack("<I", 8) + block)
    assert load_picture(io.BytesIO(data)).size in [(24, 16), (16, 24)]


def _fifo(path: Path) -> Callable[[], None]:
    def write() -> None:
        with path.open("wb") as stream:
            stream.write(_PNG)

    return write


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX")
def test_a_named_pipe_is_read(tmp_path: Path) -> None:
    from threading import Thread

    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = Thread(target=_fifo(path))
    writer.start()
    try:
        assert load_picture(path).size == (24, 16)
    finally:
        writer.join(timeout=10)
