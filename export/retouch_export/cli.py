"""`retouch export SOURCE --output DIR`: the command, without torch until it runs."""

import argparse
import sys
from pathlib import Path

from retouch_models.errors import MissingExtra, RetouchError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("source", help="a folder in the layout of diffusers")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder of the new bundle")
    parser.add_argument("--name", help="name of the model (default: the name of the output folder)")
    parser.add_argument(
        "--precision", default="fp16", choices=("fp32", "fp16", "int8"), help="how weights are stored (default: fp16)"
    )
    parser.add_argument("--vae-precision", choices=("fp32", "fp16", "int8"), help="the same for the VAE alone")
    parser.add_argument("--opset", type=int, default=17, help="ONNX operator set (default: 17)")
    parser.add_argument("--card", type=Path, metavar="FILE", help="JSON with title, description, licence, attribution")


def run(args: argparse.Namespace) -> int:
    """Export; prints the folder on stdout and the proof on stderr."""
    try:
        from retouch_export.description import Card, read_card
        from retouch_export.diffusers_folder import load_folder
        from retouch_export.exporting import ExportOptions, export_bundle
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("retouch_export", "retouch_models"):
            raise
        raise MissingExtra("exporting models", "export,cpu") from error
    options = ExportOptions(
        name=args.output.name if args.name is None else args.name,
        precision=args.precision,
        vae_precision=args.vae_precision,
        opset=args.opset,
        card=Card() if args.card is None else read_card(args.card),
    )
    export_bundle(load_folder(Path(args.source)), args.output, options, say)
    sys.stdout.write(f"{args.output}\n")
    return 0


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
