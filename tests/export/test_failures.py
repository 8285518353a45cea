"""Every way to fail, through the command: one line, the code of the table, and nothing left behind."""

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from retouch.cli import main
from retouch_export.data_file import DataFile

Folder = Callable[[str], Path]

QUICK = ("--precision", "fp32", "--skip-picture")


def refused(capsys: pytest.CaptureFixture[str], place: Path, code: int, part: str, *words: str) -> None:
    """Run `retouch export` into `place` and check the law of bad input."""
    before = sorted(place.rglob("*"))
    capsys.readouterr()
    assert main(["export", *words, "--output", str(place / "out")]) == code
    told = capsys.readouterr()
    assert told.out == ""
    errors = [line for line in told.err.splitlines() if line.startswith("retouch: ")]
    assert len(errors) == 1
    assert part in errors[0]
    assert "Traceback" not in told.err
    assert sorted(place.rglob("*")) == before


def copied(folder: Path, target: Path) -> Path:
    shutil.copytree(folder, target)
    return target


@pytest.mark.parametrize("file", ["unet/diffusion_pytorch_model", "vae/diffusion_pytorch_model", "text_encoder/model"])
def test_weights_cut_short(
    checkpoint_folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str
) -> None:
    model = copied(checkpoint_folder("pocket"), tmp_path / "model")
    os.truncate(model / f"{file}.safetensors", (model / f"{file}.safetensors").stat().st_size - 1000)
    refused(capsys, tmp_path, 8, f"{Path(file).name}.safetensors", str(model), *QUICK)


@pytest.mark.parametrize("kind", ["single file", "lora", "vae", "embedding", "preview decoder"])
def test_any_file_cut_short(
    checkpoint_folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    file = tmp_path / "file.safetensors"
    save_file({"a": torch.ones(64, 64)}, file)
    os.truncate(file, file.stat().st_size // 2)
    option = {"single file": None, "lora": "--lora", "vae": "--vae", "embedding": "--embedding"}.get(kind, f"--{kind}")
    model = str(checkpoint_folder("pocket"))
    words = [str(file)] if option is None else [model, option.replace(" ", "-"), str(file)]
    refused(capsys, tmp_path, 8, "file.safetensors", *words, *QUICK)


@pytest.mark.parametrize(
    ("layer", "width", "part"),
    [
        ("lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q", 999, "for another family"),
        ("lora_unet_double_blocks_0_img_attn_qkv", 64, "for another family"),
        ("lora_transformer_single_blocks_3_linear1", 64, "for another family"),
    ],
    ids=["widths", "blocks", "network"],
)
def test_a_lora_for_another_family(
    checkpoint_folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str], layer: str, width: int, part: str
) -> None:
    halves = {f"{layer}.lora_down.weight": torch.ones(4, width), f"{layer}.lora_up.weight": torch.ones(width, 4)}
    save_file(halves, tmp_path / "other.safetensors")
    words = (str(checkpoint_folder("sd15")), "--lora", str(tmp_path / "other.safetensors"))
    refused(capsys, tmp_path, 8, part, *words, *QUICK)


def test_a_full_disk_while_weights_are_written(
    checkpoint_folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    written, real = [0], DataFile._place

    def place(self: DataFile, array: object) -> int:
        written[0] += 1
        if written[0] > 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(self, array)

    monkeypatch.setattr(DataFile, "_place", place)
    refused(
        capsys,
        tmp_path,
        4,
        os.strerror(errno.ENOSPC),
        str(checkpoint_folder("pocket")),
        "--precision",
        "int8",
        "--skip-picture",
    )
    assert written[0] == 4


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried ...")],
    ids=["python", "torch"],
)
def test_no_memory(
    checkpoint_folder: Folder,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    def exhausted(*_: object) -> None:
        raise error

    monkeypatch.setattr("retouch_export.graph_export.trace", exhausted)
    refused(capsys, tmp_path, 8, "out of memory", str(checkpoint_folder("pocket")), *QUICK)


COMMAND = "import sys; from retouch.cli import main; sys.exit(main(sys.argv[1:]))"
LIMITED = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)); {COMMAND}"


def process(code: str, *words: str) -> "subprocess.Popen[str]":
    """The command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", code, "export", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=None if sys.platform == "win32" else listen,
    )


def listen() -> None:
    """Let an interrupt in, which a shell's background job ignores."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files")
def test_a_system_that_refuses_to_write_on(checkpoint_folder: Folder, tmp_path: Path) -> None:
    """What a full disk does, by a limit on the size of files: the operating system itself fails the write."""
    running = process(LIMITED, str(checkpoint_folder("pocket")), "--output", str(tmp_path / "out"), *QUICK)
    out, err = running.communicate()
    assert (running.returncode, out) == (4, ""), err
    assert os.strerror(errno.EFBIG) in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is no signal there")
def test_ctrl_c_in_the_middle(checkpoint_folder: Folder, tmp_path: Path) -> None:
    running = process(COMMAND, str(checkpoint_folder("pocket")), "--output", str(tmp_path / "out"), *QUICK)
    assert running.stderr is not None
    first = next(line for line in running.stderr if line.startswith("text_encoder"))  # the rest is still to be made
    assert "against PyTorch" in first
    assert [p.name for p in tmp_path.iterdir()] == [".out.partial"]
    running.send_signal(signal.SIGINT)
    out, err = running.communicate()
    assert (running.returncode, out) == (130, ""), err
    assert err.splitlines()[-1] == "retouch: cancelled"
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []
