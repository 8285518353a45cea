"""From packed weights to a diffusers folder: `python -m recipes.pocket.publish PACKED LIKE OUTPUT`.

What the packed files do not hold (autoencoder, tokenizer, configurations) comes from the folder LIKE. The result is
what `retouch export` reads.
"""

import argparse
import json
import shutil
from pathlib import Path

from safetensors.torch import load_file, save_file

from recipes.pocket.networks import TEXT_PREFIX
from recipes.pocket.packed import unpack
from recipes.pocket.start import FILES


def main() -> None:
    """Copy and replace."""
    parser = argparse.ArgumentParser(description="Make a diffusers folder of packed weights.")
    parser.add_argument("packed", type=Path, help="output folder of a training stage")
    parser.add_argument("like", type=Path, help="diffusers folder of the same model")
    parser.add_argument("output", type=Path, help="folder to make; it must not exist")
    options = parser.parse_args()
    publish(options.packed, options.like, options.output)


def publish(packed: Path, like: Path, output: Path) -> None:
    """Write the folder in half precision; ValueError if a weight is missing or too much."""
    shutil.copytree(like, output, copy_function=shutil.copyfile)
    for part, weights in unpack(packed).items():
        path = output / part / FILES[part]
        bare = {name.removeprefix(TEXT_PREFIX): value for name, value in weights.items()}
        names = [name for name in load_file(path) if "position_ids" not in name]
        odd = {name.removeprefix(TEXT_PREFIX) for name in names} ^ {name for name in bare if "position_ids" not in name}
        if odd:
            raise ValueError(f"{packed} does not fit {path}: {', '.join(sorted(odd)[:3])}")
        save_file({name: bare[name.removeprefix(TEXT_PREFIX)].half().contiguous() for name in names}, path)
    scale = packed / "scale.json"
    if scale.exists():
        config = output / "vae" / "config.json"
        merged = json.loads(config.read_text(encoding="utf-8")) | json.loads(scale.read_text(encoding="utf-8"))
        config.write_text(json.dumps(merged, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
