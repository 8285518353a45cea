"""Memory that OpenVINO takes on the processor, from what the graphs hold and see."""

import math
from collections.abc import Mapping

from retouch.memory_plan import MemoryPlan
from retouch.ranking import ROLE as RANKER
from retouch.session import SMALL_BYTES
from retouch_models.manifest import Manifest

PROCESS_BYTES = 134e6
"""The interpreter with numpy, Pillow, OpenCV and OpenVINO, no model."""
PER_PARAMETER = 5.6
"""Bytes of an open graph for each weight, in float32: laid out for the processor, and what is kept beside that."""
OPENING = 2.65
"""Bytes for each weight that are read from the file while a graph opens, and handed back then."""
ACTIVATIONS = {
    "unet": (90.0, 33.1e6),
    "vae_encoder": (690.0, 2.4e6),
    "vae_decoder": (1370.0, 4.1e6),
    "preview_decoder": (1040.0, 1.2e6),
}
"""As in `estimate`, where sizes are free; the usual size takes three fifths of it."""
USUAL = 0.6


def openvino_bytes(manifest: Manifest, pixels: Mapping[str, float], plan: MemoryPlan, *, exact: bool = True) -> float:
    """Estimate the peak of resident memory, the whole process included.

    `pixels` is what each graph sees at once, times its batch; graphs that a run does not open are not in it, but for
    those of the text and the ranker. Activations in shorter numbers take half. Compiling for the first time takes a
    fifth more, once.
    """
    rests = {*manifest.text.encoders, RANKER}
    roles = [role for role in manifest.graphs if role in pixels or role in rests]
    held = {role: PER_PARAMETER * manifest.graphs[role].parameters for role in roles}
    opening = {role: OPENING * manifest.graphs[role].parameters for role in roles}
    wide = 1.0 if exact else 0.5
    scratch = {role: wide * _scratch(manifest, role, pixels.get(role, 0.0)) for role in roles}
    if plan.in_turn:
        return PROCESS_BYTES + max(held[role] + max(opening[role], scratch[role]) for role in roles)
    stay = [role for role in roles if role not in rests or manifest.graphs[role].parameters * 4 <= SMALL_BYTES]
    before_decoding = sum(held[role] for role in stay if role not in ("vae_decoder", "preview_decoder"))
    others = max((scratch[role] for role in stay if role != "unet"), default=0.0)
    return PROCESS_BYTES + max(
        before_decoding + opening["unet"],
        sum(held[role] for role in stay) + scratch["unet"] + others,
        *(held[role] + opening[role] for role in manifest.text.encoders),
        sum(held.get(role, 0.0) for role in {*stay, RANKER}) + opening.get(RANKER, 0.0),
    )


def _scratch(manifest: Manifest, role: str, pixels: float) -> float:
    """Bytes of a graph's activations."""
    per_pixel, measured_on = ACTIVATIONS.get(role, (0.0, 1.0))
    width, height = manifest.size.usual
    share = USUAL if pixels == width * height else 1.0
    return share * per_pixel * math.sqrt(manifest.graphs[role].parameters / measured_on) * pixels
