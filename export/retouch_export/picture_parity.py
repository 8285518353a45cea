"""One whole picture made by the bundle and by diffusers, from the same noise."""

import gc
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from retouch.arrays import RGB, Mask
from retouch.memory_plan import give_back
from retouch.noise import gaussian
from retouch.pipeline import Inpainter
from retouch.request import InpaintRequest
from retouch_export.checkpoint import Checkpoint
from retouch_export.frugal import frugal_processor
from retouch_models.bundle import open_bundle
from retouch_models.manifest import Manifest

STEPS = 4
ROUNDING = 1e-7
"""Relative error of a number in fp32."""
ROUNDED = 4
"""How often the noise is rounded otherwise; one time may be as lucky as 60 dB where the next is 36."""
MARGIN_DB = 6.0
"""Two pictures may each be off by what one rounding does: twice the error."""
_SEED = 7
_PROMPT, _NEGATIVE = "a red heart", "grey"


@dataclass(frozen=True, kw_only=True)
class PictureParity:
    """How near the two pictures are."""

    psnr_db: float
    label: str
    itself_db: float | None = None
    """How near diffusers comes to itself when its noise is rounded otherwise, the least of several times; measured
    where that may excuse us."""

    def near(self, least_db: float, worst_db: float) -> bool:
        """Whether the pictures are as near as asked, or as near as rounding allows and no worse than `worst_db`.

        At zero terminal SNR a run begins at sigma 4096, where fp32 leaves a picture few digits.
        """
        if self.psnr_db >= least_db or self.itself_db is None:
            return self.psnr_db >= least_db
        return self.psnr_db >= max(self.itself_db - MARGIN_DB, worst_db)


def compare_pictures(checkpoint: Checkpoint, folder: Path, least_db: float) -> PictureParity:
    """Make the smallest picture of the bundle in `folder` and of diffusers with PyTorch in fp32.

    One after the other, and each with one large network in memory at a time, its weights mapped from the files. Where
    they are less near than `least_db`, diffusers makes it again with its noise rounded otherwise.
    """
    bundle = open_bundle(folder)
    manifest = bundle.manifest
    image, mask = _example(manifest)
    expected = _diffusers_picture(checkpoint, manifest, image, mask)
    _free()
    with frugal_processor():
        inpainter = Inpainter(bundle, provider="cpu", memory="low")
        try:
            found = inpainter.run(image, mask, _request(manifest)).image
        finally:
            inpainter.close()
    width, height = _size(manifest)
    what = "a hole in a picture" if manifest.conditioning.masked_picture else "a whole picture"
    near, itself = _psnr(found, expected, mask), None
    if near < least_db:
        moved = (_diffusers_picture(checkpoint, manifest, image, mask, seed) for seed in range(1, ROUNDED + 1))
        itself = round(min(_psnr(picture, expected, mask) for picture in moved), 2)
    label = f"{what}, {width}x{height}, {STEPS} Euler steps"
    return PictureParity(psnr_db=round(near, 2), label=label, itself_db=itself)


def _guidance(manifest: Manifest) -> float:
    return manifest.defaults.guidance


def _size(manifest: Manifest) -> tuple[int, int]:
    """Width and height of the smallest picture."""
    least = manifest.size.minimum
    return min(manifest.size.fixed, key=lambda size: size[0] * size[1], default=(least, least))


def _request(manifest: Manifest) -> InpaintRequest:
    return InpaintRequest(
        prompt=_PROMPT,
        negative_prompt="" if _guidance(manifest) == 1 else _NEGATIVE,
        steps=STEPS,
        guidance=_guidance(manifest),
        sampler="euler",
        schedule="model",
        seed=_SEED,
        area="picture",
        work_size=_size(manifest),
        overlay=False,
        blend="hard",
        feather=0,
    )


