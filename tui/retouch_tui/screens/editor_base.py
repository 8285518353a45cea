"""What all parts of the editor screen share: the workspace, the hand, and showing them."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from textual.timer import Timer

from retouch.arrays import RGB
from retouch.geometry import Box
from retouch_tui.actions import ACTIONS
from retouch_tui.cursor import Cursor
from retouch_tui.document import Document
from retouch_tui.engine import Engine
from retouch_tui.hand import Hand
from retouch_tui.keymap import Keymap, shown
from retouch_tui.mask_figures import MaskFigures
from retouch_tui.overlay import Outline, Overlay, rectangle
from retouch_tui.preview import Preview
from retouch_tui.raster import Drawing, Look, Scene, Side, Tint
from retouch_tui.screens.editor_work import Working
from retouch_tui.settings import Settings
from retouch_tui.shapes import around
from retouch_tui.turns import Errand, at_once, in_turn
from retouch_tui.widgets.canvas_view import CanvasView
from retouch_tui.widgets.status_line import Status, StatusLine
from retouch_tui.widgets.toolbox import Toolbox, ToolLine, ToolState
from retouch_tui.workspace import Workspace

if TYPE_CHECKING:
    from retouch.picture import Picture


HINT_SECONDS = 8.0


class EditorBase(Working):
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
        self.preview: Preview | None = None
        self.frame: Box | None = None
        """The canvas to be, while the frame tool is used."""
        self.origin: Picture | None = None
        """The file that was opened, with its metadata."""
        self.status = Status()
        self.tint = Tint.BLUE
        """The colour of the mask while it is painted; results are looked at without it."""
        self.figures = MaskFigures()
        self._counted: tuple[Document, int] | None = None
        self._counting = False
        self._drawing: Drawing | None = None
        self._fetching: set[str] = set()
        """Pictures that are read from disk; one that is lost stays here, so that it is told of once."""
        self._hint_timer: Timer | None = None

    @property
    def canvas(self) -> CanvasView:
        """The canvas."""
        return self.query_one(CanvasView)

    @property
    def document(self) -> Document:
        """The document."""
        return self.workspace.document

    # -- showing ----------------------------------------------------------------------------------------------

    def scene(self) -> Scene:
        """Return what the canvas should show; a picture that must be read from disk comes a moment later."""
        document = self.document
        picture, compare = document.picture, self._before()
        strokes = document.sketch
        if self.shown_key and self.shown_key != self.workspace.history.base:
            looked = self._at_hand(self.shown_key)
            if looked is not None and looked.shape == picture.shape:
                picture, compare, strokes = looked, picture, None
        numbers = tuple((r.box, str(r.number)) for r in self.workspace.fixes)
        return Scene(
            picture=picture,
            mask=document.mask,
            strokes=strokes,
            compare=compare,
            regions=numbers,
            frame=self.frame,
            preview=self.preview,
            drawing=self._drawing,
        )

    def _before(self) -> RGB | None:
        """The picture before the one worked on, if it has the same size."""
        history = self.workspace.history
        line = history.line_of(history.base)
        pixels = self._at_hand(line[-2].key) if len(line) > 1 else None
        return None if pixels is None or pixels.shape != self.document.picture.shape else pixels

    def _at_hand(self, key: str) -> RGB | None:
        """Return a picture that is in memory; have another one read, and show everything when it is there."""
        pictures = self.workspace.history.pictures
        pixels = pictures.at_hand(key)
        if pixels is None and key not in self._fetching:
            self._fetching.add(key)
            self.aside(lambda: pictures.get(key), lambda _: self._fetched(key), lambda: None)
        return pixels

    def _fetched(self, key: str) -> None:
        self._fetching.discard(key)
        self.show_all()

    def show_all(self, side: Side | None = None) -> None:
        """Show another picture, or everything anew, from the side it was seen from or another one."""
        self.hand.document = self.document
        scene, look = self.scene(), self.look
        tint = Tint.OFF if self._looking else self.tint
        self.canvas.show(scene, replace(look, tint=tint, side=look.side if side is None else side))
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

    def show_drawing(self) -> None:
        """Show the shape under way as it is now."""
        before, self._drawing = self._drawing, self.hand.drawn(self.cursor.at)
        corners = [corner for d in (before, self._drawing) if d is not None for corner in d.corners]
        if before != self._drawing and corners:
            self.canvas.lay(around(corners).pad(1), self.scene())

    def mirrored(self, scene: Scene) -> None:
        """Pass the scene on to the mirror, if there is one; the full editor does it."""

    def show_pointer(self) -> None:
        """Draw the cursor and the shape under way."""
        if self.hand.busy:
            self.show_drawing()
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
        self._count()
        keys = tuple((a.name, shown(self.keymap.keys[a.name][0])) for a in ACTIONS if self.keymap.keys[a.name])
        return ToolState(
            tool=self.hand.tool_name,
            size_px=self.hand.pen.size_px,
            tolerance=self.hand.tolerance,
            colour=self.hand.colour,
            swapped=self.hand.swapped,
            masked_share=self.figures.share,
            areas=self.figures.areas,
            keys=keys,
        )

    def _count(self) -> None:
        """Have the mask counted if it has changed; those of a large mask are known a moment later."""
        document = self.document
        now, mask = (document, document.revision), document.mask
        if self._counted == now or self._counting:
            return
        if at_once(mask.size):
            self._counted, self.figures = now, MaskFigures.of(mask)
            return

        def counted(figures: MaskFigures) -> None:
            self._counted, self.figures, self._counting = now, figures, False
            self.show_tools()

        self._counting = True
        self.aside(lambda: MaskFigures.of(mask), counted, lambda: None)

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

    @in_turn
    def look_at(self, key: str) -> None:
        """Look at a result without taking it."""
        pictures = self.workspace.history.pictures
        pixels = 0 if pictures.at_hand(key) is not None else self.document.size.area
        self.work_out(Errand(pixels, lambda: pictures.get(key)), lambda _: self._look(key))

    def _look(self, key: str) -> None:
        base = self.workspace.history.base
        self.shown_key = "" if key == base else key
        self.pointed = not self.shown_key and (self.crosshair or not self.mouse_left)
        entry = self.workspace.history.entries.get(self.shown_key)
        words = "" if entry is None else f"result {entry.number}{' (rough)' if entry.kind == 'rough' else ''}"
        self.set_status(looking=words)
        self.show_all(Side.AFTER)
        self.show_results()

    def show_results(self) -> None:
        """Draw the filmstrip; the part of the editor that has results does it."""

    def ask_plan(self) -> None:
        """Have the plan worked out anew; the part that generates does it."""
