"""Terminal check: what was found out about the terminal, why, and how to override it."""

from textual.app import ComposeResult
from textual.widgets import Static

from retouch_tui.screens.dialog import Dialog, Sheet
from retouch_tui.terminal.capabilities import Capabilities
from retouch_tui.terminal.pacer import Pacer


class TerminalCheck(Dialog[None]):
    """A list of findings and a colour bar."""

    def __init__(self, capabilities: Capabilities, pacer: Pacer) -> None:
        """Show what is known."""
        super().__init__()
        self._capabilities, self._pacer = capabilities, pacer

    def compose(self) -> ComposeResult:
        """Make the rows."""
        found = self._capabilities
        with Sheet("Terminal check", id="terminal"):
            yield Static(
                f"{found.name}" + (f" inside {found.multiplexer}" if found.multiplexer else ""), classes="lead"
            )
            bar = "".join(f"[on rgb({r},{255 - abs(2 * r - 255)},{255 - r})] [/]" for r in range(0, 256, 5))
            yield Static(f"{bar}  a smooth bar means 24-bit colour")
            for finding in found.findings:
                yield Static(f"{finding.what}: {finding.value}", markup=False, classes="heading")
                yield Static(f"{finding.why}. {finding.cure}".strip(), markup=False)
            yield Static("Connection", classes="heading")
            yield Static(self._link(), markup=False)

    def _link(self) -> str:
        trip, rate = self._pacer.round_trip_s, self._pacer.rate
        words = [] if trip is None else [f"{trip * 1000:.0f} ms there and back"]
        words += [] if rate is None else [f"{rate / 1e6:.1f} MB/s"]
        advice = "Over a slow line, ssh -C makes the canvas four to ten times lighter."
        return ", ".join([*words, advice]) if words else f"not measured. {advice}"
