"""From a checkpoint to a bundle: every graph written and proved, then one whole picture, then the manifest."""

import hashlib
import importlib.metadata
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from retouch_export.checkpoint import Checkpoint
from retouch_export.cuda.channels_last import Layout
from retouch_export.description import (
    Card,
    conditioning_spec,
    copy_tokenizers,
    latent_spec,
    noise_spec,
    size_spec,
    text_spec,
)
from retouch_export.graph_export import GraphOptions, Say, export_graph
from retouch_export.precision import STORED_BYTES
from retouch_export.preview import preview_matrix
from retouch_export.report import REPORT, report
from retouch_export.static_shape import Sizes
from retouch_export.tracing import OPSET
from retouch_export.workplace import Workplace, check_room
from retouch_models.bundle import Bundle, file_spec, open_bundle
from retouch_models.errors import ExportError, OutputError, RetouchError
from retouch_models.manifest import MANIFEST, FileSpec, GraphSpec, Manifest


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """How a bundle is made."""

    name: str
    precision: str = "fp16"
    vae_precision: str | None = None
    opset: int = OPSET
    sizes: Sizes = ()
    """The only sizes, (width, height) in pixels; empty for every size on the grid."""
    cuda_layout: Layout = "graph"
    keep_failed: bool = False
    picture: bool = True
    """Whether one whole picture is compared with diffusers."""
    card: Card = field(default_factory=Card)


def export_bundle(checkpoint: Checkpoint, output: Path, options: ExportOptions, say: Say) -> Bundle:
    """Write the bundle to `output`, which must not exist.

    Errors and Ctrl-C leave nothing behind; after a crash the hidden folder stays and the next run goes on from it.
    """
    checkpoint.family()
    size_spec(checkpoint, options.sizes)
    sizes = [part.parameters for part in checkpoint.parts()]
    held = max(part.held_bytes() for part in checkpoint.parts())
    check_room(output, max(sizes), sum(sizes), STORED_BYTES[options.precision], held)
    place = Workplace.open(output, _fingerprint(checkpoint, options))
    try:
        _fill(checkpoint, place, options, say)
        place.publish()
    except RetouchError as error:
        if options.keep_failed:
            raise ExportError(f"{error}; what was made is in {place.keep()}") from error
        place.remove()
        raise
    except KeyboardInterrupt:
        place.remove()
        raise
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and "allocate memory" not in str(error):
            raise
        place.remove()
        raise ExportError("out of memory; close other programs, or export on a machine that has more") from error
    except OSError as error:
        place.remove()
        raise OutputError(
            f"{output} cannot be written ({error.strerror}); free some space or choose another"
        ) from error
    return open_bundle(output)


def _fill(checkpoint: Checkpoint, place: Workplace, options: ExportOptions, say: Say) -> None:
    graphs: dict[str, GraphSpec] = {}
    parity: dict[str, Any] = {}
    for role in checkpoint.roles():
        result = place.finished(role)
        if result is None:
            result = export_graph(checkpoint, role, place.folder, _graph_options(role, options), say)
            place.remember(role, result)
        else:
            say(f"{role:14} was finished by an earlier run")
        graphs |= result.specs
        parity[role] = result.parity
    files = copy_tokenizers(checkpoint, place.folder)
    manifest = _manifest(checkpoint, options, graphs, files, {"graphs": parity})
    if options.picture:
        _write_manifest(place.folder, manifest)
        picture = _prove_picture(checkpoint, place.folder, options, say)
        manifest = replace(manifest, parity={"graphs": parity, "picture": picture})
    (place.folder / REPORT).write_text(report(manifest), encoding="utf-8")
    _write_manifest(place.folder, replace(manifest, files=(*files, file_spec(place.folder, REPORT))))


def _prove_picture(checkpoint: Checkpoint, folder: Path, options: ExportOptions, say: Say) -> dict[str, Any]:
    from retouch_export.picture_parity import compare_pictures

    limits = checkpoint.family()[1].tolerance.picture_db
    least = limits[options.precision]
    found = compare_pictures(checkpoint, folder, least)
    say(f"whole picture  {found.label}: {found.psnr_db:.1f} dB against diffusers (at least {least:.0f})")
    if found.itself_db is not None:
        say(f"whole picture  diffusers against itself, its noise rounded otherwise: {found.itself_db:.1f} dB")
    if not found.near(least, min(limits.values())):
        raise ExportError(
            f"a whole picture differs from that of diffusers ({found.psnr_db:.1f} dB, at least {least:.0f}); "
            "try --precision fp32, or --keep-failed to study it"
        )
    return asdict(found)


def _graph_options(role: str, options: ExportOptions) -> GraphOptions:
    vae = role.startswith("vae") and options.vae_precision is not None
    return GraphOptions(
        precision=str(options.vae_precision) if vae else options.precision,
        opset=options.opset,
        sizes=options.sizes,
        cuda_layout=options.cuda_layout,
    )


def _fingerprint(checkpoint: Checkpoint, options: ExportOptions) -> str:
    """Name everything the graphs depend on."""
    known = [checkpoint.source, checkpoint.digest(), asdict(options), _versions()]
    return hashlib.sha256(json.dumps(known, sort_keys=True, default=str).encode()).hexdigest()


def _versions() -> str:
    names = ("torch", "diffusers", "transformers", "optimum-onnx", "onnx", "onnxruntime")
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)


def _write_manifest(folder: Path, manifest: Manifest) -> None:
    (folder / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")


def _manifest(
    checkpoint: Checkpoint,
    options: ExportOptions,
    graphs: Mapping[str, GraphSpec],
    files: tuple[FileSpec, ...],
    parity: Mapping[str, Any],
) -> Manifest:
    name, family = checkpoint.family()
    card = options.card
    return Manifest(
        name=options.name,
        title=family.title if card.title is None else card.title,
        family=name,
        description=card.description,
        licence=checkpoint.licence if card.licence is None else card.licence,
        attribution=card.attribution,
        made_with=f"retouch export with {_versions()}",
        source=checkpoint.source,
        size=size_spec(checkpoint, options.sizes),
        latent=latent_spec(checkpoint, preview_matrix(checkpoint)),
        noise=noise_spec(checkpoint),
        text=text_spec(checkpoint),
        conditioning=conditioning_spec(checkpoint),
        defaults=family.defaults,
        graphs=graphs,
        files=files,
        parity=parity,
    )
