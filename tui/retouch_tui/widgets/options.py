"""The options panel: one row for each option, checked as it is typed."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button, Checkbox, Input, Label, Select, Static

from retouch.errors import UsageError
from retouch_tui.engine import MEMORY, Draft, Engine, ModelCard
from retouch_tui.fields import AREAS, FIELDS, Field, field_named
from retouch_tui.messages import ActionAsked, DraftEdited, ModelChosen

OWN = ""
"""The choice that leaves an option to the model."""
UNSET = "…"
"""What a choice shows before it knows its values."""


def option_choices(engine: Engine) -> dict[str, Sequence[str]]:
    """Return what each choice may be, as far as it is known without looking for devices."""
    named = {name: engine.choices(name) for name in ("sampler", "schedule", "content", "blend")}
    return {**named, "provider": engine.providers(), "area": AREAS, "memory": MEMORY}


class NumberInput(Input):
    """An input whose number the arrow keys change."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "turn(1)", "More", show=False),
        Binding("down", "turn(-1)", "Less", show=False),
    ]

    def __init__(self, field: Field) -> None:
        """Make the input of a field."""
        super().__init__(id=f"field-{field.name}", compact=True)
        self.field = field

    def action_turn(self, steps: int) -> None:
        """Count up or down, within the range."""
        try:
            start = float(self.value or self.placeholder or 0)
        except ValueError:
            start = 0.0
        value = min(max(start + steps * self.field.step, self.field.low), self.field.high)
        self.value = f"{round(value, 4):g}" if self.field.kind == "number" else str(round(value))


