"""Options of other tools, gathered one by one: what fits becomes an option of ours, the rest is reported."""

from collections.abc import Callable, Mapping
from typing import Any

from retouch.errors import UsageError
from retouch.prompt import PromptError
from retouch.recipe import told
from retouch.request import InpaintRequest, request_from_data
from retouch.sampler_names import sampler_of, schedule_of


class Gathered:
    """A request in the making, and the list of what had no counterpart."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._options: dict[str, Any] = {}
        self._unmapped: list[str] = []

    def take(self, option: str, value: object, name: str) -> None:
        """Use `value` for an option of ours, or report it under the other tool's `name` when it does not fit."""
        if value is None:
            return
        try:
            request_from_data({option: value})
        except UsageError:
            self.leave(name, value)
        else:
            self._options[option] = value

    def whole(self, option: str, value: object, name: str) -> None:
        """Like `take`, for whole numbers that may be written as text or with a fraction of zero."""
        number = _number(value)
        fits = number is not None and number == int(number)
        exact = int(str(value)) if fits and str(value).lstrip("-").isdigit() else int(number or 0)
        self.take(option, exact if fits else value, name)

    def number(self, option: str, value: object, name: str) -> None:
        """Like `take`, for numbers that may be written as text."""
        number = _number(value)
        self.take(option, value if number is None else number, name)

    def sampler(self, sampler: object, schedule: object, name: str) -> None:
        """A sampler and, when not None, a schedule, by the other tool's names."""
        ours, implied = sampler_of(str(sampler)) if sampler is not None else (None, None)
        if sampler is not None and ours is None:
            self.leave(name, sampler)
        self.take("sampler", ours, name)
        if schedule is None:
            self.take("schedule", implied, name)
            return
        listed = schedule_of(str(schedule), ours)
        if listed is None:
            self.leave("schedule", schedule)
        self.take("schedule", listed, "schedule")

    def prompt(self, option: str, text: object, rewrite: Callable[[str], str]) -> None:
        """A prompt, rewritten in our grammar; kept as it is, and reported, when that is impossible."""
        if text is None:
            return
        try:
            self.take(option, rewrite(str(text)), option)
        except PromptError as problem:
            self.take(option, str(text), option)
            self.leave(f"{option.replace('_', ' ')} kept as written", problem)

    def leave(self, name: str, value: object) -> None:
        """Report something without counterpart."""
        self._unmapped.append(told(name, value if isinstance(value, (str, int, float, list, dict)) else str(value)))

    def rest(self, data: Mapping[str, Any], used: frozenset[str]) -> None:
        """Report what is left over and says something."""
        for name, value in data.items():
            if name not in used and value not in (None, "", False, 0, [], {}):
                self.leave(name, value)

    def request(self) -> InpaintRequest:
        """The request."""
        return request_from_data(self._options)

    def unmapped(self) -> tuple[str, ...]:
        """What was reported, each thing once."""
        return tuple(dict.fromkeys(self._unmapped))


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if abs(number) < float("inf") else None
