"""Rendering output as the lines that a person would have seen on the terminal.

Output of a program on a terminal is rendered as on a terminal of the recorded size, with its scrollback:
cursor movements, progress bars, colours, lines wrapped at the right edge. Output without a terminal is
rendered as if a client wrote both streams to a terminal in order of arrival, but its lines are never
wrapped: the page scrolls instead.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from docker_run.model import Chunk, Stream, TerminalSize
from docker_run.terminal.emulation.cells import Kind
from docker_run.terminal.emulation.rendition import COLOURS, Style
from docker_run.terminal.emulation.scrollback import without_blank_end
from docker_run.terminal.emulation.spans import (
    Line,
    Mark,
    Span,
    in_lines,
    packed,
    plain,
    unpacked,
    written,
)

__all__ = ["COLOURS", "Kind", "Line", "Span", "Style", "lines", "packed_lines", "shown", "text"]

_PIECE = 1 << 16
"""Bytes that are decoded at a time."""

# Text that moves the cursor only to the start of the next line: it needs no emulator.
_SIMPLE = re.compile(rb"(?:[ -~]++|\r*+\n)*+")
_SIMPLE_ON_TERMINAL = re.compile(rb"(?:[ -~]++|\r++\n)*+")


def packed_lines(output: Sequence[Chunk], size: TerminalSize, *, joined: bool = False) -> Iterator[str]:
    """Yield the lines that a terminal of `size` shows after `output`, scrollback first, each packed.

    Invisible blanks at the end of a line, and empty lines at the end, are left out. Bytes that are not UTF-8
    become U+FFFD. With `joined=True`, a line that the terminal wrapped is one line again, as when it is
    copied from a terminal's window.
    """
    limited = any(chunk.stream in (Stream.TERMINAL, Stream.TYPED) for chunk in output)
    if all(map(is_simple, output)):
        found = _simple(output, columns=size.columns if limited and not joined else None)
    else:
        found = _emulated(output, size, limited=limited, joined=joined)
    empty = 0
    for line in found:
        if line:
            yield from [""] * empty
            yield line
        empty = 0 if line else empty + 1


def lines(output: Sequence[Chunk], size: TerminalSize, *, joined: bool = False) -> tuple[Line, ...]:
    """Return the lines of `packed_lines`, each as its spans."""
    return tuple(map(unpacked, packed_lines(output, size, joined=joined)))


def shown(output: Sequence[Chunk], size: TerminalSize, *, joined: bool = False) -> str:
    """Return the plain text of the lines of `packed_lines`, as `text` does."""
    return in_lines(map(plain, packed_lines(output, size, joined=joined))).rstrip("\n")


def text(lines: Iterable[Line]) -> str:
    """Return the plain text of `lines`, without trailing blanks, and without empty lines at the end."""
    return in_lines("".join(span.text for span in line).rstrip(" ") for line in lines).rstrip("\n")


def is_simple(chunk: Chunk) -> bool:
    """Return whether `chunk` is text that moves the cursor only to the start of the next line."""
    pattern = _SIMPLE_ON_TERMINAL if chunk.stream is Stream.TERMINAL else _SIMPLE
    return chunk.stream is not Stream.TYPED and pattern.fullmatch(chunk.data) is not None


def _decoded(output: Sequence[Chunk]) -> Iterator[tuple[Stream, str]]:
    """Yield the characters of each chunk as a terminal receives them; typed input in its notation.

    A character whose bytes span chunks of its stream is yielded with the last one.
    """
    decoders = {stream: codecs.getincrementaldecoder("utf-8")("replace") for stream in Stream}
    for stream, data in output:
        if stream is Stream.TYPED:
            yield stream, data.decode(errors="replace")
            continue
        for start in range(0, len(data), _PIECE):
            characters = decoders[stream].decode(data[start : start + _PIECE])
            if stream is not Stream.TERMINAL:
                # The client's terminal driver adds the carriage return.
                characters = characters.replace("\n", "\r\n")
            if characters:
                yield stream, characters
    for stream, decoder in decoders.items():
        rest = decoder.decode(b"", final=True)
        if rest:
            yield stream, rest


def _kind(stream: Stream) -> Kind:
    return Kind.ERROR if stream is Stream.ERR else Kind.OUTPUT


def _simple(output: Sequence[Chunk], *, columns: int | None) -> Iterator[str]:
    """Yield the lines of output that `is_simple`, wrapped after `columns` characters."""
    if len(output) == 1:
        yield from _lines_of_one(*output[0], columns=columns)
        return
    line: list[Span] = []
    for stream, data in output:
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            line.append(_span(stream, data[start:end]))
            yield from _broken(line, columns)
            line = []
            start = end + 1
        line.append(_span(stream, data[start:]))
    yield from _broken(line, columns)


def _lines_of_one(stream: Stream, data: bytes, *, columns: int | None) -> Iterator[str]:
    """Yield the lines of a single chunk, as `_simple` does: the output of most commands is one."""
    mark = written(Mark(_kind(stream)))
    start = 0
    while start <= len(data):
        # Not `split`: a list of short lines takes many times the memory of their text.
        end = data.find(b"\n", start)
        end = len(data) if end < 0 else end
        line = data[start:end].decode("ascii").rstrip("\r")
        width = columns or len(line) or 1
        for at in range(0, len(line) or 1, width):
            piece = line[at : at + width].rstrip(" ")
            yield mark + piece if piece else ""
        start = end + 1


def _span(stream: Stream, data: bytes) -> Span:
    return Span(data.decode("ascii").rstrip("\r"), _kind(stream))


def _broken(line: Sequence[Span], columns: int | None) -> Iterator[str]:
    """Yield `line`, wrapped after `columns` characters."""
    pieces: list[Span] = []
    left = columns or sum(len(span.text) for span in line)
    for span in line:
        start = 0
        while len(span.text) - start > left:
            yield _packed([*pieces, span._replace(text=span.text[start : start + left])])
            start += left
            pieces, left = [], columns or 0
        pieces.append(span._replace(text=span.text[start:]))
        left -= len(span.text) - start
    yield _packed(pieces)


def _packed(spans: Sequence[Span]) -> str:
    """Pack the spans of a line, with adjacent spans of one kind joined."""
    if len(spans) > 1:
        groups = groupby((span for span in spans if span.text), key=lambda span: span.kind)
        spans = [Span("".join(span.text for span in group), kind) for kind, group in groups]
    return packed(without_blank_end(spans))


def _emulated(
    output: Sequence[Chunk], size: TerminalSize, *, limited: bool, joined: bool = False
) -> Iterator[str]:
    """Yield the lines that an emulated terminal shows after `output`.

    With `limited=False` the terminal has no right edge. `joined` is that of `packed_lines`.
    """
    # Not at the top: much output needs no emulator, and its packages are slow to import.
    from docker_run.terminal.echo import Typewriter  # noqa: PLC0415

    terminal = Typewriter(size.columns, size.rows, limited=limited, joined=joined)
    if limited and size.rows > 1:
        # The command's line is above: programs (BuildKit) move the cursor up there. It is not output.
        terminal.buffer[0].command = True
        terminal.cursor.y = 1
    for stream, piece in _decoded(output):
        if stream is Stream.TYPED:
            terminal.type(piece)
        else:
            terminal.kind = _kind(stream)
            terminal.feed(piece)
    terminal.settle()
    yield from terminal.packed_lines()
