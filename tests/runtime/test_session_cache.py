"""Laws of the cache of optimised graphs: same results, never in the way, safe between processes, bounded."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from retouch import session_cache
from retouch.providers import Device
from retouch.session import GraphSession
from retouch_models.bundle import Bundle


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache's folder; graphs of any size are kept."""
    monkeypatch.setenv("RETOUCH_CACHE", str(tmp_path / "graphs"))
    monkeypatch.setattr(session_cache, "SMALLEST", 0)
    return tmp_path / "graphs"


def decoded(bundle: Bundle) -> np.ndarray:
    """What a freshly opened decoder makes of fixed latents."""
    latents = np.random.default_rng(0).standard_normal((1, 4, 8, 8)).astype(np.float32)
    session = GraphSession(bundle, "vae_decoder", Device("cpu"), threads=1)
    try:
        return session({"latents": latents})[0]
    finally:
        session.close()


def entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.exists() else []


def test_the_second_opening_takes_the_kept_graph_and_gives_the_same_bytes(
    tiny: Bundle, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = decoded(tiny)
    assert len(entries(folder)) == 1

    def forbidden(*_: object) -> None:
        raise AssertionError("made again")

    monkeypatch.setattr(session_cache, "keep", forbidden)
    assert decoded(tiny).tobytes() == first.tobytes()
    monkeypatch.setenv("RETOUCH_CACHE", "off")
    monkeypatch.setattr(session_cache, "keep", lambda *_: None)
    assert decoded(tiny).tobytes() == first.tobytes()


def test_off_keeps_nothing(tiny: Bundle, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETOUCH_CACHE", "OFF")
    decoded(tiny)
    assert session_cache.cache_folder() is None
    assert not folder.exists()


def test_a_place_that_cannot_be_written_is_done_without(
    tiny: Bundle, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = decoded(tiny)
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("RETOUCH_CACHE", str(tmp_path / "file" / "graphs"))
    assert decoded(tiny).tobytes() == expected.tobytes()


def test_a_full_disk_leaves_nothing_behind(folder: Path) -> None:
    def full(graph: Path, weights: str) -> None:
        graph.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    assert session_cache.keep("a", full) is None
    assert entries(folder) == []


@pytest.mark.parametrize("harm", ["cut", "gone", "nonsense"])
def test_a_damaged_copy_is_made_again(tiny: Bundle, folder: Path, harm: str) -> None:
    expected = decoded(tiny)
    graph = entries(folder)[0] / session_cache.GRAPH
    if harm == "cut":
        graph.write_bytes(graph.read_bytes()[:-10])
    elif harm == "gone":
        graph.unlink()
    else:
        graph.write_bytes(bytes(graph.stat().st_size))  # the size is right, the content is not
    assert decoded(tiny).tobytes() == expected.tobytes()
    decoded(tiny)
    assert session_cache.find(entries(folder)[0].name) is not None


def test_the_key_changes_with_all_that_matters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = tmp_path / "a.onnx"
    graph.write_bytes(b"1")
    names = {session_cache.key(graph, "v1", "unet"), session_cache.key(graph, "v2", "unet")}
    os.utime(graph, (1, 1))
    names.add(session_cache.key(graph, "v1", "unet"))
    monkeypatch.setattr(session_cache, "processor", lambda: "another processor")
    names.add(session_cache.key(graph, "v1", "unet"))
    assert len(names) == 4
    assert session_cache.key(graph, "v1", "unet") in names


def test_cleaning_takes_the_old_then_the_least_used_and_spares_the_new(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = 86400.0
    ages = {"old": session_cache.OLDEST_DAYS + 1, "b": 9, "c": 5, "d": 1, ".new-crash": 2, ".new-now": 0, "spared": 99}
    for name, days in ages.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "graph.onnx").write_bytes(bytes(100))
        os.utime(folder / name, (1e9 - days * day, 1e9 - days * day))
    monkeypatch.setattr(session_cache, "MOST_BYTES", 400)
    session_cache.clean(folder, spare="spared", now=1e9)
    assert [p.name for p in entries(folder)] == [".new-now", "c", "d", "spared"]


def test_use_makes_a_graph_young_again(folder: Path) -> None:
    assert session_cache.keep("a", lambda graph, weights: graph.write_bytes(b"1")) is not None
    os.utime(folder / "a", (1, 1))
    assert session_cache.find("a") == folder / "a" / session_cache.GRAPH
    assert (folder / "a").stat().st_mtime > 1e9


def test_processes_that_start_at_once_agree(tiny_folder: Path, folder: Path) -> None:
    code = (
        "import sys, hashlib, numpy as np; from pathlib import Path; from retouch import session_cache\n"
        "session_cache.SMALLEST = 0\n"
        "from retouch.session import GraphSession; from retouch.providers import Device\n"
        "from retouch_models.bundle import open_bundle\n"
        "s = GraphSession(open_bundle(Path(sys.argv[1])), 'vae_decoder', Device('cpu'), threads=1)\n"
        "print(hashlib.sha256(s({'latents': np.ones((1, 4, 8, 8), np.float32)})[0].tobytes()).hexdigest())\n"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(tiny_folder)], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = [process.communicate()[0] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0]
    assert len(set(said)) == 1
    assert len(entries(folder)) == 1
    assert not [p for p in entries(folder) if p.name.startswith(".new-")]
