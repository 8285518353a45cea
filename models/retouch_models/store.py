"""Where bundles live: a folder the user names, the user's data directory, the package."""

from pathlib import Path

from platformdirs import user_data_path

from retouch_models.bundle import Bundle, open_bundle
from retouch_models.errors import BundleError, UnknownName
from retouch_models.manifest import MANIFEST

DEFAULT = "pocket"
"""The model used when none is named."""


def bundled_folder() -> Path:
    """Folder of the models that ship in the package."""
    return Path(__file__).parent / "bundled"


def user_folder() -> Path:
    """Folder of the models that the user installed; it may not exist."""
    return user_data_path("retouch", appauthor=False) / "models"


def installed() -> dict[str, Path]:
    """Folders of all installed models by name; the user's hide the package's of the same name."""
    found: dict[str, Path] = {}
    for root in (bundled_folder(), user_folder()):
        if root.is_dir():
            found |= {folder.name: folder for folder in sorted(root.iterdir()) if (folder / MANIFEST).is_file()}
    return found


def find_bundle(name_or_folder: str = DEFAULT) -> Bundle:
    """Open a model by its name or by its folder; UnknownName or BundleError say what to do."""
    folder = Path(name_or_folder).expanduser()
    known = installed()
    if name_or_folder in known and not (folder / MANIFEST).is_file():
        return open_bundle(known[name_or_folder])
    if folder.is_dir():
        return open_bundle(folder)
    if len(folder.parts) > 1 or name_or_folder.startswith("."):
        raise BundleError(f"{folder}: no such folder; see the installed models with: retouch models list")
    raise UnknownName("model", name_or_folder, known)


def sample_folder() -> Path:
    """Folder of the sample picture and its mask, `picture.png` and `mask.png`."""
    return Path(__file__).parent / "sample"
