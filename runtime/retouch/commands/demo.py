"""`retouch demo`: repaint the sample picture with the bundled model."""

import argparse
from pathlib import Path

from retouch.commands._options import add_engine_options
from retouch.commands._progress import Narrator
from retouch.commands._run import open_engine, run_candidates
from retouch_models.store import sample_folder

TASKS = (("heart", "a red heart", 2), ("mushroom", "a mushroom", 3), ("removed", "", 4))
"""Name of the file, prompt and seed of each picture."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--output", "-o", default="retouch-demo", metavar="FOLDER", help="where the pictures go")
    parser.add_argument("--json", action="store_true", help="progress as JSON lines on stderr")
    parser.add_argument("--quiet", "-q", action="store_true", help="no progress")
    add_engine_options(parser)


def run(args: argparse.Namespace) -> int:
    """Paint a heart, paint a mushroom, remove the thing; older demo pictures are replaced."""
    from retouch.commands._recipes import recipe_texts
    from retouch.image_io import load_mask, load_picture
    from retouch.request import InpaintRequest
    from retouch_models.errors import OutputError

    folder = Path(args.output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be made ({error.strerror}); choose another with --output") from None
    narrator = Narrator(as_json=args.json, quiet=args.quiet)
    picture = load_picture(sample_folder() / "picture.png")
    mask = load_mask(sample_folder() / "mask.png", picture.size)
    engine = open_engine(args)
    narrator.info(f"repainting {sample_folder() / 'picture.png'} with {engine.manifest.name} on {engine.device}")
    try:
        for name, prompt, seed in TASKS:
            run_candidates(
                engine,
                picture,
                mask,
                InpaintRequest(prompt=prompt, seed=seed),
                [folder / f"{name}.png"],
                narrator,
                lambda edit: recipe_texts(engine, edit, picture, mask, None, mask_file="mask.png", command="demo"),
                force=True,
            )
    finally:
        engine.close()
    return 0
