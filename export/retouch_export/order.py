"""From the words of the command line to a checkpoint and options."""

import argparse

from retouch_export.changes import change
from retouch_export.description import Card, read_card
from retouch_export.exporting import ExportOptions, export_bundle
from retouch_export.graph_export import Say
from retouch_export.sources import open_source
from retouch_export.static_shape import parse_sizes
from retouch_models.errors import UsageError

OPSETS = range(17, 21)
"""Below, LayerNormalization is missing; above, DirectML is."""


def carry_out(args: argparse.Namespace, say: Say) -> None:
    """Export what the arguments say; raises the errors of the command."""
    if args.opset not in OPSETS:
        raise UsageError(f"--opset {args.opset}: use one from {OPSETS[0]} to {OPSETS[-1]}")
    options = ExportOptions(
        name=args.output.name if args.name is None else args.name,
        precision=args.precision,
        vae_precision=args.vae_precision,
        opset=args.opset,
        sizes=parse_sizes(args.static),
        cuda_layout=args.cuda_layout,
        keep_failed=args.keep_failed,
        picture=not args.skip_picture,
        card=Card() if args.card is None else read_card(args.card),
    )
    with open_source(args.source, revision=args.revision, offline=args.offline) as checkpoint:
        changed = change(
            checkpoint,
            vae=args.vae,
            loras=args.lora,
            embeddings=args.embedding,
            prediction=args.prediction,
            preview_decoder=args.preview_decoder,
            ranker=args.ranker,
        )
        export_bundle(changed, args.output, options, say)
