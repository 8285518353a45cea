"""The product as a process, with the bundled model: signals, pipes and what a picture looks like in the end."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from retouch.cli import main
from retouch.image_io import load_mask, load_picture
from retouch_models.store import sample_folder

PICTURE, MASK = sample_folder() / "picture.png", sample_folder() / "mask.png"
SAMPLE = ["inpaint", str(PICTURE), "--mask", str(MASK)]


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 128 + 15)])
def test_a_signal_in_the_middle_leaves_no_file(number: signal.Signals, code: int, tmp_path: Path) -> None:
    words = [*SAMPLE, "--prompt", "a red heart", "--steps", "500", "--json", "-o", str(tmp_path / "out.png")]
    with subprocess.Popen(
        [sys.executable, "-m", "retouch", *words],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores it
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if json.loads(line).get("step", 0) >= 2:
                process.send_signal(number)
                break
        out, _ = process.communicate(timeout=60)
    assert process.returncode == code
    assert out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
def test_a_closed_pipe_is_no_error() -> None:
    command = f"{sys.executable} -m retouch --help | head -1"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout.startswith("retouch ")


ENCODINGS = {
    "a letter that a pipe on Windows lacks": ("画.png", "cp1252", b"\\u753b.png"),
    "a letter that it has": ("é.png", "cp1252", b"\xe9.png"),
    "UTF-8": ("画.png", "utf-8", "画.png".encode()),
    "a name that is no text": ("a\udcff.png", "utf-8", b"a\xff.png"),
}


@pytest.mark.parametrize("name", ENCODINGS)
def test_any_name_is_printed_in_any_encoding(name: str, tmp_path: Path) -> None:
    file, encoding, printed = ENCODINGS[name]
    if sys.platform != "linux" and "\udcff" in file:
        pytest.skip("names are text there")
    code = (
        f"import sys; from retouch.cli import main; from retouch.commands import models; name = {file!r}\n"
        "models.run = lambda _: print(name) or print(name, file=sys.stderr) or 0; sys.exit(main(['models']))"
    )
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == done.stderr.strip() == printed


def test_the_bundled_model_paints_what_it_is_told(tmp_path: Path) -> None:
    """A red heart: the middle of the mask turns red, and everything outside keeps its bytes."""
    out = tmp_path / "out.png"
    assert main([*SAMPLE, "--prompt", "a red heart", "--seed", "2", "--steps", "12", "-q", "-o", str(out)]) == 0
    before, after = load_picture(PICTURE), load_picture(out)
    mask = load_mask(MASK, before.size)
    assert_array_equal(after.pixels[mask == 0], before.pixels[mask == 0])
    red, green, blue = (after.pixels[mask == 1].astype(int)[:, c] for c in range(3))
    assert np.mean((red > 150) & (green < 90) & (blue < 90)) > 0.15


def test_the_bundled_model_removes_by_an_empty_prompt(tmp_path: Path) -> None:
    """Nothing as dark as the smear is left, and the new pixels have colours of the surroundings."""
    out = tmp_path / "out.png"
    assert main([*SAMPLE, "--prompt", "", "--seed", "4", "--steps", "12", "-q", "-o", str(out)]) == 0
    before, after = load_picture(PICTURE), load_picture(out)
    mask = load_mask(MASK, before.size)
    assert np.mean(before.pixels[mask == 1].max(axis=1) < 90) > 0.7
    assert np.mean(after.pixels[mask == 1].max(axis=1) < 90) < 0.02
