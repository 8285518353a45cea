"""Make the pictures and tables of docs/quality.md with the bundled model: `python docs/make_quality.py [PART ...]`.

Parts: content, blends, outpaint, fix, removal, strokes; all of them take some three minutes on 2 cores. Nothing is
picked: every seed stands below, and the first result is the one that is shown.
"""

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw

from retouch import Inpainter, InpaintRequest, Picture, find_bundle, vae
from retouch.arrays import RGB, Mask
from retouch.canvas import take
from retouch.content import CONTENT
from retouch.fix_list import parse_fix_list
from retouch.fix_run import FixRun
from retouch.geometry import Size
from retouch.joining import feather_px, join
from retouch.latent_content import LATENT_CONTENT
from retouch.latents import Canvas, Encoder, initial_latents, noise_stream
from retouch.mask import MaskSource, parse, render
from retouch.outpaint import outpaint
from retouch.recipe import Recipe
from retouch.recipe_text import recipe_texts
from retouch.resize import Margins
from retouch.strokes import layer_of, parse_stroke

HERE = Path(__file__).parent
IMAGES = HERE / "images" / "quality"
PAGE = HERE / "quality.md"
SAMPLE = HERE.parent / "models" / "retouch_models" / "sample"
BLUE = np.array([40, 110, 255])
LABEL_PX = 16
BLENDS = ("hard", "feather", "laplacian", "poisson", "auto")
FIX_LIST = """\
[[region]]
name = "the smear"
mask = "mask.png"
prompt = ""
seed = 1

[[region]]
name = "the small cloud"
mask = "ellipse 504,54 72,48"
prompt = "a yellow star"
strength = 0.95
seed = 1

[[region]]
name = "the tree"
mask = "rect 566,212 170x206"
prompt = "a red balloon"
count = 2
take = 2
seed = 1
"""


def main(parts: Sequence[str]) -> None:
    """Make the parts asked for, or all."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    engine = Inpainter(find_bundle("pocket"))
    for name, make in PARTS.items():
        if not parts or name in parts:
            make(engine)
            sys.stdout.write(f"{name} done\n")
    engine.close()


def content(engine: Inpainter) -> None:
    """Every masked content: what the run starts from, and the result at strength 0.7."""
    image = sample()
    mask = drawn('file "mask.png"', image)
    cells = []
    for name in (*CONTENT.names(), *LATENT_CONTENT.names()):
        request = InpaintRequest(prompt="a red heart", strength=0.7, seed=2, content=name).resolved(engine.manifest)
        (region,) = engine.plan(mask, request)
        spec = engine.manifest.latent
        canvas = Canvas.of(image, region, request, spec.factor)
        noise = noise_stream(request)
        noise((1, spec.channels, *canvas.cells.shape[2:]))  # the run's first draw is its starting noise
        start = initial_latents(canvas, Encoder(engine.graphs), request, noise)
        begun = vae.decode(engine.graphs["vae_decoder"], start, spec)
        result = engine.run(image, mask, request).image
        shown = take(result, region.placement.crop)
        cells.append(labelled(np.vstack([small(begun, 150), small(shown, 150)]), name))
    save("content", tiled(cells, 9))


def blends(engine: Inpainter) -> None:
    """Every blend on pictures that the model's autoencoder cannot hold, with seam scores."""
    table = ["| picture | drift | " + " | ".join(BLENDS) + " |", "|-|-|" + "-|" * len(BLENDS)]
    for name, image in textures().items():
        mask = drawn("ellipse 192,128 74,66", image)
        request = InpaintRequest(seed=3).resolved(engine.manifest)
        result = engine.run(image, mask, request)
        (region,) = result.regions
        where, factor = region.placement, engine.manifest.latent.factor
        crop = take(image, where.crop)
        cells, scores = [labelled(small(tinted(image, mask)[32:224, 64:320], 180), name)], []
        for blend in BLENDS:
            one = InpaintRequest(blend=blend)
            joined = join(crop, region.raw, region.mask, one, feather_px(one, where, factor))
            whole = image.copy()
            whole[where.crop.slices] = joined.pixels
            told = f"auto = {joined.proof.blend}" if blend == "auto" else blend
            cells.append(labelled(small(whole[32:224, 64:320], 180), f"{told} {joined.proof.seam_after:.1f}"))
            scores.append(f"{joined.proof.seam_after:.1f}" + (f" ({joined.proof.blend})" if blend == "auto" else ""))
        table.append(f"| {name} | {result.proof.drift_db:.1f} dB | " + " | ".join(scores) + " |")
        save(f"blends-{name.partition(' ')[0]}", np.hstack(padded(cells)))
    write_table("blends", table)


