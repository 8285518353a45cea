"""The run line: a bar, the step, the pace and the time left, while something is generated."""

from textual.widgets import Static

from retouch_tui.job import Event

BAR = 16


def seconds(value: float) -> str:
    """Write a time as people say it."""
    if value < 10:
        return f"{value:.1f} s"
    if value < 90:
        return f"{value:.0f} s"
    return f"{value / 60:.0f} min"


def bar(done: float, width: int = BAR) -> str:
    """Draw a share, 0..1, as blocks."""
    full = round(min(max(done, 0.0), 1.0) * width)
    return "━" * full + "─" * (width - full)


class Pace:
    """Seconds for each step, from the events of one job."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._first: Event | None = None

    def said(self, event: Event) -> str:
        """Return pace and time left in words; nothing until two steps are done."""
        if self._first is None or self._first.candidate != event.candidate:
            self._first = event
            return ""
        steps = event.step - self._first.step
        if steps <= 0:
            return ""
        pace = (event.seconds - self._first.seconds) / steps
        left = pace * ((event.steps - event.step) + (event.candidates - event.candidate - 1) * event.steps)
        return f" · {seconds(pace)} a step · {seconds(left)} left"


class RunLine(Static):
    """Hidden while nothing runs."""

    def __init__(self, *, id: str | None = None) -> None:
        """Begin hidden."""
        super().__init__("", id=id)
        self.display = False
        self._pace = Pace()

    def begin(self, text: str) -> None:
        """Show that a run was started."""
        self._pace = Pace()
        self.display = True
        self.update(f"[$accent]{bar(0)}[/] {text}")

    def show(self, event: Event) -> None:
        """Draw an event."""
        many = f" of candidate {event.candidate + 1}/{event.candidates}" if event.candidates > 1 else ""
        if event.kind == "step":
            what = f"{event.text} · " if event.text else ""
            text = f"{what}step {event.step}/{event.steps}{many}{self._pace.said(event)}"
            self.update(f"[$accent]{bar(event.step / max(event.steps, 1))}[/] {text}  [dim]Esc stops[/]", layout=False)
        elif event.kind in {"stage", "queued"} and event.text:
            self.update(f"[$accent]{bar(0)}[/] {event.text}{many} …", layout=False)

    def end(self) -> None:
        """Hide."""
        self.display = False