def _example(manifest: Manifest) -> tuple[RGB, Mask]:
    """A drawn picture with a hole on whole latent cells; an ordinary model repaints all of it."""
    width, height = _size(manifest)
    rng = np.random.default_rng(1)
    patches = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
    image = np.kron(patches, np.ones((height // 4, width // 4, 1), np.uint8))
    mask = np.ones((height, width), np.float32)
    if manifest.conditioning.masked_picture:
        cell = manifest.latent.factor
        down, across = (side // 4 // cell * cell for side in (height, width))
        mask[:] = 0
        mask[down:-down, across:-across] = 1
    return image, mask


def _diffusers_picture(
    checkpoint: Checkpoint, manifest: Manifest, image: RGB, mask: Mask, rounded: int | None = None
) -> RGB:
    """With `rounded`, the seed of it, every number of the noise is moved by a rounding."""
    from PIL import Image

    words = _encoded_prompts(checkpoint)
    _free()
    pipeline = _pipeline(
        checkpoint, unet=checkpoint.unet.load(), vae=checkpoint.vae.load(), scheduler=_euler(checkpoint, manifest)
    )
    # The mode and not a sample of the posterior, as the bundle's encoder gives it.
    pipeline._encode_vae_image = lambda image, generator: (  # noqa: ARG005
        pipeline.vae.encode(image).latent_dist.mode() * pipeline.vae.config.scaling_factor
    )
    cells = [side // manifest.latent.factor for side in image.shape[:2]]
    noise = gaussian("numpy", _SEED)((1, manifest.latent.channels, *cells))
    if rounded is not None:
        noise = noise * (1 + np.float32(ROUNDING) * gaussian("numpy", rounded)(noise.shape))
    pipeline.scheduler.set_timesteps(STEPS)
    # The runtime starts from unit noise in variance-preserving space, diffusers at most spacings from sigma itself.
    sigma = float(pipeline.scheduler.sigmas[0])
    start = math.sqrt(1 + sigma * sigma) / float(pipeline.scheduler.init_noise_sigma)
    with torch.inference_mode():
        made = pipeline(
            **words,
            image=Image.fromarray(image),
            mask_image=Image.fromarray((mask * 255).astype(np.uint8)),
            height=image.shape[0],
            width=image.shape[1],
            strength=1.0,
            num_inference_steps=STEPS,
            guidance_scale=_guidance(manifest),
            latents=torch.from_numpy(noise) * start,
            output_type="np",
        ).images[0]
    return np.rint(np.clip(made, 0, 1) * 255).astype(np.uint8)


def _encoded_prompts(checkpoint: Checkpoint) -> dict[str, torch.Tensor]:
    """The prompts as diffusers encodes them, by the names of the pipeline's arguments."""
    from transformers import CLIPTokenizer

    # Vocabularies written for single files do not say the length, and CLIPTokenizer would pad without end.
    lengths = [part.config.max_position_embeddings for part in checkpoint.text_encoders]
    tokenizers = [
        CLIPTokenizer.from_pretrained(folder, model_max_length=length)
        for folder, length in zip(checkpoint.tokenizers, lengths, strict=True)
    ]
    parts = {f"tokenizer{end}": tokenizer for end, tokenizer in zip(("", "_2"), tokenizers, strict=False)}
    parts |= {role: part.load() for role, part in zip(checkpoint.text_roles(), checkpoint.text_encoders, strict=True)}
    pipeline = _pipeline(checkpoint, **parts)
    with torch.inference_mode():
        encoded = pipeline.encode_prompt(
            prompt=_PROMPT,
            device="cpu",
            num_images_per_prompt=1,
            do_classifier_free_guidance=True,
            negative_prompt=_NEGATIVE,
        )
    names = ("prompt_embeds", "negative_prompt_embeds", "pooled_prompt_embeds", "negative_pooled_prompt_embeds")
    return dict(zip(names, encoded, strict=False))


def _euler(checkpoint: Checkpoint, manifest: Manifest) -> Any:
    from diffusers import EulerDiscreteScheduler

    ending = "zero" if manifest.noise.final_sigma_zero else "sigma_min"
    # A configuration that does not name its spacing means that of its own scheduler, not Euler's.
    return EulerDiscreteScheduler.from_config(
        dict(checkpoint.scheduler), final_sigmas_type=ending, timestep_spacing=manifest.noise.spacing
    )


def _pipeline(checkpoint: Checkpoint, **parts: Any) -> Any:
    """diffusers' pipeline with some of its parts."""
    import diffusers

    names = ["unet", "vae", "scheduler", "text_encoder", "tokenizer"]
    if len(checkpoint.text_encoders) == 2:
        names += ["text_encoder_2", "tokenizer_2"]
        pipeline = diffusers.StableDiffusionXLInpaintPipeline(**{name: parts.get(name) for name in names})
    else:
        pipeline = diffusers.StableDiffusionInpaintPipeline(
            **{name: parts.get(name) for name in names},
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _free() -> None:
    """Give back what nothing refers to any more."""
    gc.collect()
    give_back()


def _psnr(found: RGB, expected: RGB, mask: Mask) -> float:
    """PSNR in the masked area; 99 for equal pictures."""
    gap: NDArray[np.float64] = (found.astype(np.float64) - expected)[mask > 0]
    error = float(np.mean(np.square(gap)))
    return 99.0 if error == 0 else float(10 * np.log10(255**2 / error))