def outpainting(engine: Inpainter) -> None:
    """A picture that grows by half of its height, and by half of its width."""
    image = sample()
    size = Size(image.shape[1], image.shape[0])
    cells, lines = [], []
    for sides, strength, fill in (
        ({"top": "25%", "bottom": "25%"}, 0.8, "edge"),
        ({"right": "50%"}, 0.7, "telea"),
        ({"right": "50%"}, 1.0, "edge"),
    ):
        request = InpaintRequest(seed=1, blend="poisson", strength=strength)
        edit = outpaint(engine, Picture(pixels=image), Margins.of(size, **sides), request, fill=fill)
        grown = " ".join(f"--{side} {length}" for side, length in sides.items())
        name = f"{grown} --strength {strength:g} --content {fill}"
        cells.append(labelled(small(edit.picture.pixels, 240), name))
        lines.append(f"- `{name}`: {edit.picture.size} from {size}; {told(edit.result.proof)}.")
    save("outpaint", np.hstack(padded(cells)))
    write_table("outpaint", lines)


def fix(engine: Inpainter) -> None:
    """A fix list of three regions, each on the result of the one before."""
    image = sample()
    fixes = parse_fix_list(FIX_LIST, SAMPLE)
    marked = image
    for region in fixes.regions:
        text = 'file "mask.png"' if region.mask == "mask.png" else region.mask
        marked = tinted(marked, drawn(text, image))
    cells = [labelled(small(marked, 200), "the list")]
    with tempfile.TemporaryDirectory() as folder:
        run = FixRun(
            engine=engine,
            picture=Picture(pixels=image),
            fixes=fixes,
            folder=Path(folder) / "work",
            texts=lambda edit, *_: recipe_texts(Recipe(request=edit.result.request)),
        )

        def seen(candidate: object) -> None:
            if candidate.taken:  # type: ignore[attr-defined]
                pixels = np.asarray(Image.open(candidate.path).convert("RGB"))  # type: ignore[attr-defined]
                number = candidate.region.number  # type: ignore[attr-defined]
                cells.append(labelled(small(pixels, 200), f"after region {number}"))

        run.run(on_candidate=seen)
    save("fix-list", tiled(cells, 2))
    write_table("fix", ["```toml", FIX_LIST.strip(), "```"])


def removal(engine: Inpainter) -> None:
    """A thing is removed by an empty prompt."""
    image = sample()
    rows = []
    for text in ("ellipse 650,286 72,66 + rect 634,330 34x84 | expand 8", 'file "mask.png"'):
        mask = drawn(text, image)
        result = engine.run(image, mask, InpaintRequest(seed=1, blend="auto")).image
        rows.append(np.hstack([small(tinted(image, mask), 200), small(result, 200)]))
    save("removal", np.vstack(rows))


def strokes(engine: Inpainter) -> None:
    """Colour strokes in the mask, and what becomes of them."""
    image = sample()
    mask = drawn('file "mask.png"', image)
    typed = ("#f0b010 60 400,290 450,290", "#f0b010 46 425,330 426,330")
    layer = layer_of([parse_stroke(text) for text in typed], Size(image.shape[1], image.shape[0]))
    opacity = layer[..., 3:] / 255
    sketch = np.rint(image * (1 - opacity) + layer[..., :3] * opacity).astype(np.uint8)
    cells = [labelled(small(sketch, 200), "strokes")]
    for title, paint in (("without", None), ("with", layer)):
        request = InpaintRequest(prompt="a heart", strength=0.7, seed=2, content="telea")
        cells.append(labelled(small(engine.run(image, mask, request, strokes=paint).image, 200), title))
    save("strokes", tiled(cells, 3))


PARTS: dict[str, Callable[[Inpainter], None]] = {
    "content": content,
    "blends": blends,
    "outpaint": outpainting,
    "fix": fix,
    "removal": removal,
    "strokes": strokes,
}


