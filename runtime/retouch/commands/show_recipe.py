"""`retouch show-recipe`: print how a picture was made."""

import argparse
import json
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("picture", metavar="FILE", help="picture, or a recipe as JSON or text; - is standard input")
    parser.add_argument("--json", action="store_true", help="everything, as JSON")
    parser.add_argument("--text", action="store_true", help="the text that other tools read")


def run(args: argparse.Namespace) -> int:
    """Print to stdout."""
    from retouch.recipe_text import parameters
    from retouch.recipes import read_recipe

    recipe = read_recipe(sys.stdin.buffer if args.picture == "-" else Path(args.picture))
    if args.json:
        print(json.dumps(recipe.to_data(), indent=1, ensure_ascii=False))  # noqa: T201
    elif args.text:
        print(parameters(recipe))  # noqa: T201
    else:
        for name, value in _rows(recipe.to_data()):
            print(f"{name:24} {value}")  # noqa: T201
    return 0


def _rows(data: dict[str, object]) -> list[tuple[str, object]]:
    """Flatten to (name, value), leaving out what is None and the mask's bytes."""
    rows: list[tuple[str, object]] = []
    for name, value in data.items():
        if isinstance(value, dict):
            prefix = "" if name == "request" else f"{name} "
            rows += [(prefix + key, item) for key, item in _rows(value) if key != "png"]
        elif isinstance(value, list):
            rows.append((name, "; ".join(map(str, value))))
        elif value is not None:
            rows.append((name, value))
    return rows
