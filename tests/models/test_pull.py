"""Pulling models with the Hub's own client, from a server on this machine: resumed, checked, whole or not at all."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from retouch_models.bundle import file_spec, open_bundle, verify_bundle
from retouch_models.manifest import MANIFEST
from retouch_models.store import user_folder
from support import tiny_bundle
from support.hub_server import Hub, serve

pytest.importorskip("huggingface_hub")

COMMAND = "import sys; from retouch.cli import main; sys.exit(main(sys.argv[1:]))"
BIG = 48 * 2**20
"""More than the client keeps in memory before it writes."""


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    folder = tiny_bundle.build(tmp_path / "hub" / "tiny")
    with serve(folder) as served:
        yield served


@pytest.fixture
def with_big_file(hub: Hub) -> Hub:
    """The same model with a file that takes a while."""
    (hub.folder / "big.bin").write_bytes(bytes(range(256)) * (BIG // 256))
    manifest = open_bundle(hub.folder).manifest
    manifest = replace(manifest, files=(*manifest.files, file_spec(hub.folder, "big.bin")))
    (hub.folder / MANIFEST).write_text(manifest.to_json())
    return hub


def process(hub: Hub, *words: str, **environment: str) -> "subprocess.Popen[str]":
    """`retouch models pull` in a process of its own, whose Hub is the stand-in."""
    keep = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy") and not k.startswith("HF_")}
    home = {"HF_ENDPOINT": hub.url, "HF_HOME": str(hub.folder.parent / "cache"), "HF_HUB_DISABLE_XET": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, "models", "pull", *words],
        env=keep | home | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def pull(hub: Hub, *words: str, **environment: str) -> tuple[int, str, str]:
    """Run it to its end: code, stdout, and the last line of stderr."""
    running = process(hub, *words, **environment)
    out, err = running.communicate()
    assert "Traceback" not in err
    return running.returncode, out, err.strip().splitlines()[-1] if err.strip() else ""


def test_a_pulled_model_is_whole_and_fetched_once(hub: Hub) -> None:
    code, out, _ = pull(hub, "me/tiny")
    assert (code, out) == (0, f"{user_folder() / 'tiny'}\n")
    bundle = open_bundle(user_folder() / "tiny")
    assert verify_bundle(bundle) == []
    assert sorted(name for method, name, _ in hub.asked if method == "GET") == sorted(
        [MANIFEST, *(f.file for f in bundle.manifest.all_files())]
    )


def test_offline_uses_what_was_fetched_before(hub: Hub) -> None:
    assert pull(hub, "me/tiny", HF_HUB_OFFLINE="1")[0] == 5
    assert pull(hub, "me/tiny")[0] == 0
    asked = len(hub.asked)
    assert pull(hub, "me/tiny", "--force", HF_HUB_OFFLINE="1")[0] == 0
    assert len(hub.asked) == asked


def test_a_connection_that_breaks_is_taken_up_again(with_big_file: Hub) -> None:
    with_big_file.cut["big.bin"] = 1
    assert pull(with_big_file, "me/tiny")[0] == 0
    starts = with_big_file.downloads("big.bin")
    assert len(starts) == 2
    assert 0 < starts[1] < BIG  # in the middle of the file
    assert verify_bundle(open_bundle(user_folder() / "tiny")) == []


def test_a_killed_pull_goes_on_where_it_was(with_big_file: Hub) -> None:
    hub = with_big_file
    hub.hold = "big.bin"
    running = process(hub, "me/tiny")
    assert hub.held.wait(60)
    running.kill()
    running.communicate()
    hub.hold = ""
    hub.release.set()
    assert "tiny" not in {p.name for p in user_folder().iterdir()}
    before = len(hub.asked)
    assert pull(hub, "me/tiny")[0] == 0
    again = {name for method, name, _ in hub.asked[before:] if method == "GET"}
    assert again == {"big.bin"}  # what was whole is not fetched again
    assert verify_bundle(open_bundle(user_folder() / "tiny")) == []


def test_damage_on_the_way_is_fetched_anew(hub: Hub) -> None:
    hub.spoil["unet.onnx"] = 1
    assert pull(hub, "me/tiny")[0] == 0
    assert hub.downloads("unet.onnx") == [0, 0]
    assert verify_bundle(open_bundle(user_folder() / "tiny")) == []


def test_what_the_hub_has_damaged_is_not_installed(hub: Hub) -> None:
    hub.spoil["unet.onnx"] = 99
    code, out, told = pull(hub, "me/tiny")
    assert (code, out) == (5, "")
    assert "unet.onnx: damaged" in told
    assert list(user_folder().iterdir()) == []


@pytest.mark.parametrize("name", ["../../evil.onnx", "/etc/evil", "a\\..\\..\\evil"])
def test_a_manifest_that_reaches_outside_is_refused_before_anything_is_fetched(hub: Hub, name: str) -> None:
    data = json.loads((hub.folder / MANIFEST).read_text())
    data["files"][0]["file"] = name
    (hub.folder / MANIFEST).write_text(json.dumps(data))
    code, _, told = pull(hub, "me/tiny")
    assert code == 5
    assert "outside the bundle" in told
    assert {asked for _, asked, _ in hub.asked} == {MANIFEST}
    assert not user_folder().exists()


@pytest.mark.parametrize("name", ["../evil", "..", "a/b", ".hidden"])
def test_a_name_that_is_no_name_is_refused(hub: Hub, name: str) -> None:
    data = json.loads((hub.folder / MANIFEST).read_text()) | {"name": name}
    (hub.folder / MANIFEST).write_text(json.dumps(data))
    code, _, told = pull(hub, "me/tiny")
    assert code == 5
    assert "cannot be a folder name" in told
    assert not user_folder().exists()


def test_two_pulls_at_once_leave_one_whole_model(with_big_file: Hub) -> None:
    both = [process(with_big_file, "me/tiny") for _ in range(2)]
    ends = [(running.communicate()[1], running.returncode) for running in both]
    codes = sorted(code for _, code in ends)
    assert codes in ([0, 0], [0, 4]), ends  # the second finds it there, before its work or after
    assert verify_bundle(open_bundle(user_folder() / "tiny")) == []
    assert [p.name for p in user_folder().iterdir()] == ["tiny"]


def test_a_model_that_is_not_there_is_one_line(hub: Hub) -> None:
    code, out, told = pull(hub, "me/nothing")
    assert (code, out) == (5, "")
    assert told.startswith("retouch: me/nothing: manifest.json cannot be fetched (404")
