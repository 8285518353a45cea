"""`retouch bench` times every phase and says what it compares with."""

import json
from pathlib import Path

import pytest

from retouch.cli import main


def test_all_phases_are_timed_as_often_as_asked(tiny_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--model", str(tiny_folder), "--provider", "cpu", "--rounds", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    for phase in ("picture", "next candidate", "fast preset", "  text", "  encode", "  steps", "  decode", "  join"):
        assert len(found["seconds"][phase]) == 2
        assert min(found["seconds"][phase]) >= 0
    assert found["matmul_gflops"] > 0
    assert found["steps"] == 4  # the model's own


def test_the_report_names_the_machine_and_the_parts(tiny_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--model", str(tiny_folder), "--provider", "cpu", "--rounds", "1", "--steps", "2"]) == 0
    told = capsys.readouterr().out
    assert "on cpu" in told
    assert "2 steps" in told
    assert "decode" in told
    assert "the fast preset is faster by a factor of" in told


def test_no_rounds_are_refused(tiny_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--model", str(tiny_folder), "--rounds", "0"]) == 2
    assert "--rounds" in capsys.readouterr().err
