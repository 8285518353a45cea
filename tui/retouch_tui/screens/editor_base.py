"""What all parts of the editor screen share: the workspace, the hand, and showing them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from textual import work
from textual.timer import Timer

from retouch.arrays import RGB
from retouch.errors import RetouchError
from retouch.geometry import Box
from retouch_tui.actions import ACTIONS
from retouch_tui.cursor import Cursor
from retouch_tui.document import Document
from retouch_tui.engine import Engine
from retouch_tui.hand import Hand
from retouch_tui.keymap import Keymap, shown
from retouch_tui.overlay import Outline, Overlay, rectangle
from retouch_tui.preview import laid_over
from retouch_tui.raster import Look, Scene, Side, Tint
from retouch_tui.refine import area_count
from retouch_tui.settings import Settings
from retouch_tui.terminal.link import PacedScreen
from retouch_tui.widgets.canvas_view import CanvasView
from retouch_tui.widgets.status_line import Status, StatusLine
from retouch_tui.widgets.toolbox import Toolbox, ToolLine, ToolState
from retouch_tui.workspace import Workspace

if TYPE_CHECKING:
    from retouch.picture import Picture


HINT_SECONDS = 8.0
Result = TypeVar("Result")


class EditorBase(PacedScreen[None]):
    """State and display; the parts that act are its subclasses."""

    def __init__(self, workspace: Workspace, engine: Engine, keymap: Keymap, settings: Settings, config: Path) -> None:
        """Show a workspace; `config` is the folder of settings."""
        super().__init__()
        self.workspace = workspace
        self.engine = engine
        self.keymap = keymap
        self.settings = settings
        self.config = config
        self.hand = Hand(workspace.document)
        self.cursor = Cursor()
        self.crosshair = False
        """Whether the keyboard leads."""
        self.mouse_left = False
        """Whether the mouse was on the canvas and is elsewhere now."""
        self.pointed = True
        """Whether the pointer is drawn: not after the mouse has left, nor on a result until a key moves it."""
        self.pen_down = False
        self.shown_key = ""
        """The result that is looked at; empty for the picture worked on."""
        self.preview: tuple[RGB, Box] | None = None
        self.frame: Box | None = None
        """The canvas to be, while the frame tool is used."""
        self.origin: Picture | None = None
        """The file that was opened, with its metadata."""
        self.status = Status()
        self.tint = Tint.BLUE
        """The colour of the mask while it is painted; results are looked at without it."""
        self._area_count = (-1, 0)
        self._hint_timer: Timer | None = None

    @property
    def canvas(self) -> CanvasView:
        """The canvas."""
        return self.query_one(CanvasView)

    @property
    def document(self) -> Document:
        """The document."""
        return self.workspace.document

    @work(thread=True, group="aside")
    def aside(self, task: Callable[[], Result], then: Callable[[Result], None], failed: Callable[[], None]) -> None:
        """Do something slow in a thread, then go on with its result here; what goes wrong is told in words."""
        try:
            result = task()
        except RetouchError as error:
            problem = str(error)
            self.bring(lambda: self.notify(problem, severity="error", timeout=12))
            self.bring(failed)
            return
        self.bring(lambda: then(result))

    def bring(self, news: Callable[[], object]) -> None:
        """Call back from a thread, unless the editor is about to close."""

        def call() -> None:
            if self.is_attached and self.query(StatusLine):
                news()

        if self.is_attached:
            self.app.call_from_thread(call)

    # -- showing ----------------------------------------------------------------------------------------------

    def scene(self) -> Scene:
        """Return what the canvas should show."""
        document = self.document
        picture, compare = document.picture, self._before()
        strokes = document.sketch
        if self.shown_key and self.shown_key != self.workspace.history.base:
            looked = self.workspace.history.pictures.get(self.shown_key)
            if looked.shape == picture.shape:
                picture, compare, strokes = looked, picture, None
        if self.preview is not None:
            picture = self._with_preview(picture)
        numbers = tuple((r.box, str(r.number)) for r in self.workspace.fixes)
        return Scene(
            picture=picture,
            mask=document.mask,
            strokes=strokes,
            compare=compare,
            regions=numbers,
            frame=self.frame,
        )

    def _before(self) -> RGB | None:
        """The picture before the one worked on, if it has the same size."""
        history = self.workspace.history
        line = history.line_of(history.base)
        if len(line) < 2:
            return None
        pixels = history.pictures.get(line[-2].key)
        return pixels if pixels.shape == self.document.picture.shape else None

    def _with_preview(self, picture: RGB) -> RGB:
        return picture if self.preview is None else laid_over(picture, self.document.mask, *self.preview)

    def show_all(self) -> None:
        """Show another picture, or everything anew."""
        self.hand.document = self.document
        scene = self.scene()
        self.show_tint()
        self.canvas.show(scene)
        self.mirrored(scene)
        self.show_pointer()
        self.show_tools()

    def show_tint(self) -> None:
        """Tint the mask, except above results and previews, which would not be seen."""
        self.set_look(tint=Tint.OFF if self._looking else self.tint)
        self.show_pointer()

    @property
    def _looking(self) -> bool:
        """Whether a result or a preview is seen: nothing should cover it."""
        return bool(self.shown_key) or self.preview is not None

    def show_change(self, box: Box | None) -> None:
        """Show what changed inside a box of the picture, and the figures that follow from it."""
        if box is not None:
            self.show_dab(box)
            self.show_tools()

    def show_dab(self, box: Box | None) -> None:
        """Show what changed inside a box and nothing else: a moving brush must cost little."""
        if box is not None and not box.empty:
            scene = self.scene()
            self.canvas.update(box, scene)
            self.mirrored(scene)

    def mirrored(self, scene: Scene) -> None:
        """Pass the scene on to the mirror, if there is one; the full editor does it."""

    def show_pointer(self) -> None:
        """Draw the cursor and the shape under way."""
        at = self.cursor.at
        drawn = self.pointed and (self.crosshair if self.shown_key else self.preview is None)
        self.canvas.set_overlay(
            Overlay(
                cursor=at if drawn else None,
                radius=0.0 if self._looking else self.hand.radius_px,
                crosshair=self.crosshair,
                painting=self.hand.busy and self.hand.tool.sized,
                outlines=self._outlines(),
            )
        )
        self.set_status(at=at, zoom=self.canvas.view.zoom, pen_down=self.pen_down)

    def _outlines(self) -> tuple[Outline, ...]:
        points = tuple(self.hand.points)
        tool = self.hand.tool
        if not points or tool.gesture == "tap":
            return ()
        if tool.gesture == "corners":
            return (Outline(points=(*points, self.cursor.at), closed=len(points) > 1),)
        if self.hand.tool_name in {"rectangle", "ellipse"}:
            (x0, y0), (x1, y1) = points[0], points[-1]
            box = Box(round(min(x0, x1)), round(min(y0, y1)), round(max(x0, x1)), round(max(y0, y1)))
            return (rectangle(box),)
        return (Outline(points=points, closed=False),) if self.hand.tool_name == "lasso" else ()

    def tool_state(self) -> ToolState:
        """Return what the toolbox should show."""
        document = self.document
        if self._area_count[0] != document.revision:
            self._area_count = (document.revision, area_count(document.mask))
        keys = tuple((a.name, shown(self.keymap.keys[a.name][0])) for a in ACTIONS if self.keymap.keys[a.name])
        return ToolState(
            tool=self.hand.tool_name,
            size_px=self.hand.pen.size_px,
            tolerance=self.hand.tolerance,
            colour=self.hand.colour,
            swapped=self.hand.swapped,
            masked_share=document.masked_share,
            areas=self._area_count[1],
            keys=keys,
        )

    def show_tools(self) -> None:
        """Draw the toolbox."""
        state = self.tool_state()
        self.query_one(Toolbox).show(state)
        self.query_one(ToolLine).show(state)

    def set_status(self, **changes: object) -> None:
        """Change some of the status line; a hint goes away by itself."""
        if changes.get("hint"):
            if self._hint_timer is not None:
                self._hint_timer.stop()
            self._hint_timer = self.set_timer(HINT_SECONDS, lambda: self.set_status(hint=""))
        status = replace(self.status, **changes)  # type: ignore[arg-type]
        if status != self.status:
            self.status = status
            for line in self.query(StatusLine):  # none while the editor closes
                line.show(status)

    def set_look(self, **changes: object) -> None:
        """Change how the canvas shows the scene."""
        self.canvas.set_look(replace(self.canvas.look, **changes))  # type: ignore[arg-type]

    @property
    def look(self) -> Look:
        """How the canvas shows the scene."""
        return self.canvas.look

    def look_at(self, key: str) -> None:
        """Look at a result without taking it."""
        base = self.workspace.history.base
        try:
            self.workspace.history.pictures.get(key)
        except RetouchError as error:
            self.notify(str(error), severity="error")
            return
        self.shown_key = "" if key == base else key
        self.pointed = not self.shown_key and (self.crosshair or not self.mouse_left)
        entry = self.workspace.history.entries.get(self.shown_key)
        words = "" if entry is None else f"result {entry.number}{' (rough)' if entry.kind == 'rough' else ''}"
        self.set_status(looking=words)
        self.set_look(side=Side.AFTER)
        self.show_all()
        self.show_results()

    def show_results(self) -> None:
        """Draw the filmstrip; the part of the editor that has results does it."""

    def ask_plan(self) -> None:
        """Have the plan worked out anew; the part that generates does it."""
