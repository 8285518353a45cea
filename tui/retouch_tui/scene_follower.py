"""Keeps what the canvas looks at in step with the document, in a thread where that takes long."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from retouch.geometry import Box
from retouch_tui.raster import Raster, Scene
from retouch_tui.turns import at_once
from retouch_tui.view import View

Elsewhere: TypeAlias = Callable[[Callable[[], Raster], Callable[[Raster], None]], None]
"""Runs the first in a thread and gives what it returns to the second, back on the event loop."""


@dataclass(eq=False)
class News:
    """How the wanted scene differs from the one that is known."""

    scene: Scene
    everything: bool = False
    changed: list[Box] = field(default_factory=list)
    """Where mask and strokes differ."""
    laid: list[Box] = field(default_factory=list)
    """Where only what lies above them differs."""

    @property
    def boxes(self) -> list[Box]:
        """All places that look different."""
        return [box for box in (*self.changed, *self.laid) if not box.empty]


class SceneFollower:
    """Makes rasters of scenes, one after another; changes that come meanwhile are gathered for the next one."""

    def __init__(
        self,
        elsewhere: Elsewhere,
        views: Callable[[Scene], list[View]],
        took: Callable[[Raster | None, News], None],
    ) -> None:
        """`views` are those that a scene will be seen from; `took` is told the raster before and what is new now."""
        self.raster: Raster | None = None
        self._elsewhere = elsewhere
        self._views = views
        self._took = took
        self._news: News | None = None
        self._making: Scene | None = None

    @property
    def scene(self) -> Scene | None:
        """The scene wanted last, whether it is seen already or not."""
        if self._news is not None:
            return self._news.scene
        if self._making is not None:
            return self._making
        return None if self.raster is None else self.raster.scene

    def show(self, scene: Scene) -> None:
        """Take another scene."""
        self._want(scene).everything = True
        self._go_on()

    def update(self, box: Box, scene: Scene) -> None:
        """Take a scene whose mask and strokes differ inside a box."""
        self._want(scene).changed.append(box)
        self._go_on()

    def lay(self, box: Box, scene: Scene) -> None:
        """Take a scene in which only preview and drawing differ, inside a box."""
        self._want(scene).laid.append(box)
        self._go_on()

    def _want(self, scene: Scene) -> News:
        if self._news is None:
            self._news = News(scene)
        self._news.scene = scene
        return self._news

    def _go_on(self) -> None:
        if self._making is not None or self._news is None:
            return
        news, self._news = self._news, None
        old = self.raster
        if old is not None and not news.everything and not alike(old.scene, news.scene):
            news.everything = True
        if at_once(_pixels(old, news)):
            self._take(_here(old, news), news)
            return
        self._making = news.scene
        views = self._views(news.scene)
        self._elsewhere(lambda: _apart(old, news, views), lambda raster: self._landed(raster, news))

    def _landed(self, raster: Raster, news: News) -> None:
        self._making = None
        self._take(raster, news)
        self._go_on()

    def _take(self, raster: Raster, news: News) -> None:
        old, self.raster = self.raster, raster
        self._took(old, news)


def alike(old: Scene, new: Scene) -> bool:
    """Whether two scenes differ in nothing but mask, the colour of strokes, preview and drawing."""
    same = all(getattr(old, name) is getattr(new, name) for name in ("picture", "compare", "alpha"))
    same = same and (old.regions, old.frame, old.size) == (new.regions, new.frame, new.size)
    return same and (old.strokes is None) == (new.strokes is None)


def _pixels(old: Raster | None, news: News) -> int:
    """How many pixels must be looked at."""
    scene = news.scene
    changed = sum(box.clamp(scene.size).area for box in news.changed)
    if old is None:
        return 2 * scene.size.area
    return changed + (old.unknown_px(scene) if news.everything else 0)


def _here(old: Raster | None, news: News) -> Raster:
    """Bring the raster up to date in place."""
    raster = Raster(news.scene, old) if old is None or news.everything else old
    raster.lay(news.scene)
    for box in news.changed:
        raster.follow(news.scene, box)
    return raster


def _apart(old: Raster | None, news: News, views: list[View]) -> Raster:
    """Make a raster that is up to date; the old one may be looked at meanwhile."""
    raster = Raster(news.scene, old) if old is None or news.everything else old
    if news.changed:
        raster = raster.followed(news.scene, news.changed)
    for view in views:
        raster.prepare(view)
    return raster
