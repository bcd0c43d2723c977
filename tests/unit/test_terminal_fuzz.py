"""Any bytes, in any streams, cut anywhere, at any size: no exception, and text that a page can show."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from html import escape
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st
from pygments import highlight
from pygments.formatters import HtmlFormatter, LatexFormatter, NullFormatter

from docker_run.model import Chunk, Stream, TerminalSize
from docker_run.sphinx_ext.rendering.lexer import DockerRunLexer, for_script
from docker_run.terminal import keys, markup, screen
from docker_run.terminal.emulation import spans
from docker_run.terminal.markup import Block
from docker_run.terminal.osc133 import MarkReader
from docker_run.terminal.screen import Kind, Span

PATIENTLY = settings(deadline=None)  # a busy machine is no failure

SIZES = st.builds(TerminalSize, st.integers(1, 30) | st.just(1000), st.integers(1, 6) | st.just(1000))
SEQUENCE = st.builds(
    lambda begin, number, final: f"\x1b{begin}{number}{final}".encode(),
    st.sampled_from(["[", "[?", "[>", "]", "P", "", "(", ")", "#", "[1;", "[:"]),
    st.integers(0, 10**30) | st.sampled_from(["", ";", "1;2;3", "38;5;", "48:2::1:2:3", "\x1b", "\x18"]),
    st.characters(min_codepoint=0x20, max_codepoint=0x7E),
)
BYTES = st.lists(
    st.binary(max_size=8) | st.text(max_size=8).map(lambda text: text.encode("utf-8", "replace")) | SEQUENCE,
    max_size=8,
).map(b"".join)
TYPED = st.lists(
    st.text(max_size=5)
    | st.sampled_from(["<Up>", "<Left>", "<Tab>", "<Enter>", "<C-c>", "<Backspace>", "\\c", "\\<", "<"]),
    max_size=6,
).map(lambda parts: "".join(parts).encode("utf-8", "replace"))
CHUNKS = st.lists(
    st.builds(Chunk, st.sampled_from([Stream.OUT, Stream.ERR, Stream.TERMINAL]), BYTES)
    | st.builds(Chunk, st.just(Stream.TYPED), TYPED),
    max_size=6,
)
# What begins a mark of ours, and of earlier versions; surrogates, and what XML can't hold.
ODD = "\x1b\x80\x81\x86\x8b\x9f\x85\ue000\ue0ff\ufffe\uffff\ud800\udc80\x00\x07\x0b\r\t\n$> \\'\"<`{"
ANY_TEXT = st.text(st.sampled_from(ODD) | st.characters(codec=None), max_size=30)


def as_tokens(text: str) -> str:
    """Return all that the lexer gives, as text; an empty line of output is given a blank."""
    return "".join(value for _, value in DockerRunLexer().get_tokens(text))


def without_blank_ends(text: str) -> list[str]:
    return [line.rstrip(" ") for line in text.removesuffix("\n").split("\n")]


@PATIENTLY
@given(CHUNKS, SIZES, st.booleans())
def test_any_bytes_are_shown(chunks: list[Chunk], size: TerminalSize, joined: bool) -> None:  # noqa: FBT001 (drawn)
    lines = screen.lines(chunks, size, joined=joined)
    text = screen.text(lines)
    assert text.encode().decode() == text
    ET.fromstring(f"<p>{escape(text)}</p>")  # noqa: S314 (made here)
    assert not any(
        character in "\x85\u2028\u2029\u202e" or character < " " for character in text if character != "\n"
    )
    assert all(spans.unpacked(spans.packed(line)) == line for line in lines)


@PATIENTLY
@given(CHUNKS, SIZES, ANY_TEXT)
def test_the_lexer_gives_back_the_plain_text(chunks: list[Chunk], size: TerminalSize, command: str) -> None:
    blocks = [Block(command, screen.lines(chunks, size)), Block("next")]
    shown = markup.plain(blocks)
    assert without_blank_ends(as_tokens(markup.encode(blocks))) == without_blank_ends(shown)
    ET.fromstring(f"<p>{escape(shown)}</p>")  # noqa: S314 (made here)


@PATIENTLY
@given(ANY_TEXT)
@example("\x1b\ue0ff\ue0ff\ue0ff\ue0ff")
@example("$ echo \x1b\ue0ff\ue0ff\ue0ff\ue0ff")
@example("a\x1b\x80b")
@example("\x1b\x87\x91\x91\x87\x87b")
@example("\x1b\x86\x80")
def test_any_text_written_by_hand_is_highlighted(text: str) -> None:
    for formatter in (HtmlFormatter(), LatexFormatter(), NullFormatter()):
        for_script(highlight(text, DockerRunLexer(), formatter))
    markup.decode(text)


@PATIENTLY
@given(ANY_TEXT)
@example("\x1b\ue0ff\ue0ff\ue0ff\ue0ff")
@example("\x1b\x80\x1b\x81")
def test_nothing_in_a_command_or_its_output_is_taken_for_markup(text: str) -> None:
    one_line = text.replace("\n", " ")
    output = Span(one_line, Kind.ERROR)
    ((block),) = markup.decode(markup.encode([Block(f"x{text}", ((output,),) if one_line else ())]))
    assert len(block.command) == len(text) + 1
    (line,) = block.lines or ((),)
    assert [len(span.text) for span in line] == ([len(one_line)] if one_line else [])
    assert all(span.kind is Kind.ERROR for span in line)


@PATIENTLY
@given(
    st.lists(st.binary(max_size=12) | st.sampled_from([b"\x1b]133;", b"D;9", b";aid=docker-run", b"\x07"]))
)
@example([b"\x1b]133;D;" + b"9" * 5000 + b";aid=docker-run\x07"])
def test_a_shell_s_marks_are_read_from_any_bytes(pieces: list[bytes]) -> None:
    reader = MarkReader()
    found = [piece for data in pieces for piece in reader.feed(data)]
    whole = b"".join(pieces)
    assert whole.startswith(b"".join(piece.data for piece in found))


@PATIENTLY
@given(st.text(max_size=30))
def test_any_line_can_be_typed(line: str) -> None:
    assert keys.to_bytes(line).decode() or line in {"", "\\c"}


@PATIENTLY
@given(st.text(st.sampled_from("é漢👍a\n"), max_size=40), st.data())
def test_multibyte_text_may_be_cut_anywhere(text: str, draw: st.DataObject) -> None:
    data = f"{text}|".encode()
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(data)), max_size=5)))
    pieces = [data[start:end] for start, end in pairwise([0, *cuts, len(data)])]
    size = TerminalSize(200, 50)
    whole = screen.text(screen.lines([Chunk(Stream.TERMINAL, data)], size))
    # A typed line between any two pieces, and a character of another stream around all of them.
    apart = [part for piece in pieces for part in (Chunk(Stream.TERMINAL, piece), Chunk(Stream.TYPED, b"x"))]
    chunks = [Chunk(Stream.ERR, b"\xc3"), *apart, Chunk(Stream.ERR, b"\xa9")]
    assert screen.text(screen.lines(chunks, size)) == f"{whole}é"
