"""Folders of pictures: which mask belongs to which, what is skipped, and that a failure stays alone."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retouch.batch import Entry, Job, Made, append_line, jobs_of, run_batch
from retouch.errors import Cancelled, GenerationError, OutputError, PictureError, ProviderError, UsageError
from retouch.proof import Proof

PROOF = Proof(bytes_changed_outside=0, seam_before=1.0, seam_after=0.5, drift_db=None, blend="hard")


def touch(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(folder / name)
    return folder


def painted(job: Job) -> list[Made]:
    for path in job.outputs:
        path.write_bytes(b"picture")
    return [Made(output=str(path), seed=i, proof=PROOF) for i, path in enumerate(job.outputs)]


def test_masks_are_found_by_the_stem_of_the_name(tmp_path: Path) -> None:
    photos = touch(tmp_path / "in", "b.jpg", "a.png", "c.PNG")
    (photos / "notes.txt").write_text("not a picture")
    masks = touch(tmp_path / "masks", "a.png", "b.png", "b.jpg")
    jobs = jobs_of(photos, str(masks), tmp_path / "out")
    assert [j.picture.name for j in jobs] == ["a.png", "b.jpg", "c.PNG"]
    assert [j.mask and Path(j.mask).name for j in jobs] == ["a.png", "b.jpg", None]
    assert [j.outputs[0].name for j in jobs] == ["a.png", "b.png", "c.png"]


def test_pictures_of_one_stem_do_not_overwrite_each_other(tmp_path: Path) -> None:
    photos = touch(tmp_path / "in", "a.jpg", "a.png")
    jobs = jobs_of(photos, "all", tmp_path / "out", count=2)
    outputs = [path.name for job in jobs for path in job.outputs]
    assert outputs == ["a.jpg-1.png", "a.jpg-2.png", "a.png-1.png", "a.png-2.png"]


def test_one_file_or_one_expression_serves_all(tmp_path: Path) -> None:
    photos = touch(tmp_path / "in", "a.png", "b.png")
    single = touch(tmp_path / "masks", "m.png") / "m.png"
    assert {job.mask for job in jobs_of(photos, str(single), tmp_path)} == {str(single)}
    assert {job.mask for job in jobs_of(photos, "rect 0,0 5x5|feather 2", tmp_path)} == {"rect 0,0 5x5 | feather 2 in"}


@pytest.mark.parametrize(
    ("folder", "masks", "kind"),
    [
        ("lost", "all", PictureError),
        ("empty", "all", PictureError),
        ("in", "rect 1", UsageError),
        ("in", "lost/", UsageError),
    ],
)
def test_what_cannot_work_for_any_picture_is_refused_at_once(
    folder: str, masks: str, kind: type[Exception], tmp_path: Path
) -> None:
    touch(tmp_path / "in", "a.png")
    (tmp_path / "empty").mkdir()
    with pytest.raises(kind):
        jobs_of(tmp_path / folder, masks, tmp_path / "out")


def test_a_failure_stays_alone_and_finished_ones_are_skipped(tmp_path: Path) -> None:
    jobs = jobs_of(touch(tmp_path / "in", "a.png", "b.png", "c.png"), "all", tmp_path)
    calls: list[str] = []

    def paint(job: Job) -> list[Made]:
        calls.append(job.picture.name)
        if job.picture.name == "b.png" and calls.count("b.png") == 1:
            raise GenerationError("it broke\nin the middle")
        return painted(job)

    first = list(run_batch(jobs, paint))
    assert [e.state for e in first] == ["done", "failed", "done"]
    assert (first[1].error, first[1].exit) == ("it broke in the middle", 7)
    second = list(run_batch(jobs, paint))
    assert [e.state for e in second] == ["skipped", "done", "skipped"]
    assert calls == ["a.png", "b.png", "c.png", "b.png"]
    assert [e.state for e in run_batch(jobs, paint, again=True)] == ["done"] * 3


def test_half_of_the_candidates_is_not_finished(tmp_path: Path) -> None:
    (job,) = jobs_of(touch(tmp_path / "in", "a.png"), "all", tmp_path, count=2)
    job.outputs[0].write_bytes(b"one")
    assert [e.state for e in run_batch([job], painted)] == ["done"]


def test_a_picture_without_a_mask_fails_with_the_name_it_needs(tmp_path: Path) -> None:
    jobs = jobs_of(touch(tmp_path / "in", "a.png"), str(touch(tmp_path / "masks", "b.png")), tmp_path / "out")
    (entry,) = run_batch(jobs, painted)
    assert entry.state == "failed"
    assert "a.png" in str(entry.error)
    assert entry.exit == 3


@pytest.mark.parametrize(
    "error", [Cancelled(), OutputError("full"), ProviderError("no device")], ids=lambda e: type(e).__name__
)
def test_what_stops_all_of_it_is_raised(error: Exception, tmp_path: Path) -> None:
    jobs = jobs_of(touch(tmp_path / "in", "a.png", "b.png"), "all", tmp_path)

    def paint(job: Job) -> list[Made]:
        raise error

    with pytest.raises(type(error)):
        list(run_batch(jobs, paint))


def test_the_report_is_one_json_object_a_line(tmp_path: Path) -> None:
    report = tmp_path / "report.jsonl"
    append_line(report, Entry(picture="ä.png", state="done", outputs=("ä.png",), seeds=(3,), proofs=(PROOF,)))
    append_line(report, Entry(picture="b.png", state="failed", error="two\nlines", exit=3))
    lines = [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines()]
    assert [line["picture"] for line in lines] == ["ä.png", "b.png"]
    assert lines[0]["proofs"][0]["bytes_changed_outside"] == 0
    assert "error" not in lines[0]
    with pytest.raises(OutputError):
        append_line(tmp_path / "lost" / "report.jsonl", Entry(picture="a", state="done"))
