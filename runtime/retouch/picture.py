"""A picture in memory, with everything of its file that a result must carry on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from retouch.arrays import RGB, Alpha
from retouch.colour_profile import from_srgb as to_profile
from retouch.colour_profile import to_srgb as from_profile
from retouch.geometry import Size


@dataclass(frozen=True, eq=False, kw_only=True)
class Picture:
    """Upright pixels in the picture's own colours, its opacity and its metadata.

    A picture with a usable RGB profile keeps its numbers and the profile, so that what is not repainted can be
    saved byte for byte. All other kinds (CMYK, Lab, grey with a profile) are sRGB from here on, without profile.
    """

    pixels: RGB
    alpha: Alpha | None = None
    """Opacity (H, W), None when the file has none."""
    profile: bytes | None = None
    """ICC profile of the pixels, None for sRGB; never one that cannot be used both ways."""
    exif: bytes | None = None
    """EXIF block without JPEG's prefix, orientation 1, no thumbnail."""
    format: str = "PNG"
    """Pillow's name of the file's format."""
    text: Mapping[str, str] = field(default_factory=dict)
    """Named texts of a PNG; for the others `parameters` holds the EXIF user comment."""
    path: Path | None = None
    notes: tuple[str, ...] = ()
    """What reading had to change or leave out, one sentence each, for the user."""

    @property
    def size(self) -> Size:
        """Width and height."""
        return Size(self.pixels.shape[1], self.pixels.shape[0])


def to_srgb(picture: Picture) -> RGB:
    """The picture's pixels in sRGB, (H, W, 3); exactly its own numbers when it is sRGB or has no profile.

    To convert a crop alone, call `colour_profile.to_srgb(crop, picture.profile)`.
    """
    return from_profile(picture.pixels, picture.profile)


def from_srgb(patch: RGB, picture: Picture) -> RGB:
    """A generated sRGB patch of any size in the picture's own colours; exact when the picture is sRGB."""
    return to_profile(patch, picture.profile)
