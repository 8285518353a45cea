"""`retouch generate`: paint a new picture from a prompt."""

import argparse

from retouch.commands._options import add_engine_options, add_output_options, add_prompt_options, add_sampling_options
from retouch.commands._strokes import add_stroke_options
from retouch_models.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--size", metavar="WxH", help="size of the picture (default: the model's own)")
    add_prompt_options(parser)
    add_engine_options(parser)
    add_sampling_options(parser)
    add_stroke_options(parser)
    add_output_options(parser)
    parser.add_argument("--recipe", metavar="FILE", help="take prompt and options from a picture made earlier")


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit code."""
    from retouch.commands._whole import Job, run_job
    from retouch.geometry import Size
    from retouch.whole_picture import blank
    from retouch_models.store import find_bundle

    size = Size(*find_bundle(args.model).manifest.size.usual) if args.size is None else Size.parse(args.size)
    if (args.stroke or args.strokes) and args.strength is None:
        raise UsageError("strokes are seen below strength 1 alone; add --strength 0.8, or less to keep more of them")
    return run_job(args, Job("generate", blank(size), "picture.png", default_strength=1.0))
