"""A model says how what it paints is joined to the picture, unless the user does; `pocket` drifts in colour."""

import json
from dataclasses import replace

import numpy as np

from retouch import Inpainter, InpaintRequest
from retouch.arrays import RGB
from retouch.request import request_from_data
from retouch_models.bundle import Bundle
from retouch_models.manifest import MANIFEST, parse_manifest
from retouch_models.store import find_bundle

POCKET = find_bundle("pocket")


def dusk() -> RGB:
    """Even ground on which a shift of colour shows: from dark green to cream."""
    share = np.linspace(0, 1, 256)[None, :, None]
    return np.asarray(np.rint((1 - share) * (10, 40, 30) + share * (225, 220, 190)).repeat(256, axis=0), np.uint8)


def test_pocket_joins_by_membrane_and_other_models_by_a_fade(tiny: Bundle) -> None:
    assert InpaintRequest().resolved(POCKET.manifest).blend == "poisson"
    assert InpaintRequest().resolved(tiny.manifest).blend == "feather"
    for name in ("feather", "hard", "auto"):
        assert InpaintRequest(blend=name).resolved(POCKET.manifest).blend == name


def test_a_manifest_of_before_means_a_fade() -> None:
    data = json.loads((POCKET.folder / MANIFEST).read_text(encoding="utf-8"))
    del data["defaults"]["blend"]
    assert parse_manifest(json.dumps(data), "old").defaults.blend == "feather"


def test_a_recipe_keeps_the_blend_that_it_was_painted_with() -> None:
    painted = InpaintRequest().resolved(POCKET.manifest)
    assert painted.to_data()["blend"] == "poisson"
    before = request_from_data(painted.to_data() | {"blend": "feather"})
    assert before.resolved(POCKET.manifest).blend == "feather"


def test_erasing_on_even_ground_leaves_no_frame() -> None:
    ground, mask = dusk(), np.zeros((256, 256), np.float32)
    mask[80:170, 70:190] = 1
    spoilt = ground.copy()
    spoilt[100:150, 100:160] = (200, 30, 30)
    engine = Inpainter(POCKET, provider="cpu", threads=2)
    request = InpaintRequest(seed=5, fast=True)
    found = {name: engine.run(spoilt, mask, replace(request, blend=name)) for name in (None, "feather")}
    engine.close()
    off = {name: np.abs(result.image.astype(int) - ground).mean() for name, result in found.items()}
    assert found[None].proof.blend == "poisson"
    assert found[None].proof.seam_after < found["feather"].proof.seam_after / 2
    assert off[None] < 0.7 * off["feather"], "what was under the thing comes nearer to the truth"
