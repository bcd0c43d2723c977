"""What a reader sees of a command, as segments: nothing of what the screen shows is lost or added."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from docker_run.model import Chunk, Segment, Stream, TerminalSize
from docker_run.terminal import screen, segments
from docker_run.terminal.emulation.rendition import COLOURS, PLAIN, Style, nearest, restyled, sgr
from docker_run.terminal.emulation.spans import Span, unpacked

PATIENTLY = settings(deadline=None)  # a busy machine is no failure
SIZE = TerminalSize(12, 4)
OUT, ERR, TTY, KEY, ASK = Stream.OUT, Stream.ERR, Stream.TERMINAL, Stream.TYPED, Stream.PROMPT

PIECES = st.sampled_from(
    [
        b"a", b"b c", b" ", b"\n", b"\r\n", b"\r", b"\t", b"\b", b"\x1b[1;31m", b"\x1b[38;5;208m", b"\x1b[m",
        b"\x1b[48;2;1;2;3m", b"\x1b[A", b"\x1b[2K", b"\x1b[H", "é".encode(), "表".encode(), b"\xff", b"\x00",
        "\u202e".encode(), b"$ ", b"twelve columns and more",
    ]
)  # fmt: skip
CHUNKS = st.lists(
    st.builds(
        Chunk, st.sampled_from([OUT, ERR, TTY, KEY]), st.lists(PIECES | st.binary(max_size=6)).map(b"".join)
    ),
    max_size=8,
)
COLOUR = st.sampled_from(["", *COLOURS]) | st.integers(0, 0xFFFFFF).map("#{:06x}".format)
STYLES = st.builds(Style, COLOUR, COLOUR, *[st.booleans()] * 6)


def seen(*output: tuple[Stream, bytes]) -> list[tuple[Stream, str]]:
    return [tuple(each) for each in segments.segments([Chunk(*each) for each in output], SIZE)]


def merged(line: Iterable[Span]) -> list[Span]:
    """Return the pieces of a line, neighbours that look the same as one."""
    groups = groupby(line, key=lambda span: (span.kind, span.style))
    return [Span("".join(span.text for span in group), *look) for look, group in groups]


@PATIENTLY
@given(CHUNKS)
@example([Chunk(OUT, b"a"), Chunk(ERR, b" \n \nb  "), Chunk(OUT, b"\n\n")])
def test_it_is_what_the_screen_shows(chunks: list[Chunk]) -> None:
    made = segments.segments(chunks, SIZE)
    shown = [unpacked(line) for line in screen.packed_lines(chunks, SIZE, joined=True)]
    found = [unpacked(line) for line in segments.packed_lines(made)]
    plain = [
        [("".join(span.text for span in line)).rstrip(" ") for line in lines] for lines in (found, shown)
    ]
    assert plain[0] == plain[1]
    if not all(map(screen.is_simple, chunks)):  # in plain text, blanks at an end may be of another stream
        assert list(map(merged, found)) == list(map(merged, shown))
    assert segments.plain_text(made) == screen.shown(chunks, SIZE, joined=True)


@PATIENTLY
@given(CHUNKS)
def test_it_has_one_form(chunks: list[Chunk]) -> None:
    made = segments.segments(chunks, SIZE)
    assert all(segments.is_shown(line) for _, text in made for line in text.split("\n"))
    assert tuple(segments.joined(made)) == made
    assert not made or made[-1].text.endswith("\n")
    # What is shown of it is what would be shown of that.
    again = segments.segments(
        [Chunk(TTY, text.replace("\n", "\r\n").encode()) for _, text in made], TerminalSize(1000, 1000)
    )
    assert segments.plain_text(again) == segments.plain_text(made)


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ([], []),
        ([(OUT, b"a  \n\n\n")], [(OUT, "a\n")]),
        ([(OUT, b"no end")], [(OUT, "no end\n")]),
        ([(OUT, b"\n\na\n")], [(OUT, "\n\na\n")]),
        ([(OUT, b" \n \r\n")], []),
        ([(OUT, b"a\n"), (ERR, b"e\n"), (OUT, b"b\n")], [(OUT, "a\n"), (ERR, "e\n"), (OUT, "b\n")]),
        ([(OUT, b"a\n"), (ERR, b"e\n"), (OUT, b"\nb\n")], [(OUT, "a\n"), (ERR, "e\n"), (OUT, "\nb\n")]),
        ([(OUT, b"half "), (ERR, b"of it\n")], [(OUT, "half "), (ERR, "of it\n")]),
        ([(OUT, b"x\n"), (ERR, b"\n\n")], [(OUT, "x\n")]),
        ([(TTY, b"1%\r100%\r\n")], [(TTY, "100%\n")]),
        ([(TTY, b"more than twelve columns\r\n")], [(TTY, "more than twelve columns\n")]),
        ([(TTY, b"# "), (KEY, b"ls"), (TTY, b"ls\r\nbin\r\n")], [(ASK, "# "), (KEY, "ls\n"), (TTY, "bin\n")]),
        ([(TTY, b"Password: "), (KEY, b"x"), (TTY, b"\r\nok\r\n")], [(TTY, "Password:\nok\n")]),
        ([(ERR, b"no\n"), (TTY, b"\x1b[1mx\x1b[m\r\n")], [(ERR, "no\n"), (TTY, "\x1b[1mx\x1b[m\n")]),
        ([(TTY, b"\x1b[31mx\r\n\x1b[1my\r\n")], [(TTY, "\x1b[31mx\x1b[m\n\x1b[1;31my\x1b[m\n")]),
        ([(TTY, b"\x1b[31m" + b"x" * 30)], [(TTY, f"\x1b[31m{'x' * 30}\x1b[m\n")]),
        ([(TTY, b"\x1b[44m  \x1b[m  \r\n")], [(TTY, "\x1b[44m  \x1b[m\n")]),
        ([(ERR, b"oh\n\tat a\n"), (OUT, b"\tb\n")], [(ERR, "oh\n        at a\n"), (OUT, "        b\n")]),
        ([(ERR, b"\n\tat a\n")], [(ERR, "\n        at a\n")]),
        ([(TTY, b"\x1b[38;5;208mx\x1b[m")], [(TTY, "\x1b[38;2;255;135;0mx\x1b[m\n")]),
    ],
)  # fmt: skip
def test_segments(output: list[tuple[Stream, bytes]], expected: list[tuple[Stream, str]]) -> None:
    assert seen(*output) == expected


def test_streams_are_read_apart_and_a_terminal_as_one() -> None:
    output = [
        Segment(OUT, "a"),
        Segment(ERR, "\x1b[1me\x1b[m \n\n"),
        Segment(OUT, "b\n"),
        Segment(ASK, "# "),
        Segment(KEY, "ls\n"),
        Segment(TTY, "bin\n"),
    ]
    assert segments.streams(output) == {OUT: "ab", ERR: "e", TTY: "# ls\nbin"}


@given(STYLES)
def test_a_style_comes_back_from_its_parameters(style: Style) -> None:
    assert restyled(PLAIN, sgr(style)) == style
    assert nearest(style.fg) in {"", *COLOURS}


@pytest.mark.parametrize(
    ("colour", "name"),
    [("", ""), ("red", "red"), ("#ff0000", "brightred"), ("#080808", "black"), ("#bcbcbc", "white"),
     ("#fa0505", "brightred"), ("#0000e6", "blue"), ("#000000", "black")],
)  # fmt: skip
def test_the_nearest_colour(colour: str, name: str) -> None:
    assert nearest(colour) == name
