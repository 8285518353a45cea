"""The options a person can set, each with its words, range and way of being read."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from retouch.errors import UsageError
from retouch_tui.engine import LEAST_GB, MOST_GB, Draft, ModelCard

Kind = Literal["text", "whole", "number", "choice", "switch"]
Words = Callable[[ModelCard, Draft], str]
"""What to say of an option with a model, beside the other options."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """One row of the options panel. `name` is the option of the request, or of the draft if `own`."""

    name: str
    label: str
    tip: str
    kind: Kind
    low: float = 0
    high: float = 0
    step: float = 1
    own: bool = False
    automatic: Words | None = None
    """What an empty value means; None when the value must be given."""
    doubt: Words | None = None
    """What to say of a switch that is on; empty when nothing is to be said."""

    def value(self, draft: Draft) -> Any:
        """Return what the draft holds."""
        return getattr(draft if self.own else draft.request, self.name)

    def shown(self, draft: Draft) -> str:
        """Return the value as it stands in the input."""
        value = self.value(draft)
        if value is None:
            return ""
        return f"{value:g}" if isinstance(value, float) else str(value)

    def beside(self, card: ModelCard, draft: Draft) -> str:
        """Return what stands beside a switch of the request: not all looks tell on from off by colour."""
        if not getattr(draft.request, self.name):
            return "off"
        return (self.doubt(card, draft) if self.doubt is not None else "") or "on"

    def read(self, text: str) -> Any:
        """Read what was typed; UsageError says what is expected."""
        text = text.strip()
        if self.kind == "text":
            return text
        if not text and self.automatic is not None:
            return None
        try:
            value = int(text) if self.kind == "whole" else float(text.replace(",", "."))
        except ValueError:
            raise UsageError(f"{self.label}: a {'whole ' if self.kind == 'whole' else ''}number, please") from None
        if not self.low <= value <= self.high:
            raise UsageError(f"{self.label}: from {self.low:g} to {self.high:g}")
        return value

    def changed(self, draft: Draft, value: Any) -> Draft:
        """Return the draft with this option set; UsageError when it cannot be meant."""
        return replace(draft, **{self.name: value}) if self.own else draft.with_request(**{self.name: value})


def _left_out(name: str) -> Words:
    """What an option of the request comes to when it is left out."""

    def words(card: ModelCard, draft: Draft) -> str:
        value = getattr(card.meant(replace(draft.request, **{name: None})), name)  # type: ignore[arg-type]
        return f"{value:g}" if isinstance(value, float) else str(value)

    return words


def _schedule_left_out(card: ModelCard, draft: Draft) -> str:
    meant = card.meant(replace(draft.request, schedule=None))
    return "fitted" if meant.fast_form == "fitted" else str(meant.schedule)


def _fast_doubt(card: ModelCard, draft: Draft) -> str:
    return "" if card.meant(draft.request).fast_form == "fitted" else "untested"


def _drafts_left_out(card: ModelCard, draft: Draft) -> str:
    if draft.seed_locked or draft.candidates > 1 or not card.ranks or card.best_of == 1:
        return "1"
    return f"up to {card.best_of}"


FIELDS: tuple[Field, ...] = (
    Field(
        name="negative_prompt",
        label="Undesired",
        tip="What should not appear, for example: text, blurry. Also called negative prompt.",
        kind="text",
    ),
    Field(name="model", label="Model", tip="The trained network that paints.", kind="choice", own=True),
    Field(
        name="provider",
        label="Device",
        tip="Where the model runs: graphics card or processor.",
        kind="choice",
        own=True,
    ),
    Field(
        name="memory",
        label="Memory",
        tip="auto keeps to what is free. low opens one part of the model at a time: slower, for large pictures or "
        "small machines. high keeps everything open.",
        kind="choice",
        own=True,
    ),
    Field(
        name="memory_gb",
        label="Limit GB",
        tip="How much memory auto may use. Empty takes what is free.",
        kind="number",
        low=LEAST_GB,
        high=MOST_GB,
        own=True,
        automatic=lambda *_: "free",
    ),
    Field(
        name="fast",
        label="Fast",
        tip="Rougher, in about two fifths of the time: few steps, and only the surroundings of the mask drawn. The "
        "bundled model is 2.5 times faster so and paints nearly the same (33 dB under the mask on average), now and "
        "then another thing. Options set beside it win. For other models nothing was fitted or compared.",
        kind="switch",
        doubt=_fast_doubt,
    ),
    Field(
        name="steps",
        label="Steps",
        tip="More steps, more detail, more time. Empty takes what suits the model.",
        kind="whole",
        low=1,
        high=1000,
        automatic=_left_out("steps"),
    ),
    Field(
        name="guidance",
        label="Guidance",
        tip="How strictly the picture follows the prompt. Empty takes what suits the model.",
        kind="number",
        high=100,
        step=0.5,
        automatic=_left_out("guidance"),
    ),
    Field(
        name="strength",
        label="Strength",
        tip="1 paints anew; less keeps more of what is under the mask.",
        kind="number",
        low=0.01,
        high=1,
        step=0.05,
    ),
    Field(
        name="seed",
        label="Seed",
        tip="The same seed and options give the same picture. Locked, it stays for the next run.",
        kind="whole",
        high=2**64 - 1,
    ),
    Field(
        name="candidates",
        label="Candidates",
        tip="How many pictures to make at one press, with seeds one after another.",
        kind="whole",
        low=1,
        high=64,
        own=True,
    ),
    Field(
        name="best_of",
        label="Best of",
        tip="Make up to so many rough drafts and paint the one that is most like the prompt. Empty takes what suits "
        "the model, and one where the seed is locked or several candidates are asked for.",
        kind="whole",
        low=1,
        high=64,
        own=True,
        automatic=_drafts_left_out,
    ),
    Field(
        name="sampler",
        label="Sampler",
        tip="The way from noise to picture. The model's own is a good choice.",
        kind="choice",
        automatic=_left_out("sampler"),
    ),
    Field(
        name="schedule",
        label="Schedule",
        tip="How the steps are spaced. The model's own is a good choice.",
        kind="choice",
        automatic=_schedule_left_out,
    ),
    Field(
        name="area",
        label="Work area",
        tip="masked: only around the mask, in full detail. picture: the whole picture at once.",
        kind="choice",
    ),
    Field(
        name="padding",
        label="Padding px",
        tip="How much of the surroundings the model sees around the mask. Empty chooses it.",
        kind="whole",
        high=8192,
        step=8,
        automatic=lambda *_: "auto",
    ),
    Field(
        name="content",
        label="Under mask",
        tip="What stands under the mask at the start, when strength is below 1. Also called masked content.",
        kind="choice",
    ),
    Field(
        name="blend",
        label="Blend",
        tip="How the new part is joined to the old one. The model's own is a good choice.",
        kind="choice",
        automatic=_left_out("blend"),
    ),
    Field(
        name="feather",
        label="Feather px",
        tip="Width of the fade inside the mask's edge; 0 is a hard edge. Empty chooses it.",
        kind="number",
        high=4096,
        automatic=lambda *_: "auto",
    ),
    Field(
        name="overlay",
        label="Keep original",
        tip="Lay the untouched original over everything outside the mask, byte for byte.",
        kind="switch",
    ),
)
"""The rows of the options panel; the prompt has a place of its own."""

AREAS = ("masked", "picture")
"""The work areas that the panel offers."""


def field_named(name: str) -> Field:
    """Return a field by its name."""
    return next(f for f in FIELDS if f.name == name)
