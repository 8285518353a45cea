"""Options that several commands share, declared once; names match the fields of InpaintRequest."""

import argparse
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from retouch.request import InpaintRequest
from retouch_models.errors import UnknownName, UsageError
from retouch_models.registry import module_names
from retouch_models.store import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Sequence


def whole(text: str) -> int:
    """Parse a whole number."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def number(text: str) -> float:
    """Parse a number."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


def size(text: str) -> tuple[int, int]:
    """Parse 512x768."""
    width, _, height = text.lower().partition("x")
    if not (width.isdigit() and height.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size; write it like 512x512")
    return int(width), int(height)


def add_picture_options(parser: argparse.ArgumentParser) -> None:
    """How the picture file is read."""
    group = parser.add_argument_group("picture")
    group.add_argument("--frame", type=whole, metavar="N", help="which picture of an animation or a multi-page file")
    group.add_argument("--max-megapixels", type=number, metavar="N", help="refuse larger pictures (default 178)")


def shares(text: str) -> tuple[float, float]:
    """Parse 0,0.6."""
    first, _, second = text.partition(",")
    return number(first), number(second)


def numbers(text: str) -> tuple[float, ...]:
    """Parse 14.6,5.8,2.7."""
    return tuple(number(part) for part in text.split(","))


def add_engine_options(parser: argparse.ArgumentParser) -> None:
    """Which model runs where."""
    group = parser.add_argument_group("model and device")
    group.add_argument("--model", default=DEFAULT, metavar="NAME|DIR", help="installed model or bundle folder")
    group.add_argument(
        "--provider",
        default="auto",
        metavar="NAME[:N]",
        help="auto, cuda, directml, openvino, cpu or a plug-in; cuda:1 is the second, openvino:bf16 computes in "
        "bfloat16: quicker, and not quite the same",
    )
    group.add_argument(
        "--threads", type=whole, metavar="N", help="processor threads (default: all this process may use)"
    )
    group.add_argument(
        "--memory",
        choices=("low", "auto", "high"),
        default="auto",
        help="low opens one graph at a time; auto does if they do not fit (default)",
    )
    group.add_argument(
        "--memory-limit", type=number, metavar="GB", help="memory that auto and low keep to (default: what is free)"
    )


def add_prompt_options(parser: argparse.ArgumentParser) -> None:
    """What to paint."""
    group = parser.add_argument_group("prompt")
    group.add_argument("--prompt", help="what to paint; empty continues the surroundings")
    group.add_argument("--negative-prompt", metavar="TEXT", help="undesired content")
    group.add_argument(
        "--style", action="append", metavar="NAME", help="named prompt piece from styles.toml; repeatable"
    )
    group.add_argument("--preset", metavar="NAME", help="undesired-content preset: none, light, heavy, human")
    group.add_argument("--prompt-syntax", choices=("weighted", "literal"), help="whether brackets weigh words")


def add_sampling_options(parser: argparse.ArgumentParser) -> None:
    """How it is generated."""
    group = parser.add_argument_group("generation")
    group.add_argument("--steps", type=whole, metavar="N")
    group.add_argument("--guidance", type=number, metavar="S", help="how strongly the prompt counts; 1 is off")
    group.add_argument("--guidance-rescale", type=number, metavar="0..1")
    group.add_argument(
        "--guidance-interval", type=shares, metavar="A,B", help="guide only from A to B of the run, shares 0..1"
    )
    group.add_argument(
        "--fast",
        action="store_true",
        default=None,
        help="rougher, in about two fifths of the time: few steps at noise levels fitted to the bundled model, and "
        "only the surroundings of the mask decoded; options given beside it win; for other models nothing was fitted",
    )
    group.add_argument(
        "--sigmas",
        type=numbers,
        metavar="A,B,..",
        help="noise levels to visit, falling, in the place of steps and schedule",
    )
    group.add_argument("--decode", choices=("whole", "masked"), help="what is decoded: all, or the mask's surroundings")
    group.add_argument("--sampler", metavar="NAME", help=f"one of {', '.join(module_names('retouch.samplers'))}")
    group.add_argument("--schedule", metavar="NAME", help=f"one of {', '.join(module_names('retouch.schedules'))}")
    group.add_argument("--strength", type=number, metavar="0..1", help="below 1 starts from what is there (default 1)")
    group.add_argument("--exact-steps", action="store_true", default=None, help="run all steps also below strength 1")
    group.add_argument("--seed", type=whole, metavar="N", help="number of the noise; drawn and printed when left out")
    group.add_argument("--rng", metavar="NAME", help="source of the noise: numpy, torch-cpu, torch-cuda")
    group.add_argument("--variation-seed", type=whole, metavar="N")
    group.add_argument("--variation", type=number, metavar="0..1", help="how far to move towards the variation seed")
    group.add_argument("--extra-noise", type=number, metavar="0..1")
    group.add_argument("--count", type=whole, default=1, metavar="N", help="candidates, with seeds seed, seed+1, ...")
    group.add_argument(
        "--best-of",
        type=whole,
        metavar="N",
        help="make up to N drafts, with seeds seed, seed+1, ..., and paint the one most like the prompt (default: the "
        "model's own number, or 1 with --seed, --count or --recipe); needs a model with a ranker",
    )


def add_area_options(parser: argparse.ArgumentParser) -> None:
    """Where the model works and how the result is joined."""
    group = parser.add_argument_group("working box and edge")
    group.add_argument(
        "--area", metavar="masked|picture|X,Y WxH", help="what the model sees (default: around the mask)"
    )
    group.add_argument("--padding", type=whole, metavar="PX", help="context around the mask")
    group.add_argument("--work-size", type=size, metavar="WxH", help="size the model works at")
    group.add_argument("--regions", choices=("auto", "one", "each"), help="generate distant mask areas separately")
    contents = (*module_names("retouch.content"), *module_names("retouch.latent_content"))
    group.add_argument("--content", metavar="NAME", help=f"what stands under the mask: {', '.join(contents)}")
    group.add_argument("--denoising", choices=("plain", "differential", "soft"), help="how grey mask values act")
    group.add_argument("--latent-mask", choices=("max", "nearest"), help="how mask pixels become latent cells")
    group.add_argument("--coherence", type=whole, metavar="PX", help="ring around the mask that is re-drawn a little")
    group.add_argument("--coherence-strength", type=number, metavar="0..1")
    group.add_argument("--feather", type=number, metavar="PX", help="fade inside the mask's edge; 0 is hard")
    group.add_argument(
        "--feather-out", type=number, metavar="PX", help="fade outside the mask's edge (changes pixels there)"
    )
    group.add_argument(
        "--blend", metavar="NAME", help=f"{', '.join(module_names('retouch.blend'))}; default: what suits the model"
    )
    group.add_argument("--colour-match", metavar="NAME", help="none, lab, histogram: from the unmasked pixels only")
    group.add_argument("--no-overlay", dest="overlay", action="store_false", default=None, help="raw decode in the box")


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """Where the result goes and what is told."""
    group = parser.add_argument_group("output")
    group.add_argument("--output", "-o", metavar="FILE", help="PNG; .jpg and .webp are lossy; - is stdout")
    group.add_argument("--force", action="store_true", help="replace an existing file")
    group.add_argument("--json", action="store_true", help="progress as JSON lines on stderr")
    group.add_argument("--quiet", "-q", action="store_true", help="no progress")


_REPLACES = {
    "steps": ("sigmas",),
    "schedule": ("sigmas",),
    "sigmas": ("steps",),
    "fast": ("steps", "sampler", "schedule", "sigmas", "guidance_interval", "decode"),
}
"""Options of the base that an option says anew, unless they are given too."""


def request_from(args: argparse.Namespace, base: InpaintRequest | None = None) -> InpaintRequest:
    """Lay the given options over `base`; an option that was left out keeps the base's value."""
    names = {f.name for f in fields(InpaintRequest)}
    given: dict[str, Any] = {k: v for k, v in vars(args).items() if k in names and v is not None}
    for option, others in _REPLACES.items():
        if option in given:
            given = dict.fromkeys(others) | given
    return replace(InpaintRequest() if base is None else base, **given)


def one_of(kind: str, name: str, known: "Sequence[str]") -> str:
    """Check a name; UnknownName has the nearest."""
    if name not in known:
        raise UnknownName(kind, name, known)
    return name


def require_positive(option: str, value: int, most: int) -> None:
    """UsageError unless 1 <= value <= most."""
    if not 1 <= value <= most:
        raise UsageError(f"--{option} must be from 1 to {most}, not {value}")
