"""`retouch canvas`: add or cut space on the sides of a picture, never rescaling a pixel."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from retouch.commands._options import whole
from retouch_models.errors import UsageError
from retouch_models.store import DEFAULT

if TYPE_CHECKING:
    from retouch.picture import Picture
    from retouch.resize import Canvas

SIDES = ("left", "top", "right", "bottom")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "action",
        choices=("resize", "crop"),
        help="resize: add empty space or cut some off; crop: to the closest valid size of a model",
    )
    parser.add_argument("picture", metavar="PICTURE", help="any picture of any size; - is standard input")
    group = parser.add_argument_group("resize")
    for side in SIDES:
        group.add_argument(f"--{side}", metavar="PX|%", help=f"add on the {side}, as in 128 or 25%%; =-32 cuts off")
    group.add_argument("--size", metavar="WxH", help="target size, in place of the sides")
    parser.add_argument(
        "--anchor", metavar="PLACE", help="what stays put: center, left, top-left, ... (default center)"
    )
    group = parser.add_argument_group("crop")
    group.add_argument("--model", default=DEFAULT, metavar="NAME|DIR", help="whose grid to crop to")
    group.add_argument("--multiple", type=whole, metavar="PX", help="a grid of your own, in place of a model's")
    group = parser.add_argument_group("output")
    group.add_argument("--output", "-o", metavar="FILE", help="PNG keeps the empty space transparent; - is stdout")
    group.add_argument("--force", action="store_true", help="replace an existing file")
    group.add_argument("--json", action="store_true", help="errors as JSON on stderr")


def run(args: argparse.Namespace) -> int:
    """Write the picture on its new canvas; returns the exit code."""
    from retouch.commands._run import check_outputs, read_picture
    from retouch.image_io import save_picture

    stem = "picture" if args.picture == "-" else Path(args.picture).stem
    output = args.output or f"{stem}-{'canvas' if args.action == 'resize' else 'crop'}.png"
    path = None if output == "-" else Path(output)
    change = _resized if args.action == "resize" else _cropped
    _check(args)
    check_outputs([path], force=args.force)
    picture = read_picture(args.picture)
    canvas = change(args, picture)
    opaque = bool((canvas.alpha == 255).all())
    notes = save_picture(
        sys.stdout.buffer if path is None else path,
        canvas.pixels,
        like=picture,
        alpha=None if opaque and picture.alpha is None else canvas.alpha,
        force=args.force,
    )
    for note in (*picture.notes, *notes):
        print(f"retouch: {note}", file=sys.stderr)  # noqa: T201
    height, width = canvas.pixels.shape[:2]
    print(f"{picture.size} -> {width}x{height}, the old picture at {canvas.old}", file=sys.stderr)  # noqa: T201
    if path is not None:
        print(path, flush=True)  # noqa: T201
    return 0


def _check(args: argparse.Namespace) -> None:
    """Refuse options of the other action, and a resize that says nothing or everything twice."""
    sides = [side for side in SIDES if getattr(args, side) is not None]
    if args.action == "crop":
        if sides or args.size is not None:
            raise UsageError("crop takes no sides and no --size; use: retouch canvas resize")
        return
    if args.multiple is not None:
        raise UsageError("--multiple is for: retouch canvas crop")
    if bool(sides) == (args.size is not None):
        raise UsageError("say the new canvas by its sides (--left 25% --right 128) or by --size WxH")
    if sides and args.anchor is not None:
        raise UsageError("--anchor goes with --size; the sides say where the picture stays")


def _resized(args: argparse.Namespace, picture: "Picture") -> "Canvas":
    from retouch.geometry import Size
    from retouch.resize import Margins, resize_canvas

    if args.size is not None:
        margins = Margins.to(picture.size, Size.parse(args.size), args.anchor or "center")
    else:
        margins = Margins.of(picture.size, **{side: getattr(args, side) or 0 for side in SIDES})
    return resize_canvas(picture.pixels, picture.alpha, margins)


def _cropped(args: argparse.Namespace, picture: "Picture") -> "Canvas":
    from retouch.resize import crop_to_grid
    from retouch_models.store import find_bundle

    if args.multiple is not None and args.multiple < 1:
        raise UsageError(f"--multiple must be at least 1, not {args.multiple}")
    multiple = find_bundle(args.model).manifest.size.multiple if args.multiple is None else args.multiple
    return crop_to_grid(picture.pixels, picture.alpha, multiple, args.anchor or "center")
