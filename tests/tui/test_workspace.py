"""Laws of an editing session: taking results, the fix list, jobs, and coming back after a crash."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from retouch.errors import PictureError, UsageError
from retouch_tui.job import Event, Job, Tail
from retouch_tui.runner import ProcessRunner
from retouch_tui.session import SessionFolder, new_session, resumable
from retouch_tui.shapes import BrushShape
from retouch_tui.worker import Running
from retouch_tui.workspace import Workspace
from tui_support.engine import StandIn, seed_colour
from tui_support.pictures import landscape
from tui_support.runner import AtOnce


class Never:
    """A runner whose process died."""

    def submit(self, job: Job) -> None:
        job.report(Event(kind="queued"))

    def alive(self) -> bool:
        return False

    def close(self) -> None:
        return


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    space = Workspace(SessionFolder(tmp_path / "session"), AtOnce())
    space.open(landscape(), "/pictures/hill.png")
    return space


def mask(workspace: Workspace, left: int, top: int, right: int, bottom: int) -> None:
    """Mask one more rectangle."""
    grown = workspace.document.mask.copy()
    grown[top:bottom, left:right] = 255
    workspace.document.replace_mask(grown, "test", (*workspace.document.lines, f"+ rect {left},{top}"))


def finish(workspace: Workspace) -> list[Event]:
    """Take in everything the job said."""
    return [event for event, _ in workspace.progress()]


def test_each_candidate_has_its_own_seed_and_changes_the_masked_part_only(workspace: Workspace) -> None:
    mask(workspace, 10, 10, 30, 30)
    workspace.draft = replace(workspace.draft, candidates=3, seed_locked=True).with_request(seed=7)
    workspace.generate()
    assert finish(workspace)[-1].kind == "finished"
    entries = [e for e in workspace.history if e.kind == "candidate"]
    assert [e.seed for e in entries] == [7, 8, 9]
    for entry in entries:
        pixels = workspace.history.pictures.get(entry.key)
        outside = workspace.document.mask == 0
        np.testing.assert_array_equal(pixels[outside], workspace.document.picture[outside])
        assert tuple(pixels[20, 20]) == seed_colour(entry.seed or 0)


def test_taking_a_result_keeps_the_mask_and_loses_nothing_after_ten_rounds(workspace: Workspace) -> None:
    original = workspace.document.picture
    mask(workspace, 10, 10, 30, 30)
    for _ in range(10):
        workspace.generate()
        finish(workspace)
        before = workspace.document.mask.copy()
        workspace.take(next(reversed(workspace.history.entries)))
        np.testing.assert_array_equal(workspace.document.mask, before)
    outside = workspace.document.mask == 0
    np.testing.assert_array_equal(workspace.document.picture[outside], original[outside])
    assert len(workspace.history.line_of(workspace.history.base)) == 11


def test_taking_one_area_leaves_the_others_masked_and_unpainted(workspace: Workspace) -> None:
    original = workspace.document.picture
    mask(workspace, 5, 5, 20, 20)
    mask(workspace, 50, 30, 70, 50)
    workspace.generate()
    finish(workspace)
    workspace.take_area("1", (10.0, 10.0))
    picture, masked = workspace.document.picture, workspace.document.mask
    assert (picture[5:20, 5:20] != original[5:20, 5:20]).any()
    np.testing.assert_array_equal(picture[30:50, 50:70], original[30:50, 50:70])
    assert not masked[5:20, 5:20].any()
    assert masked[30:50, 50:70].all()
    with pytest.raises(UsageError, match="no mask here"):
        workspace.take_area("1", (10.0, 10.0))


def test_nothing_masked_is_refused_in_words(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="nothing is masked yet"):
        workspace.generate()


def test_a_second_run_waits_for_the_first(tmp_path: Path) -> None:
    workspace = Workspace(SessionFolder(tmp_path / "session"), Never())
    workspace.open(landscape(), "")
    mask(workspace, 5, 5, 20, 20)
    workspace.generate()
    with pytest.raises(UsageError, match="under way"):
        workspace.generate()


def test_a_worker_that_died_is_told_and_the_next_run_can_start(tmp_path: Path) -> None:
    workspace = Workspace(SessionFolder(tmp_path / "session"), Never())
    workspace.open(landscape(), "")
    mask(workspace, 5, 5, 20, 20)
    workspace.generate()
    events = finish(workspace)
    assert events[-1].kind == "failed"
    assert "worker.log" in events[-1].text
    assert not workspace.busy


@pytest.mark.parametrize(
    ("prompt", "words"), [("fail", "out of paint"), ("crash", "unexpected ZeroDivisionError")], ids=["error", "defect"]
)
def test_whatever_goes_wrong_is_told_and_nothing_is_lost(workspace: Workspace, prompt: str, words: str) -> None:
    mask(workspace, 5, 5, 20, 20)
    workspace.draft = workspace.draft.with_request(prompt=prompt)
    workspace.generate()
    last = finish(workspace)[-1]
    assert last.kind == "failed"
    assert words in last.text
    assert len(workspace.history) == 1
    assert workspace.document.mask.any()


def test_a_stopped_run_keeps_what_there_was(workspace: Workspace) -> None:
    class StopsAtTwo(AtOnce):
        def submit(self, job: Job) -> None:
            running = Running(job, StandIn())
            report = job.report

            def cancel_at_two(event: Event) -> None:
                report(event)
                if event.kind == "step" and event.step == 2:
                    job.cancel()

            object.__setattr__(job, "report", cancel_at_two)
            running.run()

    workspace.runner = StopsAtTwo()
    mask(workspace, 10, 10, 30, 30)
    workspace.generate()
    events = finish(workspace)
    assert events[-1].kind == "cancelled"
    assert max(e.step for e in events) == 2
    rough = [e for e in workspace.history if e.kind == "rough"]
    assert len(rough) == 1
    pixels = workspace.history.pictures.get(rough[0].key)
    outside = workspace.document.mask == 0
    np.testing.assert_array_equal(pixels[outside], workspace.document.picture[outside])
    assert tuple(pixels[20, 20]) == seed_colour(rough[0].seed or 0)


def test_the_fix_list_runs_in_order_each_with_its_prompt_on_the_result_before(workspace: Workspace) -> None:
    mask(workspace, 5, 5, 20, 20)
    mask(workspace, 50, 30, 70, 50)
    regions = workspace.fixes.add(workspace.document.mask, "", apart=True)
    assert [r.number for r in regions] == [1, 2]
    workspace.fixes.change(1, prompt="a bird")
    workspace.fixes.change(2, prompt="a tree", own=(("seed", 5),))
    while workspace.run_next_fix() is not None:
        finish(workspace)
        workspace.take(next(reversed(workspace.history.entries)))
    first, second = (workspace.history.entries[r.result] for r in workspace.fixes)
    assert (first.prompt, second.prompt, second.seed) == ("a bird", "a tree", 5)
    assert second.parent == first.key
    final = workspace.document.picture
    assert tuple(final[10, 10]) == seed_colour(first.seed or 0)
    assert tuple(final[40, 60]) == seed_colour(5)


def test_colour_strokes_guide_the_mask_and_leave_the_rest_alone(workspace: Workspace) -> None:
    original = workspace.document.picture
    mask(workspace, 10, 10, 30, 30)
    stroke = workspace.document.stroke("sketch", erase=False, colour=(255, 0, 0))
    stroke.draw(BrushShape(((5.0, 5.0), (60.0, 40.0)), 8))
    workspace.document.land(workspace.document.recording(stroke, "colour", "# colour #ff0000 brush 8 5,5 60,40"))
    job = workspace.generate()
    assert not (job.folder / "picture.npy").exists(), "a finished job keeps no inputs"
    finish(workspace)
    pixels = workspace.history.pictures.get("1")
    outside = workspace.document.mask == 0
    np.testing.assert_array_equal(pixels[outside], original[outside])


def test_flaws_move_with_the_picture_on_a_new_canvas_and_back(workspace: Workspace) -> None:
    mask(workspace, 5, 5, 20, 20)
    mask(workspace, 50, 30, 70, 50)
    workspace.fixes.add(workspace.document.mask, "", apart=True)
    before = [r.mask(64, 96) for r in workspace.fixes]
    smaller = workspace.document.picture[10:, :60]
    workspace.frame(smaller, np.zeros((54, 60), np.uint8), "canvas", "", (0, -10))
    for region, old in zip(workspace.fixes, before, strict=True):
        np.testing.assert_array_equal(region.mask(54, 60), old[10:, :60])
    workspace.document.undo()
    workspace.follow_size()
    assert workspace.history.base == "0"
    for region, old in zip(workspace.fixes, before, strict=True):
        np.testing.assert_array_equal(region.mask(64, 96), old)
    workspace.document.redo()
    workspace.follow_size()
    np.testing.assert_array_equal(workspace.fixes[1].mask(54, 60), before[0][10:, :60])


def test_a_failed_fix_is_marked_and_can_run_again(workspace: Workspace) -> None:
    mask(workspace, 5, 5, 20, 20)
    workspace.fixes.add(workspace.document.mask, "fail")
    workspace.run_next_fix()
    finish(workspace)
    assert workspace.fixes[1].state == "failed"
    assert "out of paint" in workspace.fixes[1].note
    workspace.fixes.change(1, prompt="a bird", state="waiting")
    workspace.run_next_fix()
    finish(workspace)
    assert workspace.fixes[1].state == "done"


def test_reused_options_make_the_same_picture_again(workspace: Workspace) -> None:
    mask(workspace, 5, 5, 20, 20)
    workspace.draft = workspace.draft.with_request(prompt="a bird", steps=3)
    workspace.generate()
    finish(workspace)
    first = workspace.history.pictures.get("1")
    workspace.draft = workspace.draft.with_request(prompt="something else", steps=9, seed=1)
    workspace.reuse("1")
    assert (workspace.draft.request.prompt, workspace.draft.request.steps) == ("a bird", 3)
    workspace.generate()
    finish(workspace)
    np.testing.assert_array_equal(workspace.history.pictures.get("2"), first)


def everything(workspace: Workspace) -> tuple[object, ...]:
    """What must come back."""
    document = workspace.document
    return (
        document.picture.tobytes(),
        document.mask.tobytes(),
        None if document.sketch is None else document.sketch.tobytes(),
        document.lines,
        workspace.draft,
        tuple(workspace.history),
        tuple(workspace.fixes),
        workspace.history.base,
        workspace.source,
    )


def test_a_session_comes_back_as_it_was(workspace: Workspace) -> None:
    mask(workspace, 5, 5, 20, 20)
    workspace.draft = workspace.draft.with_request(prompt="a bird, “quoted”", steps=3)
    workspace.generate()
    finish(workspace)
    workspace.take("1")
    workspace.fixes.add(workspace.document.mask, "a tree")
    workspace.document.stroke("sketch", erase=False)
    workspace.write_pictures()
    workspace.session.save(workspace.saved())
    again = Workspace(workspace.session, AtOnce())
    assert again.resume() == 0
    assert everything(again) == everything(workspace)


def test_a_save_cut_short_leaves_the_one_before(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    mask(workspace, 5, 5, 20, 20)
    workspace.write_pictures()
    workspace.session.save(workspace.saved())
    before = everything(workspace)
    mask(workspace, 30, 30, 60, 60)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("retouch_tui.session.json.dumps", killed)
        with pytest.raises(KeyboardInterrupt):
            workspace.session.save(workspace.saved())
    again = Workspace(workspace.session, AtOnce())
    again.resume()
    assert everything(again) == before


def test_results_that_came_while_nobody_looked_are_found(workspace: Workspace) -> None:
    mask(workspace, 5, 5, 20, 20)
    workspace.write_pictures()
    workspace.session.save(workspace.saved())
    workspace.generate()  # finished in its own process; this one never reads the progress
    again = Workspace(workspace.session, AtOnce())
    assert again.resume() == 1
    assert [e.kind for e in again.history] == ["original", "candidate"]
    again.session.save(again.saved())
    third = Workspace(workspace.session, AtOnce())
    assert third.resume() == 0, "the same result is not found twice"


def test_a_damaged_session_says_where_its_pictures_are(workspace: Workspace) -> None:
    workspace.session.save(workspace.saved())
    (workspace.session.folder / "session.json").write_text('{"version": 1', encoding="utf-8")
    with pytest.raises(PictureError, match="pictures"):
        Workspace(workspace.session, AtOnce()).resume()


def test_only_sessions_that_nobody_works_on_are_offered_the_latest_first(tmp_path: Path, workspace: Workspace) -> None:
    root = tmp_path / "state"
    sessions = [SessionFolder(root / "sessions" / name) for name in ("a", "b", "c")]
    for number, session in enumerate(sessions):
        session.save(workspace.saved())
        os.utime(session.folder / "session.json", (number, number))
    (sessions[2].folder / "owner").write_text(str(os.getppid()), encoding="ascii")
    (sessions[1].folder / "owner").write_text("999999999", encoding="ascii")
    assert [s.folder.name for s in resumable(root)] == ["b", "a"]
    assert new_session(root).folder.parent == root / "sessions"


def test_half_a_line_of_progress_waits_for_its_end(tmp_path: Path) -> None:
    job = Job(tmp_path)
    line = Event(kind="step", step=1, steps=4).to_line()
    path = tmp_path / "progress.jsonl"
    path.write_text(line + line[:9], encoding="utf-8")
    tail = Tail(job)
    assert [e.step for e in tail.events()] == [1]
    path.write_text(line + line, encoding="utf-8")
    assert [e.step for e in tail.events()] == [1]
    assert list(tail.events()) == []


def test_a_worker_of_its_own_finishes_the_job_after_its_ui_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tests = str(Path(__file__).parents[1])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([tests, os.environ.get("PYTHONPATH", "")]))
    runner = ProcessRunner("tui_support.engine:StandIn", tmp_path / "session" / "worker.log")
    workspace = Workspace(SessionFolder(tmp_path / "session"), runner)
    workspace.open(landscape(), "")
    mask(workspace, 5, 5, 20, 20)
    workspace.write_pictures()
    workspace.session.save(workspace.saved())
    workspace.generate()
    runner.close()  # what the end of the terminal does
    process = runner._process
    assert process is not None
    assert process.wait(timeout=30) == 0, (tmp_path / "session" / "worker.log").read_text(encoding="utf-8")
    again = Workspace(workspace.session, AtOnce())
    assert again.resume() == 1
