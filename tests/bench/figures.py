"""What the engines took, as a table."""

import math
import statistics
from dataclasses import dataclass, field

from peer_list import PEERS

GOALS = (("warm", 1.4), ("cold", 4.0), ("peak memory", 2.0), ("installed size", 4.0))


@dataclass
class Figures:
    """What one engine took, each in the order of the rounds; seconds and bytes."""

    first: float = math.nan
    """The first start, with empty caches."""
    cold: list[float] = field(default_factory=list)
    cold_cpu: list[float] = field(default_factory=list)
    peak: list[float] = field(default_factory=list)
    warm: list[float] = field(default_factory=list)
    warm_cpu: list[float] = field(default_factory=list)
    steps: list[float] = field(default_factory=list)
    warm_peak: float = 0.0
    installed: int | None = None


def table(figures: dict[str, Figures], step_gflop: float, peak_gflops: float) -> list[str]:
    """Rows of a Markdown table: least and median, and how many times the product's figure it is."""
    own = figures["retouch"]
    heads = ("", "warm s", "CPU s", "x", "steps/s", "of peak", "cold s", "CPU s", "x", "first s", "peak MB cold / warm", "x", "installed MB", "x")  # noqa: E501  # fmt: skip
    rows = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name, f in figures.items():
        size = ["-", "-"]
        if f.installed is not None and own.installed is not None:
            size = [f"{f.installed / 1e6:.0f}", f"{f.installed / own.installed:.2f}"]
        share = step_gflop / min(f.steps) / peak_gflops
        exact = name not in PEERS or PEERS[name].exact
        cells = [
            name,
            f"{min(f.warm):.2f} ({statistics.median(f.warm):.2f})",
            f"{min(f.warm_cpu):.2f}",
            f"{min(f.warm) / min(own.warm):.2f}",
            f"{1 / min(f.steps):.1f}",
            f"{share:.0%}" if exact else "-",
            f"{min(f.cold):.2f} ({statistics.median(f.cold):.2f})",
            f"{min(f.cold_cpu):.2f}",
            f"{min(f.cold) / min(own.cold):.2f}",
            f"{f.first:.1f}",
            f"{max(f.peak) / 1e6:.0f} / {f.warm_peak / 1e6:.0f}",
            f"{f.warm_peak / own.warm_peak:.2f}",
            *size,
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def verdicts(figures: dict[str, Figures]) -> list[str]:
    """Compare the ratios to diffusers with the goals, one line each, then name who is faster than the product."""
    own = figures["retouch"]
    told = []
    if "diffusers" in figures:
        peer = figures["diffusers"]
        ratios = [min(peer.warm) / min(own.warm), min(peer.cold) / min(own.cold), peer.warm_peak / own.warm_peak]
        ratios.append(peer.installed / own.installed if peer.installed and own.installed else math.nan)
        told = [
            f"{what}: {ratio:.2f} times better than diffusers, goal {goal:g}: {_verdict(ratio, goal)}"
            for (what, goal), ratio in zip(GOALS, ratios, strict=True)
            if not math.isnan(ratio)
        ]
    for name, f in figures.items():
        faster = [what for what, a, b in (("warm", f.warm, own.warm), ("cold", f.cold, own.cold)) if min(a) < min(b)]
        if not name.startswith("retouch") and faster:
            told.append(f"{name} is faster than the product: {' and '.join(faster)}")
    return told


def _verdict(ratio: float, goal: float) -> str:
    return "reached" if ratio >= goal else "missed"
