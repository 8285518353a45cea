"""What the three dialects write decodes to the picture that went in."""

import re
from base64 import standard_b64decode
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retouch.arrays import RGB
from retouch_models.errors import UnknownName
from retouch_tui.terminal.capabilities import PLAIN, Graphics
from retouch_tui.terminal.graphics import WRITERS, Passing, Place, passed, tmux_pane, tmux_passes, writer
from retouch_tui.terminal.graphics.kitty import CHUNK
from terminal_support.pictures import photo

PLACE = Place(column=4, row=2, columns=10, rows=5, cell_px=(8, 16), number=3)
EXACT = photo(80, 80)


def kitty_parts(text: str) -> list[tuple[dict[str, str], str]]:
    found = re.findall(r"\x1b_G([^;\x1b]*)(?:;([^\x1b]*))?\x1b\\", text)
    return [(dict(pair.split("=") for pair in keys.split(",")), payload) for keys, payload in found]


def sixel_pixels(text: str) -> RGB:
    """A decoder of sixel as small as it gets."""
    body = re.search(r'\x1bP0;1;0q"1;1;(\d+);(\d+)(.*)\x1b\\', text, re.DOTALL)
    assert body is not None
    width, height = int(body.group(1)), int(body.group(2))
    pixels = np.zeros((height + 5, width, 3), np.uint8)
    written = np.zeros((height + 5, width), np.bool_)
    palette: dict[int, list[int]] = {}
    x = y = colour = 0
    for token in re.finditer(r"#(\d+);2;(\d+);(\d+);(\d+)|#(\d+)|!(\d+)([?-~])|([?-~])|([$-])", body.group(3)):
        name, red, green, blue, chosen, count, repeated, single, move = token.groups()
        if name is not None:
            palette[int(name)] = [round(int(part) * 255 / 100) for part in (red, green, blue)]
        elif chosen is not None:
            colour = int(chosen)
        elif move is not None:
            x, y = 0, y + (6 if move == "-" else 0)
        else:
            bits = ord(repeated or single) - 63
            length = int(count or 1)
            for row in range(6):
                if bits >> row & 1:
                    assert not written[y + row, x : x + length].any(), "a pixel has two colours"
                    pixels[y + row, x : x + length] = palette[colour]
                    written[y + row, x : x + length] = True
            x += length
    assert written[:height].all()
    assert not written[height:].any()
    return pixels[:height]


def test_kitty_chunks_join_to_a_png_of_the_picture() -> None:
    parts = kitty_parts(WRITERS["kitty"].show(EXACT, PLACE))
    assert len(parts) > 2
    assert all(len(payload) <= CHUNK for _, payload in parts)
    assert [keys["m"] for keys, _ in parts] == ["1"] * (len(parts) - 1) + ["0"]
    head = parts[0][0]
    assert {name: head[name] for name in "afcrCq"} == {"a": "T", "f": "100", "c": "10", "r": "5", "C": "1", "q": "2"}
    png = standard_b64decode("".join(payload for _, payload in parts))
    np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(png))), EXACT)


def test_kitty_takes_away_the_picture_it_placed() -> None:
    shown = kitty_parts(WRITERS["kitty"].show(EXACT, PLACE))[0][0]
    ((cleared, _),) = kitty_parts(WRITERS["kitty"].clear(PLACE))
    assert (cleared["a"], cleared["d"], cleared["i"]) == ("d", "I", shown["i"])
    other = kitty_parts(WRITERS["kitty"].clear(replace(PLACE, number=4)))[0][0]
    assert other["i"] != shown["i"]


def test_iterm2_carries_a_jpeg_of_the_picture() -> None:
    text = WRITERS["iterm2"].show(EXACT, PLACE)
    found = re.search(r"\x1b\]1337;File=([^:]*):([A-Za-z0-9+/=]*)\x07", text)
    assert found is not None
    arguments = dict(pair.split("=") for pair in found.group(1).split(";"))
    data = standard_b64decode(found.group(2))
    assert (arguments["inline"], arguments["width"], arguments["height"]) == ("1", "10", "5")
    assert int(arguments["size"]) == len(data)
    # JPEG at quality 80 with halved colour resolution: off by a few levels in the mean, more at single pixels.
    away = np.abs(np.asarray(Image.open(BytesIO(data))).astype(int) - EXACT)
    assert away.mean() < 8


