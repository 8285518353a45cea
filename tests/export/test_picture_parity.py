"""Laws of the comparison of whole pictures: as near as asked, or as near as rounding lets diffusers come to itself."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from retouch_export import exporting
from retouch_export.exporting import ExportOptions, export_bundle
from retouch_export.picture_parity import MARGIN_DB, PictureParity
from retouch_export.sources import open_source
from retouch_models.errors import ExportError


@pytest.mark.parametrize(
    ("found", "itself", "near"),
    [
        (60.0, None, True),
        (49.0, None, False),
        (float("nan"), None, False),
        (36.0, 40.0, True),
        (40.0 - MARGIN_DB - 0.1, 40.0, False),
        (36.0, 99.0, False),
        (15.0, 16.0, False),
    ],
    ids=["near", "far", "nan", "rounding", "more than rounding", "rounding does nothing", "worse than the worst"],
)
def test_rounding_excuses_what_it_explains_and_no_more(found: float, itself: float | None, near: bool) -> None:
    assert PictureParity(psnr_db=found, label="", itself_db=itself).near(50.0, 20.0) is near


def test_zero_terminal_snr_passes_in_fp32_and_tells_how_far_rounding_goes(
    checkpoint_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    lines: list[str] = []
    with open_source(str(checkpoint_folder("sd2-zero-snr"))) as checkpoint:
        bundle = export_bundle(checkpoint, tmp_path / "out", ExportOptions(name="m", precision="fp32"), lines.append)
    picture = bundle.manifest.parity["picture"]
    assert picture["psnr_db"] < 50
    assert picture["psnr_db"] > picture["itself_db"] - MARGIN_DB
    assert any("diffusers against itself" in line for line in lines)
    assert "comes as near to itself" in (tmp_path / "out/REPORT.md").read_text(encoding="utf-8")


def test_a_picture_that_is_far_fails_the_export(
    checkpoint_folder: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = PictureParity(psnr_db=30.0, label="a hole", itself_db=80.0)
    monkeypatch.setattr("retouch_export.picture_parity.compare_pictures", lambda *_: far)
    with open_source(str(checkpoint_folder("pocket"))) as checkpoint, pytest.raises(ExportError, match=r"30\.0 dB"):
        exporting._prove_picture(checkpoint, tmp_path, ExportOptions(name="m", precision="fp32"), lambda _line: None)


def test_a_configuration_that_names_no_spacing_means_that_of_its_own_scheduler(
    checkpoint_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    """As in the first checkpoints of SD 1.5; the scheduler of the comparison would take another one by itself."""
    shutil.copytree(checkpoint_folder("sd15-inpaint"), tmp_path / "model")
    file = tmp_path / "model/scheduler/scheduler_config.json"
    told = {k: v for k, v in json.loads(file.read_text()).items() if k.startswith("beta") or k == "steps_offset"}
    file.write_text(json.dumps(told))
    with open_source(str(tmp_path / "model")) as checkpoint:
        options = ExportOptions(name="m", precision="fp32")
        bundle = export_bundle(checkpoint, tmp_path / "out", options, lambda _line: None)
    assert bundle.manifest.noise.spacing == "leading"
    assert bundle.manifest.parity["picture"]["psnr_db"] > 70  # the other spacing gives less than 30
