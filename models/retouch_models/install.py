"""Add, fetch and remove models in the user's data directory, each whole or not at all."""

import errno
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from retouch_models.bundle import Bundle, file_digest, open_bundle, verify_bundle
from retouch_models.errors import BundleError, MissingExtra, OutputError, UsageError
from retouch_models.manifest import MANIFEST, FileSpec, parse_manifest
from retouch_models.store import bundled_folder, user_folder

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")

_INCOMING = ".incoming-"
_STALE_SECONDS = 24 * 3600

OnFile = Callable[[str, int], None]
"""Called with the name and size of each file before it is fetched."""


def add_bundle(folder: Path, *, force: bool = False) -> Bundle:
    """Copy a bundle into the user's models, verified; BundleError if it is damaged, OutputError if it is there."""
    source = open_bundle(folder)
    _require_sound(source)
    target = _target(source.manifest.name, force=force)

    def fill(staging: Path) -> None:
        for spec in source.manifest.all_files():
            (staging / spec.file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / spec.file, staging / spec.file)
        shutil.copyfile(folder / MANIFEST, staging / MANIFEST)

    return _install(target, fill, force=force)


def pull_bundle(hub_id: str, *, revision: str | None = None, force: bool = False, on_file: OnFile) -> Bundle:
    """Fetch a ready bundle from the Hugging Face Hub; what was already fetched is not fetched again.

    Only the files that the manifest names are taken, and each is compared with its hash; one that was damaged on its
    way is fetched anew. HF_HUB_OFFLINE in the environment uses only what was fetched before.
    """
    if not _HUB_ID.fullmatch(hub_id):
        raise UsageError(f"{hub_id!r} is not a hub id; write it as owner/name")
    try:
        from huggingface_hub import hf_hub_download  # type: ignore[import-not-found, unused-ignore]
        from huggingface_hub.utils import HfHubHTTPError, logging  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        raise MissingExtra("fetching models from the hub", "hub") from None
    logging.set_verbosity_error()  # its retries are not the user's business

    def fetch(file: str, *, anew: bool = False, tries: int = 3) -> Path:
        try:
            return Path(hf_hub_download(hub_id, file, revision=revision, force_download=anew))
        except Exception as error:  # what a broken connection raises differs with the client's version
            if tries > 1 and not isinstance(error, (HfHubHTTPError, FileNotFoundError, ValueError)):
                return fetch(file, anew=anew, tries=tries - 1)  # goes on where it was
            first = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
            raise BundleError(f"{hub_id}: {file} cannot be fetched ({first}); check the id and the network") from error

    def sound(spec: FileSpec) -> Path:
        found = fetch(spec.file)
        return found if file_digest(found) == spec.sha256 else fetch(spec.file, anew=True)

    manifest = parse_manifest(fetch(MANIFEST).read_text(encoding="utf-8"), hub_id)
    target = _target(manifest.name, force=force)

    def fill(staging: Path) -> None:
        for spec in manifest.all_files():
            on_file(spec.file, spec.bytes)
            _copy(sound(spec), staging, spec)
        shutil.copyfile(fetch(MANIFEST), staging / MANIFEST)

    return _install(target, fill, force=force)


def remove_bundle(name: str) -> Path:
    """Delete a model of the user, whole or not at all; returns its folder. The bundled ones stay."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is not a model name; see: retouch models list")
    folder = user_folder() / name
    if not (folder / MANIFEST).is_file():
        if (bundled_folder() / name / MANIFEST).is_file():
            raise UsageError(f"{name} ships with retouch and cannot be removed")
        raise UsageError(f"no model {name!r} was added; see: retouch models list")
    try:
        with _holder(folder.parent) as holder:
            folder.rename(holder / name)
    except OSError as error:
        raise OutputError(f"{folder} cannot be removed ({error.strerror}); remove it by hand") from error
    return folder


def _copy(source: Path, staging: Path, spec: FileSpec) -> None:
    target = staging / spec.file
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _target(name: str, *, force: bool) -> Path:
    if not _NAME.fullmatch(name):
        raise BundleError(f"the manifest's name {name!r} cannot be a folder name; export the model again with --name")
    target = user_folder() / name
    if target.exists() and not force:
        raise OutputError(f"a model {name!r} is already there ({target}); replace it with --force")
    return target


def _install(target: Path, fill: Callable[[Path], None], *, force: bool) -> Bundle:
    """Fill a staging folder beside the target, verify it, then rename: a cut-off leaves nothing half-written."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target.parent)
        with _holder(target.parent) as holder:
            staging = holder / target.name
            staging.mkdir()
            fill(staging)
            _require_sound(open_bundle(staging))
            old = holder / "replaced"
            if force and target.exists():
                target.rename(old)
            try:
                os.rename(staging, target)  # noqa: PTH104 - Path.rename would do the same
            except OSError:
                if old.exists() and not target.exists():
                    old.rename(target)
                raise
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST) and (target / MANIFEST).is_file():
            raise OutputError(
                f"another process added {target.name!r} meanwhile ({target}); replace it with --force"
            ) from error
        raise OutputError(
            f"{target} cannot be written ({error.strerror}); free space or mend its permissions"
        ) from error
    return open_bundle(target)


@contextmanager
def _holder(folder: Path) -> Iterator[Path]:
    """A hidden folder for what is not yet, or no more, a model; removed at the end."""
    with tempfile.TemporaryDirectory(prefix=_INCOMING, dir=folder, ignore_cleanup_errors=True) as made:
        yield Path(made)


def _sweep(folder: Path) -> None:
    """Remove what processes that were killed left behind: hidden folders older than a day."""
    for left in folder.glob(f"{_INCOMING}*"):
        try:
            if time.time() - left.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(left, ignore_errors=True)
        except OSError:  # another process was quicker
            continue


def _require_sound(bundle: Bundle) -> None:
    wrong = verify_bundle(bundle)
    if wrong:
        raise BundleError(f"{bundle.folder}: {'; '.join(wrong)}; fetch or export the model again")
