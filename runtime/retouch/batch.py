"""A folder of pictures, repainted one after another by one open model; one that fails does not stop the rest."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from retouch.errors import Cancelled, OutputError, PictureError, ProviderError, RetouchError
from retouch.mask_text import PICTURE_SUFFIXES, checked
from retouch.proof import Proof

REPORT = "report.jsonl"

State = Literal["done", "failed", "skipped"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """One picture of the folder."""

    picture: Path
    mask: str | None
    """Name of the mask file or the expression; None when the folder of masks has none for this picture."""
    outputs: tuple[Path, ...]
    """One per candidate."""

    @property
    def finished(self) -> bool:
        """Whether all its results are there; they are written whole, so what is there is complete."""
        return all(path.exists() for path in self.outputs)


@dataclass(frozen=True, kw_only=True)
class Made:
    """One candidate that was written."""

    output: str
    seed: int
    proof: Proof


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of the report."""

    picture: str
    state: State
    outputs: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    seconds: float = 0.0
    proofs: tuple[Proof, ...] = ()
    error: str | None = None
    exit: int = 0
    """Exit code that the error would have had alone."""

    def to_json(self) -> str:
        """One line."""
        data: dict[str, Any] = asdict(self)
        return json.dumps({key: value for key, value in data.items() if value not in (None, ())}, ensure_ascii=False)


Paint = Callable[[Job], Sequence[Made]]
"""Repaints one picture and writes its outputs."""


def jobs_of(pictures: Path, masks: str, output: Path, count: int = 1) -> tuple[Job, ...]:
    """Pair the pictures of a folder with masks: a folder of files with the same stems, one file, or an expression.

    PictureError when there are no pictures, UsageError for a mask expression that cannot be read.
    """
    if not pictures.is_dir():
        raise PictureError(f"{pictures} is no folder; name the folder with the pictures")
    found = _pictures_in(pictures)
    if not found:
        raise PictureError(f"{pictures} has no pictures ({', '.join(PICTURE_SUFFIXES)}); name another folder")
    folder = Path(masks) if len(masks) < 1024 and "\n" not in masks and Path(masks).is_dir() else None
    by_stem: dict[str, list[Path]] = {}
    for path in [] if folder is None else _pictures_in(folder):
        by_stem.setdefault(path.stem, []).append(path)
    if folder is None and not (len(masks) < 1024 and Path(masks).is_file()):
        masks = checked(masks)
    stems = [path.stem for path in found]
    jobs = []
    for path in found:
        stem = path.stem if stems.count(path.stem) == 1 else path.name
        mask = masks if folder is None else _mask_of(path, by_stem.get(path.stem, []))
        jobs.append(Job(picture=path, mask=mask, outputs=_outputs(output, stem, count)))
    return tuple(jobs)


def run_batch(jobs: Sequence[Job], paint: Paint, *, again: bool = False) -> Iterator[Entry]:
    """Do the jobs in their order and say what became of each; finished ones are skipped unless `again`.

    What would fail for every picture (no device, no place to write) is raised, and so is Cancelled.
    """
    for job in jobs:
        name = job.picture.name
        if job.finished and not again:
            yield Entry(picture=name, state="skipped", outputs=tuple(map(str, job.outputs)))
            continue
        start = time.monotonic()
        try:
            if job.mask is None:
                raise PictureError(f"no mask for {name}: the folder of masks needs a file {job.picture.stem}.png")
            made = paint(job)
        except (Cancelled, OutputError, ProviderError):
            raise
        except RetouchError as error:
            text = " ".join(str(error).split())
            spent = round(time.monotonic() - start, 3)
            yield Entry(picture=name, state="failed", error=text, exit=error.exit_code, seconds=spent)
            continue
        yield Entry(
            picture=name,
            state="done",
            outputs=tuple(one.output for one in made),
            seeds=tuple(one.seed for one in made),
            seconds=round(time.monotonic() - start, 3),
            proofs=tuple(one.proof for one in made),
        )


def append_line(report: Path, entry: Entry) -> None:
    """Add a line to the report; OutputError when it cannot be written."""
    try:
        with report.open("a", encoding="utf-8") as stream:
            stream.write(entry.to_json() + "\n")
    except OSError as problem:
        raise OutputError(f"cannot write the report {report}: {problem.strerror}; choose another --output") from None


def _pictures_in(folder: Path) -> list[Path]:
    try:
        return sorted(p for p in folder.iterdir() if p.suffix.lower() in PICTURE_SUFFIXES and p.is_file())
    except OSError as problem:
        raise PictureError(f"the folder {folder} cannot be read: {problem.strerror}; change its permissions") from None


def _mask_of(picture: Path, candidates: list[Path]) -> str | None:
    """The mask file of a picture: of several with its stem the one with its extension, else the first."""
    same = [path for path in candidates if path.suffix.lower() == picture.suffix.lower()]
    best = (same or candidates)[:1]
    return str(best[0]) if best else None


def _outputs(folder: Path, stem: str, count: int) -> tuple[Path, ...]:
    if count == 1:
        return (folder / f"{stem}.png",)
    return tuple(folder / f"{stem}-{number}.png" for number in range(1, count + 1))
