"""Every family becomes a bundle that proves itself against PyTorch and diffusers and that the runtime runs."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from export_support.small_models import SMALL
from retouch.pipeline import Inpainter
from retouch.request import InpaintRequest
from retouch_export.exporting import ExportOptions, export_bundle
from retouch_export.sources import open_source
from retouch_models.bundle import Bundle, verify_bundle

PRECISIONS = dict(zip(SMALL, ("fp16", "fp32", "int8") * 4, strict=True))
"""Each family in one of the precisions, each precision in several families."""


@pytest.fixture(scope="module", params=SMALL)
def exported(
    request: pytest.FixtureRequest,
    checkpoint_folder: Callable[[str], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[str, Bundle]]:
    """A kind and its bundle; the export itself compares every graph and a whole picture."""
    kind = request.param
    output = tmp_path_factory.mktemp("bundles") / kind
    options = ExportOptions(name=kind, precision=PRECISIONS[kind])
    with open_source(str(checkpoint_folder(kind))) as checkpoint:
        yield kind, export_bundle(checkpoint, output, options, lambda _line: None)


def test_a_bundle_is_of_its_family_and_whole(exported: tuple[str, Bundle]) -> None:
    kind, bundle = exported
    small, manifest = SMALL[kind], bundle.manifest
    assert manifest.family == small.family
    assert verify_bundle(bundle) == []
    assert manifest.conditioning.masked_picture == (small.channels == 9)
    assert (manifest.conditioning.pooled_text is not None) == small.two_texts
    assert manifest.conditioning.guidance_embedding == small.guidance_width
    assert manifest.noise.zero_terminal_snr == ("zero-snr" in kind)
    assert len(manifest.text.encoders) == (2 if small.two_texts else 1)
    assert manifest.size.multiple == 8 * 2 ** (small.levels - 1)


def test_the_proof_stands_in_manifest_and_report(exported: tuple[str, Bundle]) -> None:
    _, bundle = exported
    graphs = bundle.manifest.parity["graphs"]
    assert graphs.keys() == {role for role in bundle.manifest.graphs if "@" not in role}
    # fp32 arithmetic in another order; 1e-4 is what the export itself allows.
    assert max(entry["graph"]["relative"] for entry in graphs.values()) < 2e-5
    report = (bundle.folder / "REPORT.md").read_text(encoding="utf-8")
    assert f"{bundle.manifest.parity['picture']['psnr_db']:.1f} dB" in report


def test_fp16_variants_share_the_weights(exported: tuple[str, Bundle]) -> None:
    _, bundle = exported
    graphs = bundle.manifest.graphs
    variants = [role for role in graphs if role.endswith("@cuda")]
    assert bool(variants) == (graphs["unet"].precision == "fp16")
    for role in variants:
        whole = role.partition("@")[0]
        base = graphs["unet" if whole in ("unet_text", "unet_time") else whole]
        assert graphs[role].data == base.data
        assert base.data is not None
        # Two bytes per weight, each at a page: room for both graphs' own copies would be twice that.
        assert base.data.bytes < 2.5 * base.parameters + 4096 * 200


def test_the_runtime_repaints_the_hole_and_nothing_else(exported: tuple[str, Bundle]) -> None:
    _, bundle = exported
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (90, 100, 3), dtype=np.uint8)
    mask = np.zeros((90, 100), np.float32)
    mask[30:60, 40:70] = 1
    inpainter = Inpainter(bundle, provider="cpu")
    result = inpainter.run(image, mask, InpaintRequest(prompt="a red heart", steps=2, seed=3))
    inpainter.close()
    changed = (result.image != image).any(axis=2)
    assert changed[mask > 0].mean() > 0.5
    assert not changed[mask == 0].any()
