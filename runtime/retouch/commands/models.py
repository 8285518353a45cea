"""`retouch models`: list, show, verify, find, add and remove models."""

import argparse
import sys
from pathlib import Path

from retouch_models.bundle import Bundle, open_bundle, verify_bundle
from retouch_models.errors import BundleError, UsageError
from retouch_models.install import add_bundle, pull_bundle, remove_bundle
from retouch_models.store import bundled_folder, find_bundle, installed, user_folder

ACTIONS = ("list", "show", "verify", "path", "add", "pull", "remove")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("action", choices=ACTIONS, nargs="?", default="list")
    parser.add_argument("name", nargs="?", help="model name or folder; for pull a hub id, as in owner/name")
    parser.add_argument("--revision", help="with pull: branch, tag or commit")
    parser.add_argument("--force", action="store_true", help="with add and pull: replace a model of the same name")


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit code."""
    if args.action == "list":
        return _list()
    if args.action == "path" and args.name is None:
        print(user_folder())  # noqa: T201
        return 0
    if args.name is None:
        raise UsageError(f"retouch models {args.action} needs a name; see: retouch models list")
    if args.action == "add":
        print(add_bundle(Path(args.name), force=args.force).folder)  # noqa: T201
        return 0
    if args.action == "pull":
        bundle = pull_bundle(args.name, revision=args.revision, force=args.force, on_file=_tell_file)
        print(bundle.folder)  # noqa: T201
        return 0
    if args.action == "remove":
        print(remove_bundle(args.name))  # noqa: T201
        return 0
    bundle = find_bundle(args.name)
    if args.action == "path":
        print(bundle.folder)  # noqa: T201
        return 0
    return _show(bundle) if args.action == "show" else _verify(bundle)


def _tell_file(name: str, size: int) -> None:
    print(f"fetching {name} ({_megabytes(size)})", file=sys.stderr)  # noqa: T201


def _list() -> int:
    for name, folder in sorted(installed().items()):
        where = "ships with retouch" if folder.parent == bundled_folder() else str(folder)
        try:
            bundle = open_bundle(folder)
        except BundleError as error:
            print(f"{name:16} not usable: {error}")  # noqa: T201
            continue
        size = sum(f.bytes for f in bundle.manifest.all_files())
        print(f"{name:16} {_megabytes(size):>10}  {bundle.manifest.title} ({where})")  # noqa: T201
    return 0


def _show(bundle: Bundle) -> int:
    m = bundle.manifest
    rows = {
        "name": m.name,
        "title": m.title,
        "about": m.description,
        "family": m.family,
        "licence": m.licence,
        "attribution": "; ".join(m.attribution),
        "folder": str(bundle.folder),
        "digest": bundle.digest,
        "made with": m.made_with,
        "sizes": f"native {m.size.native}; {m.size.words()}",
        "prediction": m.noise.prediction,
        "text": f"{m.text.tokenizers[0].tokens} tokens, width {m.text.width}",
        "kind": "inpainting (9 channels)" if m.conditioning.masked_picture else "ordinary (4 channels)",
        "defaults": f"{m.defaults.steps} steps, guidance {m.defaults.guidance:g}, "
        f"{m.defaults.sampler}, schedule {m.defaults.schedule}",
    }
    for key, value in rows.items():
        if value:
            print(f"{key:12} {value}")  # noqa: T201
    for role, graph in m.graphs.items():
        size = graph.file.bytes + (graph.data.bytes if graph.data else 0)
        parity = m.parity.get(role, {})
        error = f", error {parity['relative']:.1e}" if isinstance(parity, dict) and "relative" in parity else ""
        print(f"{role:16} {_megabytes(size):>10}  {graph.precision}, opset {graph.opset}{error}")  # noqa: T201
    return 0


def _verify(bundle: Bundle) -> int:
    wrong = verify_bundle(bundle)
    if wrong:
        raise BundleError(f"{bundle.folder}: {'; '.join(wrong)}; fetch or export the model again")
    print(f"{bundle.manifest.name}: all {len(bundle.manifest.all_files())} files are as recorded")  # noqa: T201
    return 0


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
