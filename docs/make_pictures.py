"""Make the pictures of the README with the bundled model: `python docs/make_pictures.py` (about a minute on 2 cores).

Ten tasks; nothing is picked, every seed is written below. Each strip shows the picture with the
mask tinted blue, and the result.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from retouch import Inpainter, InpaintRequest, find_bundle
from retouch.arrays import RGB, Mask
from retouch.geometry import Size
from retouch.mask import MaskSource, parse, render

HERE = Path(__file__).parent
SAMPLE = HERE.parent / "models" / "retouch_models" / "sample"
BLUE = np.array([40, 110, 255])


@dataclass(frozen=True)
class Task:
    """One picture of the gallery."""

    name: str
    scene: str
    mask: str
    prompt: str
    seed: int


TASKS = (
    Task("heart", "meadow", 'file "mask.png"', "a red heart", 2),
    Task("mushroom", "meadow", 'file "mask.png"', "a mushroom", 3),
    Task("star", "meadow", 'file "mask.png"', "a yellow star", 1),
    Task("removed", "meadow", 'file "mask.png"', "", 4),
    Task("tree-removed", "meadow", "rect 566,212 170x206", "", 7),
    Task("tree-completed", "meadow", "rect 654,216 74x130", "a tree", 5),
    Task("sun-completed", "meadow", "rect 668,24 62x120", "a yellow circle", 3),
    Task("wide-balloon", "wide", "ellipse 860,300 170,190", "a red balloon", 6),
    Task("wide-removed", "wide", "rect 180,570 420x450", "", 1),
    Task("two-at-once", "meadow", "rect 20,400 96x96 + rect 640,20 100x130", "a flower", 2),
)


def main() -> None:
    """Write every result to `out/pictures` and the README's strips to docs/images."""
    folder = HERE.parent / "out" / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    engine = Inpainter(find_bundle("pocket"))
    strips: dict[str, Image.Image] = {}
    for task in TASKS:
        image = scene(task.scene)
        source = MaskSource(size=Size(image.shape[1], image.shape[0]), picture=image, folder=SAMPLE)
        mask = render(parse(task.mask), source)
        result = engine.run(image, mask, InpaintRequest(prompt=task.prompt, seed=task.seed))
        Image.fromarray(result.image).save(folder / f"{task.name}.png")
        strips[task.name] = strip(image, mask, result.image)
        strips[task.name].save(folder / f"{task.name}-strip.png")
        sys.stdout.write(f"{task.name}: {result.proof}\n")
    top = np.vstack([np.asarray(strips[name]) for name in ("heart", "removed", "sun-completed", "wide-balloon")])
    Image.fromarray(top).quantize(200, dither=Image.Dither.NONE).save(HERE / "images" / "readme.png", optimize=True)


def scene(name: str) -> RGB:
    """The sample picture, or the same 2000 pixels wide."""
    sample = Image.open(SAMPLE / "picture.png").convert("RGB")
    if name == "wide":
        sample = sample.resize((2000, 1333), Image.Resampling.LANCZOS)
    return np.asarray(sample)


def strip(image: RGB, mask: Mask, result: RGB, height: int = 256) -> Image.Image:
    """Tinted picture and result side by side, 384 px wide each."""
    alpha = 0.55 * mask[..., None]
    tinted = np.rint(image * (1 - alpha) + BLUE * alpha).astype(np.uint8)
    both = [Image.fromarray(a).resize((384, height), Image.Resampling.LANCZOS) for a in (tinted, result)]
    out = Image.new("RGB", (772, height + 4), "white")
    out.paste(both[0], (0, 0))
    out.paste(both[1], (388, 0))
    return out


if __name__ == "__main__":
    main()
