"""Where checkpoints come from: a folder in the layout of diffusers, a single .safetensors file, the Hub."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from retouch_export.checkpoint import Checkpoint
from retouch_export.safetensors_file import refuse_pickles
from retouch_export.sources.diffusers_folder import load_folder
from retouch_export.sources.hub import fetch
from retouch_export.sources.single_file import single_file
from retouch_models.errors import ExportError

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


@contextmanager
def open_source(source: str, *, revision: str | None = None, offline: bool = False) -> Iterator[Checkpoint]:
    """Describe the checkpoint that `source` names, for as long as the context lasts; raises ExportError."""
    path = Path(source).expanduser()
    if path.is_dir():
        yield load_folder(path)
    elif path.is_file():
        refuse_pickles(path)
        with single_file(path) as checkpoint:
            yield checkpoint
    elif _HUB_ID.fullmatch(source):
        yield load_folder(
            fetch(source, revision, offline), name=source.partition("/")[2], source=_cited(source, revision)
        )
    else:
        raise ExportError(f"{source}: no such folder or file, and no Hub id (OWNER/NAME)")


def _cited(hub_id: str, revision: str | None) -> str:
    return hub_id if revision is None else f"{hub_id}@{revision}"
