"""`retouch export SOURCE --output DIR`: the command, without torch until it runs."""

import argparse
import os
import sys
import warnings
from pathlib import Path

from retouch_models.errors import MissingExtra, RetouchError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("source", help="a folder in the layout of diffusers, a .safetensors file or a Hub id")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder of the new bundle")
    parser.add_argument("--name", help="name of the model (default: the name of the output folder)")
    precisions = ("fp32", "fp16", "int8")
    parser.add_argument(
        "--precision", default="fp16", choices=precisions, help="how weights are stored (default: fp16)"
    )
    parser.add_argument("--vae-precision", choices=precisions, help="the same for the VAE alone")
    parser.add_argument("--vae", type=Path, metavar="FILE", help="weights of another VAE (.safetensors)")
    parser.add_argument(
        "--lora", action="append", default=[], metavar="FILE:WEIGHT", help="merge a LoRA; may be given several times"
    )
    parser.add_argument(
        "--embedding",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="add a textual inversion; its word is the name of the file; may be given several times",
    )
    parser.add_argument(
        "--prediction", choices=("epsilon", "v", "sample"), help="what the UNet predicts, where the files do not say it"
    )
    parser.add_argument("--revision", help="branch, tag or commit of a Hub id")
    parser.add_argument("--offline", action="store_true", help="use only what was fetched from the Hub before")
    parser.add_argument("--opset", type=int, default=17, help="ONNX operator set (default: 17)")
    parser.add_argument(
        "--static",
        action="append",
        default=[],
        metavar="WxH",
        help="work at this size only, for DirectML and NPUs; may be given several times",
    )
    parser.add_argument(
        "--cuda-layout",
        choices=("graph", "provider"),
        default="graph",
        help="who gives convolutions channels last on CUDA: the graph (default), or ONNX Runtime when it opens it",
    )
    parser.add_argument("--preview-decoder", type=Path, metavar="FILE", help="weights of a tiny decoder (TAESD)")
    parser.add_argument(
        "--ranker",
        type=Path,
        metavar="FOLDER",
        help="a CLIP model as transformers saves it; with it the bundle can choose the best of several drafts",
    )
    parser.add_argument("--card", type=Path, metavar="FILE", help="JSON with title, description, licence, attribution")
    parser.add_argument("--keep-failed", action="store_true", help="keep a bundle that failed its proof, for study")
    parser.add_argument("--skip-picture", action="store_true", help="do not compare a whole picture with diffusers")


def run(args: argparse.Namespace) -> int:
    """Export; prints the folder on stdout and the proof on stderr."""
    _calm()
    try:
        from retouch_export.order import carry_out
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("retouch_export", "retouch_models", "retouch"):
            raise
        raise MissingExtra("exporting models", "export,cpu") from error
    carry_out(args, say)
    sys.stdout.write(f"{args.output}\n")
    return 0


def _calm() -> None:
    """Keep the libraries' notices out of the report; they read these when they are imported."""
    warnings.simplefilter("ignore")
    for name in ("DIFFUSERS_VERBOSITY", "TRANSFORMERS_VERBOSITY"):
        os.environ.setdefault(name, "error")


def say(line: str) -> None:
    """Write a line of the report to stderr."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def main(argv: list[str] | None = None) -> int:
    """Run the command on its own; returns the exit code."""
    parser = argparse.ArgumentParser(prog="retouch export", description=__doc__)
    add_arguments(parser)
    try:
        return run(parser.parse_args(argv))
    except RetouchError as error:
        say(f"retouch export: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        say("retouch export: cancelled")
        return 130
