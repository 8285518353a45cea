"""The forms of the full-size model, each made once. Started by `full_size.py` with the peers' Python.

python tests/bench/full_size_model.py checkpoint|single-file|optimum FOLDER
"""

import argparse
import json
from pathlib import Path

from full_size import KIND, Place


def checkpoint(place: Place) -> None:
    """Write random weights in fp16, with the parts that make it a whole pipeline of diffusers."""
    from export_support.full_size import build

    folder = build(KIND, place.checkpoint.with_suffix(".part"))
    complete(folder)
    folder.rename(place.checkpoint)


def complete(folder: Path) -> None:
    """Say what the export does not ask for, so that a whole pipeline can be loaded from the folder."""
    from diffusers import __version__

    index_file, scheduler_file = folder / "model_index.json", folder / "scheduler/scheduler_config.json"
    index = json.loads(index_file.read_text(encoding="utf-8"))
    index |= {
        "_diffusers_version": __version__,
        "scheduler": ["diffusers", "DDIMScheduler"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "safety_checker": [None, None],
        "feature_extractor": [None, None],
        "requires_safety_checker": False,
    }
    scheduler = json.loads(scheduler_file.read_text(encoding="utf-8"))
    scheduler |= {"_class_name": "DDIMScheduler", "clip_sample": False, "set_alpha_to_one": True}
    tokenizer = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "pad_token": "<|endoftext|>"}
    (folder / "tokenizer/tokenizer_config.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    index_file.write_text(json.dumps(index), encoding="utf-8")
    scheduler_file.write_text(json.dumps(scheduler), encoding="utf-8")


def single_file(place: Place) -> None:
    """Rename all weights to the original names."""
    from safetensors.torch import load_file, save_file

    from export_support.original_names import original_clip, original_unet, original_vae

    folder, file = place.checkpoint, "diffusion_pytorch_model.safetensors"
    tensors = original_unet(load_file(folder / "unet" / file), 4, 2, [True, True, True, False])
    tensors |= original_vae(load_file(folder / "vae" / file), 4)
    text = load_file(folder / "text_encoder/model.safetensors")
    tensors |= original_clip(text, "cond_stage_model.transformer.")
    partial = place.single_file.with_suffix(".part")
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, partial)
    partial.rename(place.single_file)


def optimum(place: Place) -> None:
    """Let optimum export it for its own pipeline."""
    from optimum.exporters.onnx import main_export

    target = place.optimum.with_suffix(".part")
    main_export(
        str(place.checkpoint), target, task="text-to-image", library_name="diffusers", do_validation=False
    )  # fmt: skip
    target.rename(place.optimum)


FORMS = {"checkpoint": checkpoint, "single-file": single_file, "optimum": optimum}


def main() -> None:
    """Make one form."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("form", choices=FORMS)
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    FORMS[args.form](Place(args.folder))


if __name__ == "__main__":
    main()
