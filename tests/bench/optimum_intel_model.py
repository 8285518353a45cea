"""Write a folder of diffusers in the form that optimum-intel loads: weights in float32, graphs in OpenVINO's.

python tests/bench/optimum_intel_model.py FOLDER      (with a Python that has optimum-intel; writes FOLDER-openvino)
"""

import sys
import warnings
from pathlib import Path

from optimum.intel import OVStableDiffusionInpaintPipeline


def main(folder: Path) -> None:
    """Export once; minutes."""
    warnings.simplefilter("ignore")
    pipeline = OVStableDiffusionInpaintPipeline.from_pretrained(
        folder, export=True, compile=False, load_in_8bit=False, safety_checker=None
    )
    pipeline.save_pretrained(folder.with_name(f"{folder.name}-openvino"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
