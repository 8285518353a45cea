"""What may be imported where, proven in fresh processes: a linter cannot tell a deferred import."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = ("numpy", "onnxruntime", "PIL", "cv2", "textual")
TORCH = ("torch", "diffusers", "transformers", "optimum")


def imported_by(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter holds after running `code`."""
    report = "import sys; print(' '.join({m.split('.')[0] for m in sys.modules}), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize(
    "words",
    [["--version"], ["--help"], ["inpaint", "--help"], ["batch", "--help"], ["models", "list"], ["tui", "--help"]],
    ids=" ".join,
)
def test_starting_loads_nothing_heavy(words: list[str]) -> None:
    code = f"from retouch.cli import main\ntry:\n    main({words!r})\nexcept SystemExit:\n    pass"
    assert not imported_by(code) & {*HEAVY, *TORCH}


def test_importing_the_packages_loads_nothing_heavy() -> None:
    assert not imported_by("import retouch, retouch_models, retouch_tui, retouch_export") & {*HEAVY, *TORCH}


def test_the_runtime_runs_without_pytorch_and_without_textual(tiny_folder: Path, tmp_path: Path) -> None:
    sample = ROOT / "models/retouch_models/sample"
    words = ["inpaint", str(sample / "picture.png"), "--mask", str(sample / "mask.png")]
    words += ["--model", str(tiny_folder), "-o", str(tmp_path / "out.png"), "-q"]
    code = f"from retouch.cli import main\nassert main({words!r}) == 0"
    found = imported_by(code)
    assert "onnxruntime" in found
    assert not found & {*TORCH, "textual", "rich"}


def test_no_stage_that_ships_names_pytorch() -> None:
    for folder in ("runtime", "tui", "models/retouch_models"):
        for path in (ROOT / folder).rglob("*.py"):
            for line in path.read_text(encoding="utf-8").splitlines():
                words = line.split()
                if words[:1] in (["import"], ["from"]) and len(words) > 1:
                    assert words[1].split(".")[0] not in TORCH, f"{path}: {line}"


def test_a_missing_engine_is_named_at_first_use(tmp_path: Path) -> None:
    sample = ROOT / "models/retouch_models/sample"
    words = ["inpaint", str(sample / "picture.png"), "--mask", str(sample / "mask.png"), "-o", str(tmp_path / "o.png")]
    hide = "import sys; sys.modules['onnxruntime'] = sys.modules['openvino'] = None"
    code = f"{hide}\nfrom retouch.cli import main\nassert main({words!r}) == 6"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'retouch[cpu]'" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(("command", "blocked", "extra"), [("tui", "textual", "tui"), ("export", "torch", "export")])
def test_missing_parts_are_named_at_first_use(command: str, blocked: str, extra: str, tmp_path: Path) -> None:
    words = ["tui"] if command == "tui" else ["export", str(tmp_path), "--output", str(tmp_path / "out")]
    (tmp_path / "model_index.json").write_text('{"_class_name": "StableDiffusionInpaintPipeline"}')
    code = f"import sys; sys.modules[{blocked!r}] = None\nfrom retouch.cli import main\nprint(main({words!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "6", done.stderr
    assert f"pip install 'retouch[{extra}" in done.stderr
