"""What the terminal shows already is not written again, and everything else is."""

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.strip import Strip

from retouch_tui.terminal.cells import half_cells
from retouch_tui.terminal.colour import ColourDepth
from retouch_tui.terminal.lazy_strip import JoinedStrip
from retouch_tui.terminal.pixel_strip import PixelStrip
from retouch_tui.terminal.screen_memory import ScreenMemory
from terminal_support.pictures import noise
from terminal_support.vt import Screen

CONSOLE = Console(color_system="truecolor")
WIDTH, HEIGHT = 24, 4


def pixels(length: int, seed: int) -> Strip:
    return PixelStrip(half_cells(noise(length, 2, seed), ColourDepth.TRUECOLOUR))


def words(length: int, seed: int) -> Strip:
    text = "".join(chr(97 + (seed * 7 + place) % 26) for place in range(length))
    return Strip([Segment(text, Style.parse("red" if seed % 2 else "on blue"))], length)


def joined(length: int, seed: int) -> Strip:
    half = max(length // 2, 1)
    return JoinedStrip([words(half, seed), pixels(length - half, seed)]) if length > 1 else words(length, seed)


writes = st.lists(
    st.tuples(
        st.sampled_from([pixels, words, joined]),
        st.integers(0, HEIGHT - 1),
        st.integers(0, WIDTH - 1),
        st.integers(1, WIDTH),
        st.integers(0, 2),
    ),
    min_size=1,
    max_size=14,
)


def feed(screen: Screen, row: int, column: int, strip: Strip) -> int:
    text = strip.render(CONSOLE)
    screen.feed(f"\x1b[0m\x1b[{row + 1};{column + 1}H{text}")
    return len(text)


def look(screen: Screen) -> list[tuple[str, str, str]]:
    return [
        (screen.glyph(column, row), *screen.colours(column, row)) for row in range(HEIGHT) for column in range(WIDTH)
    ]


@settings(deadline=None, max_examples=80)
@given(writes=writes)
def test_writing_the_news_alone_shows_the_same(writes: list[tuple[object, int, int, int, int]]) -> None:
    memory = ScreenMemory()
    everything, news = Screen(WIDTH, HEIGHT + 1), Screen(WIDTH, HEIGHT + 1)
    for make, row, column, length, seed in writes:
        strip = make(min(length, WIDTH - column), seed)  # type: ignore[operator]
        feed(everything, row, column, strip)
        for start, part in memory.news(row, column, strip, CONSOLE):
            feed(news, row, start, part)
        assert look(news) == look(everything)


@settings(deadline=None, max_examples=30)
@given(writes=writes)
def test_what_was_just_written_is_no_news(writes: list[tuple[object, int, int, int, int]]) -> None:
    memory = ScreenMemory()
    for make, row, column, length, seed in writes:
        length = min(length, WIDTH - column)
        memory.news(row, column, make(length, seed), CONSOLE)  # type: ignore[operator]
        assert memory.news(row, column, make(length, seed), CONSOLE) == []  # type: ignore[operator]


def test_a_dialog_that_closes_brings_back_only_what_it_hid() -> None:
    memory, below = ScreenMemory(), pixels(WIDTH, 1)
    memory.news(0, 0, below, CONSOLE)
    memory.news(0, 8, words(6, 1), CONSOLE)
    parts = memory.news(0, 0, below, CONSOLE)
    assert [(column, part.cell_length) for column, part in parts] == [(8, 6)]


def test_after_forgetting_everything_is_news() -> None:
    memory = ScreenMemory()
    memory.fit(Size(WIDTH, HEIGHT))
    memory.news(0, 0, words(WIDTH, 1), CONSOLE)
    memory.fit(Size(WIDTH, HEIGHT))
    assert memory.news(0, 0, words(WIDTH, 1), CONSOLE) == []
    memory.fit(Size(WIDTH + 1, HEIGHT))
    assert len(memory.news(0, 0, words(WIDTH, 1), CONSOLE)) == 1
    memory.clear()
    assert len(memory.news(0, 0, words(WIDTH, 1), CONSOLE)) == 1


def test_a_joined_strip_is_cut_like_its_segments() -> None:
    strip = joined(WIDTH, 3)
    plain = Strip(list(strip), WIDTH)
    for start, end in ((0, 5), (5, 20), (11, 13), (0, WIDTH), (20, 99), (7, 7)):
        ours, theirs = strip.crop(start, end), plain.crop(start, end)
        assert (ours.cell_length, ours.text) == (theirs.cell_length, theirs.text)
    assert [piece.text for piece in strip.divide([3, 12, 24])] == [p.text for p in plain.divide([3, 12, 24])]
