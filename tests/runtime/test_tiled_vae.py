"""Laws of tiling: weights add up to one, an exact local coder is reproduced, and no seam shows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retouch import tiled_vae, vae
from retouch.providers import Device
from retouch.session import GraphSession
from retouch_models.bundle import Bundle
from retouch_models.manifest import LatentSpec
from retouch_models.store import find_bundle


@settings(max_examples=60, deadline=None)
@given(rows=st.integers(1, 90), columns=st.integers(1, 90), side=st.integers(8, 40), scale=st.sampled_from([1, 2, 8]))
def test_weights_cover_everything_and_add_up_to_one(rows: int, columns: int, side: int, scale: int) -> None:
    total = np.zeros((rows * scale, columns * scale))
    for (top, bottom, left, right), weight in tiled_vae.tiles(rows, columns, side, scale):
        assert 0 <= top < bottom <= rows
        assert 0 <= left < right <= columns
        assert max(bottom - top, right - left) <= side
        assert weight.shape == (1, 1, (bottom - top) * scale, (right - left) * scale)
        assert weight.min() >= 0
        total[top * scale : bottom * scale, left * scale : right * scale] += weight[0, 0]
    np.testing.assert_allclose(total, 1, atol=1e-5)  # float32 weights


@pytest.fixture
def coders(tiny: Bundle) -> tuple[GraphSession, GraphSession, LatentSpec]:
    """Encoder and decoder that look at one 8x8 block at a time, so that tiles change nothing."""
    made = [GraphSession(tiny, role, Device("cpu"), threads=1) for role in ("vae_encoder", "vae_decoder")]
    return made[0], made[1], tiny.manifest.latent


def test_a_local_coder_gives_the_same_in_tiles(coders: tuple[GraphSession, GraphSession, LatentSpec]) -> None:
    encoder, decoder, spec = coders
    image = np.random.default_rng(1).uniform(-1, 1, (1, 3, 200, 136)).astype(np.float32)
    whole = vae.encode_unit(encoder, image, spec)
    np.testing.assert_allclose(tiled_vae.encode_unit(encoder, image, spec, 64), whole, atol=1e-5)  # sums of weights
    tiled = tiled_vae.decode(decoder, whole, spec, 64).astype(int)
    assert np.abs(tiled - vae.decode(decoder, whole, spec)).max() <= 1  # rounding to 8 bits


def test_a_picture_that_fits_goes_through_at_once(
    coders: tuple[GraphSession, GraphSession, LatentSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, decoder, spec = coders
    monkeypatch.setattr(tiled_vae, "tiles", None)
    assert tiled_vae.decode(decoder, np.zeros((1, 4, 8, 8), np.float32), spec, 64).shape == (64, 64, 3)
    assert tiled_vae.decode(decoder, np.zeros((1, 4, 16, 8), np.float32), spec, None).shape == (128, 64, 3)


def test_tiles_of_the_bundled_model_leave_no_seam() -> None:
    """Group normalisation sees other pixels in each tile, so the pictures differ; the fade must hide where."""
    bundle = find_bundle("pocket")
    spec = bundle.manifest.latent
    encoder, decoder = (GraphSession(bundle, role, Device("cpu"), threads=2) for role in ("vae_encoder", "vae_decoder"))
    y, x = np.mgrid[:384, :384] / 384.0
    image = np.stack([0.5 + 0.4 * np.sin(7 * x + 3 * y), 0.3 + 0.5 * x * y, 0.8 - 0.6 * y], axis=2)
    image[100:260, 130:300] = (0.9, 0.2, 0.2)
    latents = vae.encode(encoder, np.rint(image * 255).astype(np.uint8), spec)
    whole = vae.decode(decoder, latents, spec).astype(np.float64)
    tiled = tiled_vae.decode(decoder, latents, spec, 256).astype(np.float64)
    steps = np.abs(np.diff(tiled - whole, axis=1)).mean(axis=(0, 2))
    inside = steps[128:256]  # where the tiles overlap
    assert inside.mean() < 1  # levels of 255: what was promised
    assert inside.mean() < 2 * np.delete(steps, np.s_[128:256]).mean() + 0.2  # nor does the overlap stand out
