"""`retouch img2img`: repaint a whole picture, keeping its structure."""

import argparse

from retouch.commands._options import add_engine_options, add_output_options, add_prompt_options, add_sampling_options
from retouch.commands._strokes import add_stroke_options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("picture", metavar="PICTURE", help="any picture of any size; - is standard input")
    add_prompt_options(parser)
    add_engine_options(parser)
    add_sampling_options(parser)
    add_stroke_options(parser)
    add_output_options(parser)
    parser.add_argument("--recipe", metavar="FILE", help="take prompt and options from a picture made earlier")


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit code."""
    from retouch.commands._run import read_picture
    from retouch.commands._whole import Job, run_job
    from retouch.whole_picture import STRENGTH

    return run_job(args, Job("img2img", read_picture(args.picture), args.picture, default_strength=STRENGTH))
