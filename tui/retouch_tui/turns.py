"""One action after another: what is begun while an earlier one is still worked out waits for it.

Whatever looks at more than a few pixels is worked out in a thread, where it only reads; the event loop then puts
the outcome in place. So nothing is ever seen half done, and the order of actions is that of the keys.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Concatenate, Generic, ParamSpec, Protocol, TypeVar

AT_ONCE_PX = 250_000
"""As many pixels may be looked at or changed on the event loop; more take too long on a slow machine."""

Act = Callable[[], object]


def at_once(pixels: int) -> bool:
    """Whether something that touches so many pixels may be done on the event loop."""
    return pixels <= AT_ONCE_PX


Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Errand(Generic[Result]):
    """Something to work out that changes nothing, and how many pixels it looks at."""

    pixels: int
    run: Callable[[], Result]


class Turns:
    """A queue of actions: the first runs at once, the others when all that was begun before has ended."""

    def __init__(self, later: Callable[[Act], object] = lambda act: act()) -> None:
        """Begin idle; `later` runs what waited, one action after another, so that others get at the event loop."""
        self._later = later
        self._waiting: deque[Act] = deque()
        self._under_way = 0
        self._acting: list[Act] | None = None
        self._called = False

    @property
    def busy(self) -> bool:
        """Whether something is still worked out."""
        return self._under_way > 0 or bool(self._waiting)

    def take(self, act: Act) -> None:
        """Do something in its turn; what an action asks for comes before all that was asked for after it."""
        if self._acting is not None:
            if self._under_way or self._acting:
                self._acting.append(act)
            else:
                act()
        elif self.busy:
            self._waiting.append(act)
        else:
            self._run(act)

    def begin(self) -> None:
        """Something goes on elsewhere; `end` must follow."""
        self._under_way += 1

    def end(self, landing: Act) -> None:
        """It has ended: put its outcome in place, then let the next ones have their turn."""
        self._under_way -= 1
        self._run(landing)

    def _go_on(self) -> None:
        """Let the next one have its turn."""
        self._called = False
        if self._waiting and not self._under_way:
            self._run(self._waiting.popleft())

    def _run(self, act: Act) -> None:
        self._acting = []
        try:
            act()
        finally:
            asked, self._acting = self._acting, None
            self._waiting.extendleft(reversed(asked))
            if self._waiting and not self._under_way and not self._called:
                self._called = True
                self._later(self._go_on)


class Turned(Protocol):
    """Something whose actions come one after another."""

    turns: Turns


P = ParamSpec("P")
Owner = TypeVar("Owner", bound=Turned)


def in_turn(act: Callable[Concatenate[Owner, P], object]) -> Callable[Concatenate[Owner, P], None]:
    """Have a method wait for its turn."""

    @wraps(act)
    def turned(self: Owner, /, *args: P.args, **kwargs: P.kwargs) -> None:
        self.turns.take(lambda: act(self, *args, **kwargs))

    return turned
