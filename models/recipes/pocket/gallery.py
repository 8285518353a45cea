"""What a bundle painted for the judge: each task once, kept as files, so that a judge who is stopped goes on."""

import hashlib
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from recipes.pocket.judge_tasks import Task
from retouch import Inpainter, InpaintRequest
from retouch.arrays import RGB
from retouch.best_of import usual
from retouch.outpaint import outpaint
from retouch.picture import Picture
from retouch.ranking import ROLE as RANKER
from retouch.resize import Margins
from retouch_models.manifest import Manifest


@dataclass(frozen=True, eq=False, kw_only=True)
class Painted:
    """The answer to a task."""

    task: Task
    result: RGB
    drift_db: float | None
    """PSNR outside the mask before the original is laid over it."""
    changed_outside: int
    """Bytes."""


@dataclass(frozen=True, eq=False)
class Gallery:
    """A folder of answers by one bundle."""

    engine: Inpainter
    folder: Path
    drafts: int | None = None
    """From which the best is painted where there is a prompt; None is the bundle's own default."""

    def paint(self, tasks: Iterable[Task], until: float) -> Iterator[Painted]:
        """Answer the tasks in order; what is not in the folder is painted until the clock `until`, in seconds."""
        drafts = self._drafts()
        home = home_of(self.engine.manifest, self.folder, drafts)
        home.mkdir(parents=True, exist_ok=True)
        for task in tasks:
            picture, facts = home / f"{task.name}.png", home / f"{task.name}.json"
            if not facts.exists():
                if time.monotonic() > until:
                    return
                self._paint(task, picture, facts)
            measured = json.loads(facts.read_text())
            yield Painted(task=task, result=np.asarray(Image.open(picture)), **measured)

    def _paint(self, task: Task, picture: Path, facts: Path) -> None:
        """All settings are the bundle's own defaults, drafts included; no two seeds of a task share a draft.

        The facts are written last and mark the answer as whole.
        """
        drafts = self._drafts() if task.prompt else 1
        request = InpaintRequest(prompt=task.prompt, seed=task.seed * drafts, best_of=drafts)
        if task.grow_right:
            margins = Margins(left=0, top=0, right=task.grow_right, bottom=0)
            result = outpaint(self.engine, Picture(pixels=task.picture), margins, request).result
        else:
            result = self.engine.run(task.picture, task.mask, request)
        Image.fromarray(result.image).save(picture)
        proof = result.proof
        facts.write_text(json.dumps({"drift_db": proof.drift_db, "changed_outside": proof.bytes_changed_outside}))

    def _drafts(self) -> int:
        return usual(self.engine.manifest, seeded=False) if self.drafts is None else self.drafts


def home_of(manifest: Manifest, folder: Path, drafts: int = 1) -> Path:
    """Where the answers of a bundle lie."""
    return folder / (f"{work_digest(manifest, ranked=True)}-best-of-{drafts}" if drafts > 1 else work_digest(manifest))


def work_digest(manifest: Manifest, *, ranked: bool = False) -> str:
    """Short hash of all that the pictures of a bundle depend on: graphs, scales, noise, words, defaults."""
    files = [(spec.file, spec.data) for role, spec in sorted(manifest.graphs.items()) if ranked or role != RANKER]
    told = repr((files, manifest.size, manifest.latent, manifest.noise, manifest.text, manifest.defaults))
    return hashlib.sha256(told.encode()).hexdigest()[:16]