def textures() -> dict[str, RGB]:
    """Five pictures of 384x256 like parts of photographs: grain, fine lines, noise; the model knows none of it."""
    rng = np.random.Generator(np.random.Philox(11))
    y, x = np.mgrid[0:256, 0:384].astype(np.float32)

    def noise(sigma: float, channels: int = 1) -> np.ndarray:
        raw = rng.standard_normal((256, 384, channels)).astype(np.float32)
        soft = cv2.GaussianBlur(raw, (0, 0), sigma).reshape(256, 384, channels) if sigma else raw
        return np.asarray(soft / soft.std())

    def colour(red: float, green: float, blue: float) -> np.ndarray:
        return np.array([red, green, blue], np.float32)

    waves = np.sin(y / 9 + 2.2 * noise(14)[..., 0] + x / 60)[..., None]
    rings = np.sin(np.hypot(x - 40, (y - 300) * 1.7) / 3 + 1.5 * noise(20)[..., 0])[..., None]
    dusk = colour(250, 170, 90) * (y / 255)[..., None] + colour(60, 70, 130) * (1 - y / 255)[..., None]
    made = {
        "dusk with grain": dusk + 7 * noise(0, 3),
        "sea": colour(60, 110, 130) + 14 * waves + 5 * noise(1.5) + colour(8, 12, 14) * noise(25),
        "stone": colour(140, 132, 122) + 12 * noise(3) + 6 * noise(1) + 8 * noise(40, 3),
        "wood": colour(150, 100, 60) + colour(16, 13, 9) * rings + 4 * noise(1),
        "grass": colour(80, 120, 50) + colour(16, 19, 10) * noise(1.6) + 9 * noise(30, 3),
    }
    return {name: np.rint(pixels).clip(0, 255).astype(np.uint8) for name, pixels in made.items()}


def sample() -> RGB:
    """The sample picture."""
    return np.asarray(Image.open(SAMPLE / "picture.png").convert("RGB"))


def drawn(text: str, image: RGB) -> Mask:
    """A mask for a picture."""
    return render(parse(text), MaskSource(size=Size(image.shape[1], image.shape[0]), picture=image, folder=SAMPLE))


def tinted(image: RGB, mask: Mask) -> RGB:
    """The picture under a blue mask."""
    alpha = 0.5 * mask[..., None]
    return np.rint(image * (1 - alpha) + BLUE * alpha).astype(np.uint8)


def small(image: RGB, height: int) -> RGB:
    """The picture at another height."""
    size = (round(image.shape[1] * height / image.shape[0]), height)
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))


def labelled(image: RGB, text: str) -> RGB:
    """The picture under a line of text."""
    strip = Image.new("RGB", (image.shape[1], LABEL_PX), "white")
    ImageDraw.Draw(strip).text((3, 2), text, fill="black")
    return np.vstack([np.asarray(strip), image])


def padded(cells: Sequence[RGB]) -> list[RGB]:
    """Pictures of one height, white space below the lower ones."""
    height = max(cell.shape[0] for cell in cells)
    return [np.pad(c, ((0, height - c.shape[0]), (0, 4), (0, 0)), constant_values=255) for c in cells]


def tiled(cells: Sequence[RGB], across: int) -> RGB:
    """Pictures of one size in rows."""
    return np.vstack([np.hstack(padded(cells[at : at + across])) for at in range(0, len(cells), across)])


def told(proof: object) -> str:
    """The figures of a proof."""
    changed, before, after = (getattr(proof, n) for n in ("bytes_changed_outside", "seam_before", "seam_after"))
    return f"bytes changed outside the overlap: {changed}, seam {before:.1f} before and {after:.1f} after blending"


def save(name: str, image: RGB) -> None:
    """A JPEG fine enough that no colour of the evidence moves."""
    Image.fromarray(image).save(IMAGES / f"{name}.jpg", quality=87, subsampling=0, optimize=True)


def write_table(name: str, lines: Sequence[str]) -> None:
    """Replace what stands between the marks of this name on the page."""
    text = PAGE.read_text(encoding="utf-8")
    start, end = f"<!-- {name} -->\n", f"<!-- end {name} -->"
    head, _, rest = text.partition(start)
    _, found, tail = rest.partition(end)
    if found:
        PAGE.write_text(head + start + "\n".join(lines) + "\n" + end + tail, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
