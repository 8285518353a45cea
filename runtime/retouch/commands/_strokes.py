"""Colour strokes in commands: `--stroke` is typed, `--strokes` is a transparent layer."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retouch.geometry import Size
    from retouch.strokes import Layer


def add_stroke_options(parser: argparse.ArgumentParser) -> None:
    """What to start from; needs a strength below 1."""
    group = parser.add_argument_group("colour strokes")
    group.add_argument(
        "--stroke",
        action="append",
        metavar='"#rrggbb WIDTH X,Y X,Y ..."',
        help="paint that the run starts from; any shape of the mask language may follow the colour; repeatable",
    )
    group.add_argument("--strokes", metavar="FILE", help="a transparent layer of such paint, of the picture's size")


def strokes_of(args: argparse.Namespace, size: "Size") -> "Layer | None":
    """Read and draw the strokes for a picture of this size; None without any."""
    if args.stroke is None and args.strokes is None:
        return None
    from retouch.strokes import layer_of, load_layer, parse_stroke

    under = None if args.strokes is None else load_layer(Path(args.strokes), size)
    return layer_of([parse_stroke(text) for text in args.stroke or ()], size, under)
