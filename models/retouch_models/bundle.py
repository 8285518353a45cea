"""A bundle on disk: opened by its manifest, verified by its hashes."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from retouch_models.errors import BundleError
from retouch_models.manifest import MANIFEST, FileSpec, GraphSpec, Manifest, parse_manifest

_LARGEST_MANIFEST = 16 * 1024 * 1024


@dataclass(frozen=True)
class Bundle:
    """A model folder whose manifest was read and whose files are there with the right sizes."""

    folder: Path
    manifest: Manifest

    def graph_path(self, role: str) -> Path:
        """Path of the graph with that role."""
        return self.folder / self.graph(role).file.file

    def graph(self, role: str) -> GraphSpec:
        """Return the graph with that role; BundleError if there is none."""
        try:
            return self.manifest.graphs[role]
        except KeyError:
            raise BundleError(f"{self.folder}: has no graph {role!r}; export the model again") from None

    @cached_property
    def digest(self) -> str:
        """Short hash of the manifest, and by it of every file: names the model in recipes and caches."""
        return hashlib.sha256((self.folder / MANIFEST).read_bytes()).hexdigest()[:16]


def open_bundle(folder: Path) -> Bundle:
    """Open the bundle in `folder`; raises BundleError if it is not one or if files are missing or cut short."""
    path = folder / MANIFEST
    try:
        if path.stat().st_size > _LARGEST_MANIFEST:
            raise BundleError(f"{folder}: {MANIFEST} is larger than a manifest can be; fetch the model again")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BundleError(
            f"{folder}: not a model bundle, it has no {MANIFEST}; make one with: retouch export SOURCE --output DIR"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(f"{folder}: {MANIFEST} cannot be read ({error}); fetch the model again") from None
    bundle = Bundle(folder, parse_manifest(text, str(folder)))
    for spec in bundle.manifest.all_files():
        _check_size(folder, spec)
    return bundle


def verify_bundle(bundle: Bundle) -> list[str]:
    """Compare every file with its recorded hash; returns what is wrong, one line each, empty when all is well."""
    wrong = []
    for spec in bundle.manifest.all_files():
        found = file_digest(bundle.folder / spec.file)
        if found != spec.sha256:
            wrong.append(f"{spec.file}: damaged (sha256 {found[:12]}…, the manifest says {spec.sha256[:12]}…)")
    return wrong


def file_digest(path: Path) -> str:
    """Return the sha256 of a file as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_spec(folder: Path, file: str) -> FileSpec:
    """Describe one file of a bundle that is being written."""
    path = folder / file
    return FileSpec(file=file, sha256=file_digest(path), bytes=path.stat().st_size)


def _check_size(folder: Path, spec: FileSpec) -> None:
    try:
        size = (folder / spec.file).stat().st_size
    except OSError:
        raise BundleError(f"{folder}: {spec.file} is missing; fetch or export the model again") from None
    if size != spec.bytes:
        kind = "cut short" if size < spec.bytes else "not the file it was"
        raise BundleError(
            f"{folder}: {spec.file} is {kind} ({size:,} bytes, the manifest says {spec.bytes:,}); "
            "fetch or export the model again"
        )
