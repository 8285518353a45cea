"""The npm packages that the artwork and the words come from: pinned, checked, read without unpacking."""

import hashlib
import json
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Package:
    """One published package."""

    name: str
    version: str
    sha256: str
    """Of the tarball that `npm pack` fetches."""

    def fetch(self, folder: Path) -> Path:
        """Fetch the tarball into `folder` if it is not there; ValueError if it is not the one that was pinned."""
        stem = self.name.removeprefix("@").replace("/", "-")
        path = folder / f"{stem}-{self.version}.tgz"
        if not path.exists():
            subprocess.run(["npm", "pack", "--silent", f"{self.name}@{self.version}"], cwd=folder, check=True)
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != self.sha256:
            raise ValueError(f"{path}: sha256 {found} is not the pinned {self.sha256}; delete the file and try again")
        return path


def read_json(tarball: Path, member: str) -> Any:
    """Parse one file of a package, named from the package's root."""
    with tarfile.open(tarball) as tar:
        file = tar.extractfile(f"package/{member}")
        if file is None:
            raise ValueError(f"{tarball}: {member} is no file")
        return json.load(file)


ARTWORK = {
    "cartoon": Package(
        name="@iconify-json/noto",
        version="1.2.9",
        sha256="3e918d88fc945c0bb3d468dbace6f88caef67f01c9f0e7bcae0915a042e8f1ad",
    ),
    "classic": Package(
        name="@iconify-json/noto-v1",
        version="1.2.5",
        sha256="2bf62c26c2c2884aa99e90aec942cdaee17a5921f05690694f4978ad4b017c37",
    ),
    "simple": Package(
        name="@iconify-json/twemoji",
        version="1.2.5",
        sha256="19046dff7d8707ce96212ec86468b36ac5f8e60409629dd13f809265c6d0ebb7",
    ),
    "glossy": Package(
        name="@iconify-json/fluent-emoji",
        version="1.2.7",
        sha256="8044210dbf11e016d4de85f15d01a243423bd832457e7e2491df1b751c0e272b",
    ),
    "flat": Package(
        name="@iconify-json/fluent-emoji-flat",
        version="1.2.6",
        sha256="7d064769dee690815f823bc5bcc511d957198caf9f5edd8dd9c1aa48a6aeb175",
    ),
    "bright": Package(
        name="@iconify-json/emojione",
        version="1.2.3",
        sha256="26a14f44284407e8bcde91799388dca2bfd91dbcd55a97f425524a1c5b73610e",
    ),
}
"""One drawing style each."""

NAMES = Package(
    name="unicode-emoji-json",
    version="0.9.0",
    sha256="ae7efacb55533385bf8767d613dbd36c71226669759d95919a6e9059f5e4c401",
)
KEYWORDS = Package(
    name="emojilib",
    version="4.0.3",
    sha256="7f9a6b43cff31d18985b7d65d11faba5bd971cbcc60020cf6d09322fbaaaf303",
)
