"""Judge a bundle: `python -m recipes.pocket.judge BUNDLE --output judge.json --sheet nouns.jpg`.

Everything goes through the runtime at the bundle's default settings, so what is judged is what ships.
"""

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from recipes.pocket import classifier
from recipes.pocket.collect import GENERATOR_STYLES
from recipes.pocket.contact_sheet import draw_sheet, nouns_of_sheet
from recipes.pocket.gallery import Gallery
from recipes.pocket.judge_scores import Scores, filling_scores, naming_scores, noun_of, outside_scores
from recipes.pocket.judge_tasks import ERASE_SCALE, ERASE_SEED, erasing, naming, outpainting
from recipes.pocket.real_scenes import real_scenes
from recipes.pocket.sprites import load_sprites, read_artwork
from recipes.pocket.train_judge import EYE, accuracy, judged_nouns
from retouch import Inpainter, open_bundle

SHARES = ("top", "better")
"""How the names of shares, 0..1, begin."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to judge and how long."""

    bundle: Path
    seeds: int
    fillings: int
    minutes: float
    threads: int
    cache: Path
    output: Path | None
    sheet: Path | None
    best_of: int | None


def main() -> None:
    """Judge, print the table, write the files."""
    parser = argparse.ArgumentParser(description="Judge a bundle of the pocket model.")
    parser.add_argument("bundle", type=Path, help="folder with manifest.json")
    parser.add_argument("--seeds", type=int, default=1, help="pictures of each noun")
    parser.add_argument("--fillings", type=int, default=40, help="pictures each to erase from and to continue")
    parser.add_argument("--minutes", type=float, default=60, help="stop painting after this time; what is there counts")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cache", type=Path, default=Path("build/pocket"))
    parser.add_argument("--output", type=Path, help="JSON file for all numbers")
    parser.add_argument("--sheet", type=Path, help="picture of 64 nouns")
    parser.add_argument(
        "--best-of", type=int, metavar="N", help="drafts of each noun; default: the bundle's own number"
    )
    options = Options(**vars(parser.parse_args()))
    torch.set_num_threads(options.threads)
    table, ranks = judge(options)
    print(as_text(table))  # noqa: T201
    if options.output is not None:
        stored = {"bundle": open_bundle(options.bundle).digest, "scores": table, "ranks": ranks}
        options.output.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def judge(options: Options) -> tuple[dict[str, Scores], dict[str, list[int]]]:
    """Scores by section, and the rank of the right noun in each picture, by noun."""
    words = judged_nouns(read_artwork("judge", with_shapes=False))
    eye = classifier.load(EYE, list(words))
    artwork = load_sprites("generator", options.cache, with_shapes=True)
    slugs = [slug for found in words.values() for slug in found]
    scenes = real_scenes(
        artwork.only(styles=GENERATOR_STYLES, slugs=slugs), options.fillings, seed=ERASE_SEED, scale=ERASE_SCALE
    )
    engine = Inpainter(open_bundle(options.bundle), provider="cpu", threads=options.threads)
    gallery = Gallery(engine, options.cache / "gallery", options.best_of)
    until = time.monotonic() + options.minutes * 60
    erased = list(gallery.paint(erasing(scenes), until))
    continued = list(gallery.paint(outpainting(options.fillings), until))
    named = list(gallery.paint(naming(list(words), options.seeds), until))
    engine.close()
    scores, ranks = naming_scores(named, list(words), eye)
    if options.sheet is not None:
        wanted = nouns_of_sheet(list(words))
        first = {noun_of(answer.task): answer for answer in reversed(named)}
        draw_sheet([first[noun] for noun in wanted if noun in first], options.sheet)
    table = {
        "judge on real scenes": accuracy(eye, words, options.cache),
        "naming": scores,
        "erasing": filling_scores(erased),
        "continuing": filling_scores(continued),
        "outside the mask": outside_scores([*erased, *continued, *named]),
    }
    return table, ranks


def as_text(table: dict[str, Scores]) -> str:
    """The table as Markdown."""
    lines = ["| section | measure | value |", "|---|---|---|"]
    lines += [
        f"| {section} | {name} | {_value(name, value)} |"
        for section, scores in table.items()
        for name, value in scores.items()
    ]
    return "\n".join(lines)


def _value(name: str, value: float) -> str:
    """A number with its unit: shares in percent, levels in dB, seams in ΔE, counts as they are."""
    if name.startswith(SHARES):
        return f"{100 * value:.1f} %"
    if name.endswith("_db"):
        return f"{value:.1f} dB"
    return f"{value:.2f} ΔE" if name.startswith("seam") else str(value)


if __name__ == "__main__":
    main()