class OptionsPanel(VerticalScroll):
    """Rows of options; posts every change that can be meant."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "screen.to_canvas", "Canvas", id="options-leave")]

    def __init__(
        self,
        choices: Mapping[str, Sequence[str]],
        cards: Sequence[ModelCard],
        *,
        id: str,
        fields: Sequence[Field] = FIELDS,
    ) -> None:
        """`choices` are the names that each choice may have; `fields` are the rows."""
        super().__init__(id=id)
        self._fields = fields
        self._choices = choices
        self._cards = {c.name: c for c in cards}
        self._draft = Draft()
        self._problems: dict[str, str] = {}

    @property
    def card(self) -> ModelCard:
        """The chosen model."""
        return self._cards.get(self._draft.model, ModelCard(name="", title="no model"))

    def compose(self) -> ComposeResult:
        """Make the rows."""
        for field in self._fields:
            with Horizontal(classes="row"):
                label = Label(field.label, classes="label")
                label.tooltip = field.tip
                yield label
                yield self._input(field)
                if field.name == "seed":
                    dice, lock = Button("⚄", id="dice", compact=True), Button("○", id="lock", compact=True)
                    dice.tooltip, lock.tooltip = "draw another seed", "keep this seed for the next run"
                    yield dice
                    yield lock
        yield Static("", id="problem")

    def _input(self, field: Field) -> Input | Select[str] | Checkbox:
        if field.kind == "choice":
            return Select([(UNSET, UNSET)], id=f"field-{field.name}", compact=True, allow_blank=False)
        if field.kind == "switch":
            box = Checkbox("", id=f"field-{field.name}", compact=True)
            box.tooltip = field.tip
            return box
        if field.kind == "text":
            return Input(id=f"field-{field.name}", compact=True, placeholder="nothing in particular")
        return NumberInput(field)

    def show(self, draft: Draft) -> None:
        """Put the values of a draft in."""
        self._draft = draft
        self._problems.clear()
        for field in self._fields:
            widget = self.query_one(f"#field-{field.name}")
            widget.remove_class("-wrong")
            with self.prevent(Input.Changed, Select.Changed, Checkbox.Changed):
                self._put(widget, field, draft)
        for lock in self.query("#lock").results(Button):
            lock.label = "●" if draft.seed_locked else "○"
        self._say()

    def offer(self, name: str, values: Sequence[str]) -> None:
        """Let a choice have other values; the chosen one stays."""
        self._choices = {**self._choices, name: values}
        with self.prevent(Select.Changed):
            self._put(self.query_one(f"#field-{name}"), field_named(name), self._draft)

    def hold(self, draft: Draft) -> None:
        """Take a draft that differs only in what the panel does not show."""
        self._draft = draft

    def _put(self, widget: Any, field: Field, draft: Draft) -> None:
        if isinstance(widget, Select):
            value = field.value(draft)
            options = self._options(field, value)
            widget.set_options(options)
            widget.value = OWN if value is None else str(value)
            widget.mutate_reactive(Select.value)  # type: ignore[misc]  # the same value may have other words now
        elif isinstance(widget, Checkbox):
            widget.value = bool(field.value(draft))
            widget.label = field.beside(self.card, draft)
        else:
            if widget.value != field.shown(draft):
                widget.value = field.shown(draft)
            if field.automatic is not None:
                widget.placeholder = field.automatic(self.card, draft)

    def _options(self, field: Field, value: Any) -> list[tuple[str, str]]:
        if field.name == "model":
            found = [(card.title, name) for name, card in self._cards.items()]
        else:
            found = [(name, name) for name in self._choices.get(field.name, ())]
        if field.automatic is not None:
            whose = "fast" if self._draft.request.fast else "model"
            found.insert(0, (f"{field.automatic(self.card, self._draft)} ({whose})", OWN))
        if value is not None and str(value) not in {v for _, v in found}:
            found.append((str(value) or "none", str(value)))
        return found

    def _set(self, field: Field, value: Any) -> None:
        try:
            draft = field.changed(self._draft, value)
        except UsageError as error:
            self._wrong(field, str(error))
            return
        self._problems.pop(field.name, None)
        self.query_one(f"#field-{field.name}").remove_class("-wrong")
        self._say()
        if draft != self._draft:
            before, self._draft = self._draft, draft
            self._show_left_out(before)
            self.post_message(DraftEdited(draft))

    def _show_left_out(self, before: Draft) -> None:
        """Say anew what options mean that are left out, where another one changed that; what is typed stays."""
        now = self._draft
        for field in self._fields:
            words = field.beside if field.kind == "switch" else field.automatic
            if words is None or (
                now.request.fast == before.request.fast and words(self.card, now) == words(self.card, before)
            ):
                continue
            widget = self.query_one(f"#field-{field.name}")
            if isinstance(widget, Input):
                widget.placeholder = words(self.card, now)
            else:
                with self.prevent(Select.Changed, Checkbox.Changed):
                    self._put(widget, field, self._draft)

    def _wrong(self, field: Field, text: str) -> None:
        self._problems[field.name] = text
        self.query_one(f"#field-{field.name}").add_class("-wrong")
        self._say()

    def _say(self) -> None:
        self.query_one("#problem", Static).update("\n".join(f"▲ {p}" for p in self._problems.values()))

    @on(Input.Changed)
    def typed(self, event: Input.Changed) -> None:
        """Check what was typed."""
        event.stop()
        if event.input.id is None:
            return
        field = field_named(event.input.id.removeprefix("field-"))
        try:
            self._set(field, field.read(event.value))
        except UsageError as error:
            self._wrong(field, str(error))

    @on(Input.Submitted)
    def submitted(self, event: Input.Submitted) -> None:
        """Generate."""
        event.stop()
        self.post_message(ActionAsked("generate"))

    @on(Select.Changed)
    def chosen(self, event: Select.Changed) -> None:
        """Take a choice."""
        event.stop()
        if event.select.id is None or event.value == UNSET:
            return
        field = field_named(event.select.id.removeprefix("field-"))
        value = None if event.value == OWN and field.automatic is not None else str(event.value)
        if field.name == "model":
            if value != self._draft.model:
                self.post_message(ModelChosen(str(value)))
        else:
            self._set(field, value)

    @on(Checkbox.Changed)
    def ticked(self, event: Checkbox.Changed) -> None:
        """Switch an option."""
        event.stop()
        if event.checkbox.id is not None:
            self._set(field_named(event.checkbox.id.removeprefix("field-")), event.value)

    @on(Button.Pressed, "#dice")
    def rolled(self, event: Button.Pressed) -> None:
        """Ask for another seed."""
        event.stop()
        self.post_message(ActionAsked("dice"))

    @on(Button.Pressed, "#lock")
    def locked(self, event: Button.Pressed) -> None:
        """Ask to keep the seed or not."""
        event.stop()
        self.post_message(ActionAsked("lock"))