@pytest.mark.parametrize(
    "picture",
    [EXACT, np.full((80, 80, 3), (255, 0, 51), np.uint8), np.repeat(photo(80, 1), 80, axis=0)],
    ids=["photo", "flat", "stripes"],
)
def test_sixel_decodes_to_the_quantised_picture(picture: RGB) -> None:
    expected = np.asarray(Image.fromarray(picture).quantize(256, method=Image.Quantize.FASTOCTREE).convert("RGB"))
    # Sixel names colours in per cent: half of 2.55 levels, rounded once more to a level.
    np.testing.assert_allclose(sixel_pixels(WRITERS["sixel"].show(picture, PLACE)), expected.astype(int), atol=2)


def test_sixel_heights_that_are_no_multiple_of_six_are_kept() -> None:
    place = replace(PLACE, rows=1)
    assert sixel_pixels(WRITERS["sixel"].show(EXACT, place)).shape == (16, 80, 3)


def test_a_sixel_picture_beyond_what_terminals_take_is_made_smaller_in_the_middle() -> None:
    place = replace(PLACE, columns=250, rows=50, cell_px=(8, 16))
    text = WRITERS["sixel"].show(photo(400, 160), place)
    assert sixel_pixels(text).shape == (400, 1000, 3)
    assert text.startswith("\x1b7\x1b[15;67H")


def test_sixel_writes_runs_short() -> None:
    flat = WRITERS["sixel"].show(np.zeros((80, 80, 3), np.uint8), PLACE)
    assert flat.count("!80~") == 13
    assert len(flat) < 200


@pytest.mark.parametrize("name", WRITERS.names())
def test_the_cursor_is_moved_to_the_place_and_put_back(name: str) -> None:
    text = WRITERS[name].show(EXACT, PLACE)
    assert text.startswith("\x1b7\x1b[3;5H")
    assert text.endswith("\x1b8")


@pytest.mark.parametrize("name", ["kitty", "iterm2"])
def test_a_large_picture_is_sent_no_larger_than_its_place(name: str) -> None:
    large = len(WRITERS[name].show(photo(640, 640), PLACE))
    assert large < 3 * len(WRITERS[name].show(EXACT, PLACE))


@pytest.mark.parametrize("name", WRITERS.names())
def test_tmux_gets_it_wrapped_and_unwraps_it(name: str) -> None:
    plain = WRITERS[name].show(EXACT, PLACE)
    wrapped = passed(plain)
    assert wrapped.startswith("\x1bPtmux;")
    inner = wrapped.removeprefix("\x1bPtmux;").removesuffix("\x1b\\")
    assert "\x1b\\" not in re.sub("\x1b\x1b", "", inner)
    assert inner.replace("\x1b\x1b", "\x1b") == plain


def test_the_terminal_chooses_the_writer() -> None:
    assert writer(PLAIN) is None
    for kind in (Graphics.KITTY, Graphics.ITERM2, Graphics.SIXEL):
        found = replace(PLAIN, graphics=kind)
        assert writer(found) is WRITERS[kind]
        inside = writer(replace(found, multiplexer="tmux"))
        assert inside is not None
        assert inside.show(EXACT, PLACE) == passed(WRITERS[kind].show(EXACT, PLACE))


def test_in_a_split_window_pictures_lie_on_their_own_pane() -> None:
    kitty = WRITERS["kitty"]
    shown = Passing(kitty, lambda: (40, 2)).show(EXACT, PLACE)
    assert shown == passed(kitty.show(EXACT, replace(PLACE, column=PLACE.column + 40, row=PLACE.row + 2)))


@pytest.mark.parametrize(
    ("answer", "place"),
    [
        ("40 12 bottom on", (40, 12)),
        ("0 0 top on", (0, 1)),
        ("1 2 top 3", (1, 5)),
        ("0 0 top off", (0, 0)),
        ("?", (0, 0)),
    ],
    ids=["split", "status above", "three lines above", "no status", "nonsense"],
)
def test_tmux_is_asked_where_the_pane_is(
    answer: str, place: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "tmux"
    program.write_text(f"#!/bin/sh\necho '{answer}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setenv("TMUX_PANE", "%3")
    assert tmux_pane() == place
    monkeypatch.delenv("TMUX_PANE")
    assert tmux_pane() == (0, 0)


@pytest.mark.parametrize(("answer", "passes"), [("on", True), ("all", True), ("", True), ("off", False)])
def test_where_tmux_passes_nothing_on_half_blocks_take_over(
    answer: str, passes: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "tmux"
    program.write_text(f"#!/bin/sh\necho '{answer}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setenv("TMUX_PANE", "%3")
    tmux_passes.cache_clear()
    found = writer(replace(PLAIN, graphics=Graphics.KITTY, multiplexer="tmux"))
    tmux_passes.cache_clear()
    assert (found is not None) is passes


def test_an_unknown_kind_is_refused_by_name() -> None:
    with pytest.raises(UnknownName, match="kitty"):
        _ = WRITERS["kity"]
