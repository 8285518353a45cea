"""stable-diffusion.cpp through its Python package."""

import re
from collections.abc import Mapping
from pathlib import Path

from drawn import Draw, Drawn, Stopwatch
from task import GUIDANCE, NEGATIVE, PROMPT, SEED, Task


def open_sd_cpp(model: Path, task: Task, threads: int) -> Draw:
    """stable-diffusion.cpp in half precision with flash attention, on one file with the original names."""
    import stable_diffusion_cpp as sd
    from PIL import Image

    engine = sd.StableDiffusion(
        model_path=str(model), n_threads=threads, vae_decode_only=False, diffusion_flash_attn=True, verbose=True
    )
    picture, mask = Image.open(task.picture).convert("RGB"), Image.open(task.mask).convert("L")
    watch = Stopwatch()
    spoken = SpokenTimes()
    hear = sd.sd_log_callback(lambda _level, text, _data: spoken.hear(text.decode(errors="replace")))

    def step_ended(step: int, _steps: int, _seconds: float) -> None:
        if step > 0:  # it also tells of the beginning
            watch.tick()

    def draw() -> Drawn:
        watch.start()
        spoken.phases.clear()
        sd.sd_set_log_callback(hear, None)  # here, so that the function lives as long as it may be called
        image = engine.generate_image(
            prompt=PROMPT,
            negative_prompt=NEGATIVE,
            init_image=picture,
            mask_image=mask,
            width=task.side,
            height=task.side,
            cfg_scale=GUIDANCE,
            sample_method="euler",
            sample_steps=task.steps,
            strength=1.0,
            seed=SEED,
            progress_callback=step_ended,
        )[0]
        return watch.drawn(image, spoken.phases)

    return draw


class SpokenTimes:
    """Seconds of phases as stable-diffusion.cpp writes them to its log."""

    PHASES: Mapping[str, str] = {
        "get_learned_condition": "text",
        "encode_first_stage": "encode",
        "decode_first_stage": "decode",
    }

    def __init__(self) -> None:
        """Nothing was said."""
        self.phases: dict[str, float] = {}

    def hear(self, line: str) -> None:
        """Add the time that a line tells of."""
        found = re.search(r"(\w+) completed, taking ([0-9.]+) ?(m?)s", line)
        if found and found[1] in self.PHASES:
            phase, unit = self.PHASES[found[1]], 1000 if found[3] else 1
            self.phases[phase] = self.phases.get(phase, 0.0) + float(found[2]) / unit
