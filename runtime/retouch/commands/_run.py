"""Run a request on a picture for one or more candidates, and write what comes out."""

import argparse
import secrets
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from retouch.commands._options import require_positive
from retouch.commands._progress import Narrator
from retouch_models.errors import UsageError

if TYPE_CHECKING:
    from retouch.arrays import Mask
    from retouch.edit import Edit
    from retouch.picture import Picture
    from retouch.pipeline import Inpainter
    from retouch.request import InpaintRequest
    from retouch.result import InpaintResult
    from retouch.strokes import Layer

LARGEST_RANDOM_SEED = 2**32
MOST_CANDIDATES = 1000


def drawn_seed() -> int:
    """Draw a seed that is short enough to type."""
    return secrets.randbelow(LARGEST_RANDOM_SEED)


def read_picture(name: str, *, frame: int | None = None, max_megapixels: float | None = None) -> "Picture":
    """Read the input; `-` is standard input."""
    from retouch.image_io import LARGEST_MEGAPIXELS, load_picture

    limit = LARGEST_MEGAPIXELS if max_megapixels is None else max_megapixels
    return load_picture(sys.stdin.buffer if name == "-" else Path(name), frame=frame, max_megapixels=limit)


def output_paths(output: str | None, source: str, count: int) -> list[Path | None]:
    """Where each candidate goes; None is standard output. Several get -1, -2, ... before the extension."""
    if output == "-":
        if count != 1:
            raise UsageError("--output - takes one candidate; leave --count out or name a file")
        return [None]
    if output is None:
        stem = "picture" if source == "-" else Path(source).stem
        output = f"{stem}-retouched.png"
    path = Path(output)
    if count == 1:
        return [path]
    return [path.with_name(f"{path.stem}-{number}{path.suffix}") for number in range(1, count + 1)]


def check_outputs(paths: list[Path | None], *, force: bool) -> None:
    """Refuse a place that cannot be written before anything is generated."""
    from retouch.image_io import ensure_writable

    for path in paths:
        if path is not None:
            ensure_writable(path, force)


def open_engine(args: argparse.Namespace) -> "Inpainter":
    """Open the model on its device."""
    from retouch.pipeline import Inpainter
    from retouch_models.store import find_bundle

    if args.threads is not None:
        require_positive("threads", args.threads, 1024)
    limit = args.memory_limit
    if limit is not None and not 0.1 <= limit <= 1e6:
        raise UsageError(f"--memory-limit must be from 0.1 to 1000000 GB, not {limit:g}")
    return Inpainter(
        find_bundle(args.model),
        provider=args.provider,
        threads=args.threads,
        memory=args.memory,
        memory_limit=None if limit is None else limit * 1e9,
    )


def with_drafts(request: "InpaintRequest", args: argparse.Namespace, engine: "Inpainter") -> "InpaintRequest":
    """Let the best of several drafts be painted where the model can tell and nobody says otherwise."""
    from retouch.best_of import usual

    if args.best_of is not None:
        return request
    seeded = args.seed is not None or getattr(args, "recipe", None) is not None
    return replace(request, best_of=usual(engine.manifest, seeded=seeded, count=args.count))


def run_candidates(
    engine: "Inpainter",
    picture: "Picture",
    mask: "Mask",
    request: "InpaintRequest",
    paths: list[Path | None],
    narrator: Narrator,
    texts: "Callable[[Edit], dict[str, str]]",
    *,
    force: bool,
    strokes: "Layer | None" = None,
) -> None:
    """Generate one candidate per path, with seeds counted up from the request's, and print the paths to stdout.

    No draft of one candidate has the seed of another's.
    """
    from retouch.edit import repaint

    def paint(one: "InpaintRequest") -> "Edit":
        return repaint(engine, picture, mask, one, narrator, strokes=strokes)

    write_candidates(paint, request, paths, narrator, texts, force=force)


def write_candidates(
    paint: "Callable[[InpaintRequest], Edit]",
    request: "InpaintRequest",
    paths: list[Path | None],
    narrator: Narrator,
    texts: "Callable[[Edit], dict[str, str]]",
    *,
    force: bool,
) -> None:
    """Paint, save and print one candidate per path; see `run_candidates`."""
    from retouch.image_io import save_picture

    told = set[str]()
    for offset, path in enumerate(paths):
        narrator.begin()
        one = replace(request, seed=(request.seed + offset * request.best_of) % 2**64)
        edit = paint(one)
        result = edit.result
        for note in result.notes:
            if note not in told:
                narrator.note(note)
        told.update(result.notes)
        done = edit.picture
        notes = save_picture(
            sys.stdout.buffer if path is None else path,
            done.pixels,
            like=done,
            alpha=done.alpha,
            text=texts(edit),
            force=force,
        )
        for note in notes:
            narrator.note(note)
        _tell(narrator, path, result)


def _tell(narrator: Narrator, path: Path | None, result: "InpaintResult") -> None:
    """Narrate the proof on stderr, print the path to stdout."""
    proof = result.proof
    narrator.finish(
        "-" if path is None else str(path),
        seed=result.request.seed,
        bytes_changed_outside=proof.bytes_changed_outside,
        seam=f"{proof.seam_before:.1f} -> {proof.seam_after:.1f}",
        blend=proof.blend,
        drift_outside="identical" if proof.drift_db is None else f"{proof.drift_db:.1f} dB",
        device=result.provider,
    )
    if path is not None:
        print(path, flush=True)  # noqa: T201
