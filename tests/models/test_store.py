"""Where models are found, and how they are added, fetched and removed: whole or not at all."""

import errno
import os
import shutil
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from retouch_models.bundle import Bundle, open_bundle, verify_bundle
from retouch_models.errors import BundleError, MissingExtra, OutputError, UnknownName, UsageError
from retouch_models.install import add_bundle, pull_bundle, remove_bundle
from retouch_models.store import bundled_folder, find_bundle, installed, user_folder


def test_the_bundled_model_is_sound_and_small() -> None:
    pocket = find_bundle()
    assert pocket.folder.parent == bundled_folder()
    assert verify_bundle(pocket) == []
    sizes = [spec.bytes for spec in pocket.manifest.all_files()]
    assert max(sizes) < 95 * 2**20
    assert sum(sizes) < 90 * 2**20


def test_the_licences_travel_with_the_weights() -> None:
    text = " ".join(find_bundle().manifest.attribution)
    for name in ("Noto Emoji", "Twemoji", "Fluent Emoji", "EmojiOne", "CC BY 4.0"):
        assert name in text


def test_by_name_by_folder_and_unknown(tiny_folder: Path) -> None:
    assert find_bundle(str(tiny_folder)).manifest.name == "tiny"
    with pytest.raises(UnknownName, match="Did you mean 'pocket'"):
        find_bundle("pockt")
    with pytest.raises(BundleError, match="no such folder"):
        find_bundle("some/where")


def test_the_users_model_hides_the_bundled_one(tiny_folder: Path) -> None:
    shutil.copytree(tiny_folder, user_folder() / "pocket")
    assert find_bundle("pocket").manifest.name == "tiny"


def test_add_and_remove(tiny_folder: Path) -> None:
    added = add_bundle(tiny_folder)
    assert added.folder == user_folder() / "tiny"
    assert verify_bundle(added) == []
    with pytest.raises(OutputError, match="--force"):
        add_bundle(tiny_folder)
    assert add_bundle(tiny_folder, force=True).folder == added.folder
    assert [p.name for p in user_folder().iterdir()] == ["tiny"], "no staging folder is left"
    assert remove_bundle("tiny") == added.folder
    assert "tiny" not in installed()
    with pytest.raises(UsageError, match="no model 'tiny'"):
        remove_bundle("tiny")


@pytest.mark.parametrize("name", ["../x", "", ".hidden", "a/b", "pocket"])
def test_only_own_models_are_removed(name: str) -> None:
    with pytest.raises(UsageError):
        remove_bundle(name)
    assert find_bundle("pocket")


def test_a_damaged_model_is_not_added(tiny_folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny_folder, copy)
    data = bytearray((copy / "unet.onnx").read_bytes())
    data[50] ^= 1
    (copy / "unet.onnx").write_bytes(data)
    with pytest.raises(BundleError, match="damaged"):
        add_bundle(copy)
    assert not user_folder().exists() or list(user_folder().iterdir()) == []


def test_a_model_that_cannot_be_removed_stays_whole(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    added = add_bundle(tiny_folder)

    def held(self: Path, target: object) -> Path:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "rename", held)
    with pytest.raises(OutputError, match="cannot be removed"):
        remove_bundle("tiny")
    assert verify_bundle(added) == []
    assert [p.name for p in user_folder().iterdir()] == ["tiny"]


def test_another_process_that_was_quicker_wins(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both found no model of that name; one of them is done first."""
    real, copied = shutil.copyfile, []

    def slow(source: Path, target: Path) -> None:
        real(source, target)
        copied.append(target)
        if len(copied) == 2:
            add_bundle(tiny_folder)

    monkeypatch.setattr(shutil, "copyfile", slow)
    with pytest.raises(OutputError, match="another process added 'tiny' meanwhile"):
        add_bundle(tiny_folder)
    assert verify_bundle(find_bundle("tiny")) == []
    assert [p.name for p in user_folder().iterdir()] == ["tiny"]


def test_what_killed_processes_left_is_swept_after_a_day(tiny_folder: Path) -> None:
    old, fresh = (user_folder() / f".incoming-{name}" for name in ("old", "fresh"))
    for left in (old, fresh):
        (left / "tiny").mkdir(parents=True)
    os.utime(old, (0, 0))
    add_bundle(tiny_folder)
    assert {p.name for p in user_folder().iterdir()} == {"tiny", ".incoming-fresh"}
    assert "tiny" in installed()
    assert len(installed()) == 2  # and the bundled one


def test_a_cut_off_copy_leaves_nothing(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, done = shutil.copyfile, []

    def third_fails(source: Path, target: Path) -> None:
        done.append(target)
        if len(done) == 3:
            raise KeyboardInterrupt
        real(source, target)

    monkeypatch.setattr(shutil, "copyfile", third_fails)
    with pytest.raises(KeyboardInterrupt):
        add_bundle(tiny_folder)
    assert list(user_folder().iterdir()) == []


@pytest.fixture
def hub(tiny: Bundle, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A stand-in of huggingface_hub that serves the tiny bundle; returns the files that were asked for."""
    asked: list[str] = []

    class HfHubHTTPError(OSError):
        pass

    def download(repo: str, file: str, revision: str | None = None, force_download: bool = False) -> str:
        asked.append(file)
        if repo != "me/tiny":
            raise HfHubHTTPError("404 Client Error: Not Found\nmore")
        return str(tiny.folder / file)

    module, utils = ModuleType("huggingface_hub"), ModuleType("huggingface_hub.utils")
    module.__dict__.update(hf_hub_download=download, utils=utils)
    utils.__dict__["HfHubHTTPError"] = HfHubHTTPError
    utils.__dict__["logging"] = SimpleNamespace(set_verbosity_error=lambda: None)
    monkeypatch.setitem(sys.modules, "huggingface_hub", module)
    monkeypatch.setitem(sys.modules, "huggingface_hub.utils", utils)
    return asked


def test_pull_takes_what_the_manifest_names(hub: list[str], tiny: Bundle) -> None:
    told = SimpleNamespace(files=[])
    bundle = pull_bundle("me/tiny", on_file=lambda name, size: told.files.append((name, size)))
    assert verify_bundle(bundle) == []
    assert told.files == [(f.file, f.bytes) for f in tiny.manifest.all_files()]
    assert set(hub) == {f.file for f in tiny.manifest.all_files()} | {"manifest.json"}


def test_pull_of_what_is_not_there(hub: list[str]) -> None:
    with pytest.raises(BundleError, match=r"me/nothing: manifest\.json cannot be fetched \(404 Client Error"):
        pull_bundle("me/nothing", on_file=lambda *_: None)
    with pytest.raises(UsageError, match="owner/name"):
        pull_bundle("nothing", on_file=lambda *_: None)


def test_pull_without_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtra, match=r"pip install 'retouch\[hub\]'"):
        pull_bundle("me/tiny", on_file=lambda *_: None)


def test_pull_compares_hashes(hub: list[str], tiny: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = tmp_path / "bad"
    shutil.copytree(tiny.folder, bad)
    data = bytearray((bad / "unet.onnx").read_bytes())
    data[60] ^= 1
    (bad / "unet.onnx").write_bytes(data)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda repo, file, **_: str(bad / file))
    with pytest.raises(BundleError, match=r"unet\.onnx: damaged"):
        pull_bundle("me/tiny", on_file=lambda *_: None)
    assert "tiny" not in installed()


def test_open_bundle_costs_no_hashing(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retouch_models.bundle.file_digest", lambda *_: pytest.fail("it hashed the weights"))
    assert open_bundle(tiny_folder)
