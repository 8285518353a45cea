"""What is painted while a picture is still being made ready is not lost."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from retouch.geometry import Box
from retouch_tui.raster import Raster, Scene
from retouch_tui.scene_follower import News, SceneFollower
from retouch_tui.turns import AT_ONCE_PX
from terminal_support.canvas_app import empty_scene

Landing = tuple[Callable[[], Raster], Callable[[Raster], None]]
SIDE = int(AT_ONCE_PX**0.5) + 64
BOX = Box(10, 10, 40, 40)


def masked(scene: Scene) -> Scene:
    mask = scene.mask.copy()
    mask[BOX.slices] = 255
    return replace(scene, mask=mask)


@pytest.mark.parametrize("earlier", [False, True], ids=["the first picture", "another picture before"])
def test_a_stroke_during_the_making_of_a_raster_is_seen_after_it(earlier: bool) -> None:
    waiting: list[Landing] = []
    told: list[News] = []
    follower = SceneFollower(
        lambda task, then: waiting.append((task, then)), lambda _: [], lambda _, news: told.append(news)
    )

    def land() -> None:
        task, then = waiting.pop()
        then(task())

    if earlier:
        follower.show(empty_scene(SIDE, SIDE))
        land()
    scene = empty_scene(SIDE, SIDE)
    follower.show(scene)
    assert follower.scene is scene
    stroked = masked(scene)
    follower.update(BOX, stroked)
    assert follower.scene is stroked
    land()
    assert follower.raster is not None
    assert follower.raster.scene is stroked
    assert told[-1].boxes == [BOX]
    assert not waiting
