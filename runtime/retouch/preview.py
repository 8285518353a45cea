"""What a run looks like before it is done: its latents as a picture, by a tiny decoder or by a linear map.

A bundle may carry a tiny decoder (TAESD: Bohan 2023) beside its VAE. Its picture is nearly the final one and costs a
few percent of a step of a full-size model, but more than a whole step of a small one; so it is used at full size, at
half size, or not at all, by what the manifest says of the work of both.
"""

from typing import Literal

import cv2
import numpy as np

from retouch import vae
from retouch.arrays import RGB, Latents
from retouch.errors import RetouchError
from retouch.session import Graphs
from retouch_models.manifest import Manifest

PreviewKind = Literal["auto", "decoder", "linear"]
"""`auto`: the decoder where it is cheap; `decoder`: wherever the bundle has one; `linear`: never."""

ROLE = "preview_decoder"
SHARE = 0.1
"""Part of the work of a step that a preview may take."""


class Previewer:
    """Makes the previews of a model's runs; the decoder opens at the first of them."""

    def __init__(self, graphs: Graphs, kind: PreviewKind = "auto") -> None:
        """Open nothing yet."""
        self._graphs = graphs
        self._spec = graphs.bundle.manifest.latent
        self.shrink = shrink_of(graphs.bundle.manifest, kind)
        """1: the decoder at full size, 2: at half size, None: the linear map."""
        self.notes: tuple[str, ...] = ()
        """What the user should know of the previews."""

    def __call__(self, latents: Latents) -> RGB:
        """Show clean latents, (1, C, h, w): (h * f, w * f, 3) or half of that by the decoder, else (h, w, 3).

        The linear map is also taken where graphs take turns, since opening the decoder would close the UNet, and from
        the first failure of the decoder on: a preview never ends a run.
        """
        if self.shrink is not None and not self._graphs.memory.in_turn and np.isfinite(latents).all():
            try:
                return self._decoded(latents, self.shrink)
            except (RetouchError, MemoryError) as error:
                self._graphs.release(ROLE)
                self.shrink = None
                self.notes = (f"previews are rough, the preview decoder does not work: {error}",)
        return vae.preview(latents, self._spec)

    def _decoded(self, latents: Latents, shrink: int) -> RGB:
        (image,) = self._graphs[ROLE]({"latents": latents if shrink == 1 else _smaller(latents, shrink)})
        return vae.to_pixels(image)


def shrink_of(manifest: Manifest, kind: PreviewKind) -> int | None:
    """How many times smaller than the result the decoder's previews are; None for the linear map."""
    graph = manifest.graphs.get(ROLE)
    if graph is None or kind == "linear":
        return None
    unet = manifest.graphs["unet"].gflop
    if kind == "decoder" or graph.gflop is None or unet is None:
        return 1
    step = unet * (1 if manifest.defaults.guidance == 1 else 2)
    return next((n for n in ((1,) if graph.one_size else (1, 2)) if graph.gflop / n**2 <= SHARE * step), None)


def _smaller(latents: Latents, shrink: int) -> Latents:
    """Means of blocks of cells; a decoder takes them for the latents of a smaller picture, which they nearly are."""
    size = tuple(max(1, length // shrink) for length in latents.shape[:1:-1])
    planes = cv2.resize(np.ascontiguousarray(latents[0].transpose(1, 2, 0)), size, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(np.atleast_3d(planes).transpose(2, 0, 1)[None])
