"""Draw the sample picture and its mask: `python make.py` writes picture.png and mask.png beside itself.

A meadow under a blue sky, with a dark smear where something should be; drawn from shapes, so it has no other author.
"""

import math
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

WIDTH, HEIGHT, FINE = 768, 512, 4
SKY_TOP, SKY_LOW = (86, 158, 232), (206, 232, 250)
FAR, MIDDLE, NEAR = (120, 186, 120), (86, 164, 92), (62, 140, 78)

Points = list[tuple[float, float]]


def main() -> None:
    """Draw both at four times the size and shrink them."""
    folder = Path(__file__).parent
    scene().save(folder / "picture.png", optimize=True)
    smear_shape(0.0).save(folder / "mask.png", optimize=True)


def scene() -> Image.Image:
    """The whole picture, RGB."""
    image = sky()
    draw = ImageDraw.Draw(image)
    ellipse(draw, 668, 82, 44, 44, (252, 222, 92))
    for x, y, r in ((120, 92, 30), (152, 78, 38), (192, 92, 30), (470, 60, 22), (494, 50, 28), (524, 62, 22)):
        ellipse(draw, x, y, r, r * 0.8, (250, 252, 255))
    draw.polygon(hill(300, 34, 1.3, 0.4), fill=FAR)
    draw.polygon(hill(352, 26, 1.9, 2.0), fill=MIDDLE)
    house(draw)
    tree(draw)
    draw.polygon(hill(424, 16, 1.1, 4.1), fill=NEAR)
    small = image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    smear = Image.new("RGB", small.size, (58, 52, 60))
    return Image.composite(smear, small, smear_shape(-10.0))


def sky() -> Image.Image:
    """A vertical gradient at the fine size."""
    t = np.linspace(0, 1, HEIGHT * FINE)[:, None, None]
    rows = np.array(SKY_TOP) * (1 - t) + np.array(SKY_LOW) * t
    return Image.fromarray(np.repeat(np.rint(rows).astype(np.uint8), WIDTH * FINE, axis=1))


def hill(base: float, rise: float, waves: float, shift: float) -> Points:
    """The outline of a hill, down to the lower edge, at the fine size."""
    xs = range(0, WIDTH + 1, 4)
    top = [(x * FINE, (base - rise * math.sin(shift + x / WIDTH * waves * 2 * math.pi)) * FINE) for x in xs]
    return [*top, (WIDTH * FINE, HEIGHT * FINE), (0, HEIGHT * FINE)]


def house(draw: ImageDraw.ImageDraw) -> None:
    """A house on the left."""
    box(draw, 92, 286, 208, 384, (246, 232, 208))
    draw.polygon([(x * FINE, y * FINE) for x, y in ((76, 290), (150, 228), (224, 290))], fill=(204, 74, 62))
    box(draw, 136, 328, 166, 384, (132, 88, 60))
    box(draw, 102, 306, 128, 330, (140, 196, 236))
    box(draw, 174, 306, 200, 330, (140, 196, 236))


def tree(draw: ImageDraw.ImageDraw) -> None:
    """A tree on the right."""
    box(draw, 640, 316, 660, 404, (124, 84, 54))
    for x, y, r in ((650, 276, 48), (620, 306, 36), (680, 306, 36)):
        ellipse(draw, x, y, r, r, (58, 146, 70))


def smear_shape(grow: float) -> Image.Image:
    """The smear as a mask, white on black, its radius changed by `grow` px."""
    image = Image.new("L", (WIDTH * FINE, HEIGHT * FINE))
    draw = ImageDraw.Draw(image)
    points = []
    for i in range(120):
        a = 2 * math.pi * i / 120
        radius = 78 + grow + 7 * math.sin(3 * a + 0.6) + 5 * math.sin(5 * a + 2.1)
        points.append(((416 + radius * math.cos(a)) * FINE, (318 + radius * math.sin(a)) * FINE))
    draw.polygon(points, fill=255)
    small = image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    return small.point(lambda v: 255 if v >= 128 else 0) if grow == 0 else small.filter(ImageFilter.GaussianBlur(1))


def ellipse(draw: ImageDraw.ImageDraw, x: float, y: float, rx: float, ry: float, colour: tuple[int, int, int]) -> None:
    """A filled ellipse around a centre."""
    draw.ellipse([(x - rx) * FINE, (y - ry) * FINE, (x + rx) * FINE, (y + ry) * FINE], fill=colour)


def box(
    draw: ImageDraw.ImageDraw, left: float, top: float, right: float, low: float, colour: tuple[int, int, int]
) -> None:
    """A filled rectangle."""
    draw.rectangle([left * FINE, top * FINE, right * FINE, low * FINE], fill=colour)


if __name__ == "__main__":
    main()
