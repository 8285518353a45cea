"""Prints how near the small models come to diffusers in each precision: `python -m export_support.parity_table`.

Run it in the folder `tests`. One row per kind: PSNR of a whole picture in fp32, fp16 and int8. The graphs are proved on
the way; the largest relative error of those with exact weights stands below. KIND ... does some of them only.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from export_support.small_models import SMALL, build
from retouch_export.exporting import ExportOptions, export_bundle
from retouch_export.precision import PRECISIONS
from retouch_export.sources import open_source
from retouch_models.bundle import Bundle

EQUAL_DB = 99.0
"""What the export writes for equal pictures."""


def main(kinds: Sequence[str]) -> None:
    """Print the table as Markdown."""
    worst = 0.0
    write(f"| model | family | {' | '.join(PRECISIONS)} |", "|---|---|" + "---|" * len(PRECISIONS))
    for kind in kinds:
        bundles = list(exported(kind))
        cells = [decibels(bundle) for bundle in bundles]
        worst = max(worst, *(exact_error(bundle) for bundle in bundles))
        write(f"| {kind} | `{SMALL[kind].family}` | {' | '.join(cells)} |")
    write("", f"graphs with exact weights: within {worst:.1e} of PyTorch")


def exported(kind: str) -> Iterator[Bundle]:
    """The small model of that kind in every precision."""
    with tempfile.TemporaryDirectory() as holder:
        folder = build(kind, Path(holder) / "checkpoint")
        for precision in PRECISIONS:
            with open_source(str(folder)) as checkpoint:
                options = ExportOptions(name=kind, precision=precision)
                yield export_bundle(checkpoint, Path(holder) / precision, options, lambda _line: None)


def decibels(bundle: Bundle) -> str:
    """PSNR of the whole picture."""
    found = bundle.manifest.parity["picture"]["psnr_db"]
    return "equal" if found == EQUAL_DB else f"{found:.1f} dB"


def exact_error(bundle: Bundle) -> float:
    """Largest relative error of the graphs with exact weights."""
    return max(float(entry["graph"]["relative"]) for entry in bundle.manifest.parity["graphs"].values())


def write(*lines: str) -> None:
    """Write lines to stdout as they come."""
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", choices=[*SMALL, []], metavar="KIND", help=", ".join(SMALL))
    main(parser.parse_args().kinds or list(SMALL))
