"""Fixtures for all tests: a model of a few kilobytes, and a home directory that is not the user's."""

from pathlib import Path

import pytest

from retouch_models.bundle import Bundle, open_bundle
from support import tiny_bundle


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep tests away from the user's models, settings and state."""
    home = tmp_path_factory.mktemp("home")
    for name, folder in {
        "HOME": "",
        "USERPROFILE": "",
        "APPDATA": "appdata",
        "LOCALAPPDATA": "appdata",
        "XDG_DATA_HOME": "data",
        "XDG_CONFIG_HOME": "config",
        "XDG_CACHE_HOME": "cache",
        "XDG_STATE_HOME": "state",
    }.items():
        monkeypatch.setenv(name, str(home / folder))


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the tiny 9-channel bundle."""
    return tiny_bundle.build(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path) -> Bundle:
    """The tiny 9-channel bundle."""
    return open_bundle(tiny_folder)


@pytest.fixture(scope="session")
def tiny_ordinary(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The tiny 4-channel bundle."""
    return open_bundle(tiny_bundle.build(tmp_path_factory.mktemp("models") / "plain", ordinary=True, name="plain"))
