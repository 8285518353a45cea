"""The figures of `full_size.py` as a table."""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from peer_list import PEERS

Found = dict[str, Any]


def table(found: Sequence[Found], bundle: Path) -> list[str]:
    """Rows of a Markdown table for every size: least (median) seconds, and how many times the product's step."""
    from retouch_models.bundle import open_bundle

    manifest = open_bundle(bundle).manifest
    peak = max((line["peak"] for line in found if "peak" in line), default=float("nan"))
    runs = [line for line in found if "engine" in line]
    told = [f"fastest matrix product: {peak:.0f} GFLOP/s", *dict.fromkeys(line["machine"] for line in runs)]
    for side in sorted({line["side"] for line in runs}):
        # The manifest states the work at the native size; attention does not grow with the area, so no other is known.
        work = 2 * float(manifest.graphs["unet"].gflop or 0) if side == manifest.size.native else None
        told += ["", *_size_table(side, [line for line in runs if line["side"] == side], work, peak)]
    return told


def _size_table(side: int, runs: Sequence[Found], work: float | None, peak: float) -> list[str]:
    heads = (f"{side}x{side}", "guided step, s", "CPU s", "x", "of peak", "text", "encode", "decode", "open", "first open", "peak MB")  # noqa: E501  # fmt: skip
    rows = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    by_engine = {name: [r for r in runs if r["engine"] == name] for name in dict.fromkeys(r["engine"] for r in runs)}
    own = min((_step(r) for r in by_engine.get("retouch", ())), default=float("nan"))
    for name, mine in by_engine.items():
        steps = [_step(r) for r in mine]
        exact = name not in PEERS or PEERS[name].exact
        opened = [r["opened"] + r["phases"].get("load", 0.0) for r in mine]
        cells = [
            name,
            f"{min(steps):.2f} ({statistics.median(steps):.2f})",
            f"{min(min(r['steps_cpu']) for r in mine):.2f}",
            f"{min(steps) / own:.2f}",
            f"{work / min(steps) / peak:.0%}" if exact and work is not None else "-",
            *(_phase(mine, phase) for phase in ("text", "encode", "decode")),
            f"{min(opened):.1f}",
            f"{opened[0]:.1f}",
            f"{max(r['rss'] for r in mine) / 1e6:.0f}",
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def _step(run: Found) -> float:
    return float(min(run["steps"]))


def _phase(runs: Sequence[Found], phase: str) -> str:
    took = [r["phases"][phase] for r in runs if phase in r["phases"]]
    return f"{min(took):.2f}" if took else "-"
