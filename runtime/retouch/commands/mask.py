"""`retouch mask`: make a mask file from a mask expression, or say what one will change."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from retouch_models.errors import UsageError
from retouch_models.store import DEFAULT

if TYPE_CHECKING:
    from retouch.arrays import Mask


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("picture", metavar="PICTURE", help="the picture that the mask is for; - is standard input")
    parser.add_argument("mask", metavar="EXPRESSION|FILE", help='as in "ellipse 120,80 40,30 | feather 6"')
    parser.add_argument("--invert-mask", action="store_true", help="mark what the mask leaves out")
    parser.add_argument("--fit-mask", action="store_true", help="resize a mask file that has another size")
    parser.add_argument("--show", action="store_true", help="print the area, the boxes and the cells that will change")
    parser.add_argument("--model", default=DEFAULT, metavar="NAME|DIR", help="with --show: the model that will work")
    parser.add_argument("--output", "-o", metavar="FILE", help="a grey picture, white = repaint; - is stdout")
    parser.add_argument("--force", action="store_true", help="replace an existing file")
    parser.add_argument("--json", action="store_true", help="the report as JSON")


def run(args: argparse.Namespace) -> int:
    """Write the mask, print the report; returns the exit code."""
    from retouch.commands._masks import mask_for
    from retouch.commands._run import check_outputs, read_picture
    from retouch.mask_file import save_mask

    if args.output is None and not args.show:
        raise UsageError("say where the mask goes with --output FILE, or ask for a report with --show")
    if args.output == "-" and args.show:
        raise UsageError("--show and --output - would mix on standard output; name a file")
    path = None if args.output in (None, "-") else Path(args.output)
    check_outputs([path], force=args.force)
    picture = read_picture(args.picture)
    mask, expression = mask_for(args.mask, picture, fit=args.fit_mask, invert=args.invert_mask)
    if args.show:
        _show(args, mask, expression)
    if path is not None:
        save_mask(path, mask, force=args.force)
        print(path, flush=True)  # noqa: T201
    elif args.output == "-":
        save_mask(sys.stdout.buffer, mask)
    return 0


def _show(args: argparse.Namespace, mask: "Mask", expression: str | None) -> None:
    from retouch.mask import describe
    from retouch.work_area import WorkArea, plan
    from retouch_models.store import find_bundle

    manifest = find_bundle(args.model).manifest
    report = describe(mask, plan(mask, WorkArea(), manifest.size), manifest.latent.factor)
    if args.json:
        data = {
            "expression": expression,
            "model": manifest.name,
            "size": list(report.size),
            "pixels": report.area_px,
            "percent": report.percent,
            "soft_pixels": report.soft_px,
            "box": list(report.box),
            "regions": [
                {"box": list(r.box), "crop": list(r.crop), "work": list(r.work), "cells": r.cells}
                for r in report.regions
            ],
        }
        print(json.dumps(data))  # noqa: T201
        return
    told = [] if expression is None else [f"expression: {expression}"]
    print("\n".join([*told, *report.lines()]))  # noqa: T201
