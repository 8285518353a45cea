"""Pictures to latents and back, through the two halves of the variational autoencoder."""

import numpy as np
from numpy.typing import NDArray

from retouch.arrays import RGB, Latents
from retouch.errors import GenerationError
from retouch.session import GraphSession
from retouch_models.manifest import LatentSpec


def encode(session: GraphSession, image: RGB, spec: LatentSpec) -> Latents:
    """Encode a picture, (H, W, 3) uint8 with sides on the latent grid; returns (1, C, H/f, W/f).

    The graph gives the mean of the posterior, so encoding draws no random numbers.
    """
    return encode_unit(session, to_unit(image), spec)


def encode_unit(session: GraphSession, image: NDArray[np.float32], spec: LatentSpec) -> Latents:
    """Encode (1, 3, H, W) float32 in -1..1."""
    (mean,) = session({"image": image})
    latents: Latents = ((mean.astype(np.float32) - np.float32(spec.shift)) * np.float32(spec.scale)).astype(np.float32)
    return latents


def decode(session: GraphSession, latents: Latents, spec: LatentSpec) -> RGB:
    """Decode latents, (1, C, h, w); returns (h * f, w * f, 3) uint8. GenerationError if they are not finite."""
    return to_pixels(decode_unit(session, latents, spec))


def decode_unit(session: GraphSession, latents: Latents, spec: LatentSpec) -> NDArray[np.float32]:
    """Decode latents, (1, C, h, w), to (1, 3, h * f, w * f) float32 around -1..1."""
    if not np.isfinite(latents).all():
        raise GenerationError(
            "the model gave values that are not numbers; try another --sampler, fewer --guidance, "
            "or a bundle exported with --precision fp32"
        )
    raw = latents / np.float32(spec.scale) + np.float32(spec.shift)
    (image,) = session({"latents": raw})
    if not np.isfinite(image).all():
        raise GenerationError(
            "the decoder gave values that are not numbers; export the model again with --vae-precision fp32"
        )
    return image.astype(np.float32, copy=False)


def to_unit(image: RGB) -> NDArray[np.float32]:
    """(H, W, 3) uint8 to (1, 3, H, W) float32 in -1..1."""
    return (image.astype(np.float32) / np.float32(127.5) - np.float32(1.0)).transpose(2, 0, 1)[None]


def to_pixels(image: NDArray[np.float32]) -> RGB:
    """(1, 3, H, W) in -1..1 to (H, W, 3) uint8, rounded to the nearest level."""
    levels = np.clip(image[0].astype(np.float32) * np.float32(127.5) + np.float32(127.5), 0, 255)
    pixels: RGB = np.rint(levels).astype(np.uint8).transpose(1, 2, 0)
    return np.ascontiguousarray(pixels)


def preview(latents: Latents, spec: LatentSpec) -> RGB:
    """Show latents as a small picture, (h, w, 3), by the manifest's linear map; grey levels if it has none."""
    planes = latents[0].transpose(1, 2, 0)
    if spec.preview is None:
        mean = planes.mean(axis=2)
        spread = float(np.abs(mean).max()) + 1e-6
        grey = np.rint(127.5 + 127.5 * mean / spread).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    matrix = np.asarray(spec.preview, np.float32)
    colours = planes @ matrix[:-1] + matrix[-1]
    pixels: RGB = np.rint(np.clip(colours, 0, 1) * 255).astype(np.uint8)
    return pixels
