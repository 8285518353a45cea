"""Every test of the terminal UI has folders of its own and a still cursor."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep settings and sessions out of the user's folders."""
    monkeypatch.setenv("RETOUCH_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("RETOUCH_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    return tmp_path
