"""Collect the artwork: `python -m recipes.pocket.collect WORK` rewrites data/*.json.xz from the pinned packages.

The artwork of the generator and that of the judge go into different files: the judge's styles are never trained on.
Needs npm and the network; everything after this works from the files in data/.
"""

import argparse
import json
import lzma
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from recipes.pocket.concepts import Concept, concepts_of, popular
from recipes.pocket.packages import ARTWORK, KEYWORDS, NAMES, read_json

DATA = Path(__file__).parent / "data"
GENERATOR_STYLES = ("cartoon", "flat", "simple")
JUDGE_STYLES = ("glossy", "classic", "bright")


def main() -> None:
    """Fetch, choose, write."""
    parser = argparse.ArgumentParser(description="Rewrite data/*.json.xz from the pinned npm packages.")
    parser.add_argument("work", type=Path, help="folder for the tarballs")
    work: Path = parser.parse_args().work
    work.mkdir(parents=True, exist_ok=True)
    concepts = concepts_of(
        read_json(NAMES.fetch(work), "data-by-group.json"),
        read_json(KEYWORDS.fetch(work), "dist/emoji-en-US.json"),
    )
    icons = {style: read_json(package.fetch(work), "icons.json") for style, package in ARTWORK.items()}
    write(DATA / "generator.json.xz", {style: drawings(icons[style], concepts) for style in GENERATOR_STYLES}, concepts)
    everyday = {slug: concepts[slug] for slug in popular()}
    write(DATA / "judge.json.xz", {style: drawings(icons[style], everyday) for style in JUDGE_STYLES}, everyday)


def drawings(icons: dict[str, Any], slugs: Iterable[str]) -> dict[str, str]:
    """The SVG of each concept that an icon set draws, by slug."""
    found = {}
    for slug in slugs:
        name = slug if slug in icons["icons"] else icons.get("aliases", {}).get(slug, {}).get("parent")
        icon = icons["icons"].get(name)
        if icon is not None:
            left, top = icon.get("left", 0), icon.get("top", 0)
            width, height = (icon.get(side, icons.get(side, 16)) for side in ("width", "height"))
            found[slug] = (
                '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
                f'viewBox="{left} {top} {width} {height}">{icon["body"]}</svg>'
            )
    return found


def write(path: Path, artwork: dict[str, dict[str, str]], concepts: dict[str, Concept]) -> None:
    """Write artwork by style and slug with the words of its concepts; the same input gives the same bytes."""
    words = {slug: [concept.names, concept.keywords] for slug, concept in concepts.items()}
    text = json.dumps({"concepts": words, "artwork": artwork}, sort_keys=True, separators=(",", ":"))
    path.write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))


if __name__ == "__main__":
    main()
