"""iTerm2's inline pictures (iterm2.com/documentation-images.html), also in WezTerm, VS Code, mintty, Tabby."""

from base64 import standard_b64encode
from io import BytesIO

from PIL import Image

from retouch.arrays import RGB
from retouch_tui.terminal.graphics import RESTORE, SAVE, WRITERS, Place, stretched

QUALITY = 80
"""JPEG quality: a third of the bytes of PNG, the cheapest real pixels over a slow line."""


class Iterm2:
    """Pictures that take the place of their cells."""

    stays = False

    def show(self, picture: RGB, place: Place) -> str:
        """Return the picture as JPEG, stretched to its cells."""
        height, width = picture.shape[:2]
        packed = BytesIO()
        fitting = stretched(picture, min(width, place.width), min(height, place.height))
        Image.fromarray(fitting).save(packed, "JPEG", quality=QUALITY)
        data = packed.getvalue()
        arguments = (
            f"inline=1;size={len(data)};width={place.columns};height={place.rows}"
            ";preserveAspectRatio=0;doNotMoveCursor=1"
        )
        return f"{SAVE}{place.go}\x1b]1337;File={arguments}:{standard_b64encode(data).decode()}\x07{RESTORE}"

    def clear(self, place: Place) -> str:  # noqa: ARG002 - writing the cells removes the picture
        """Return nothing."""
        return ""


WRITERS.register(Iterm2())
