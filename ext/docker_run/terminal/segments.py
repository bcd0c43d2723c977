"""Segments: the output of a command as a reader sees it, and its conversion to lines and plain text.

The terminal is emulated once, when a command has run. The result is lines of text with colours, which pages,
comparisons and verification use without any emulation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter

from docker_run.model import Chunk, Segment, Stream, TerminalSize
from docker_run.terminal.emulation.cells import Kind
from docker_run.terminal.emulation.characters import printable, shows
from docker_run.terminal.emulation.rendition import PLAIN, Style, restyled, sgr
from docker_run.terminal.emulation.spans import Mark, Span, marked, packed, written

_TERMINAL = (Stream.TERMINAL, Stream.TYPED, Stream.PROMPT)
"""The streams on a terminal's screen."""
_STREAMS = {Kind.ERROR: Stream.ERR, Kind.PROMPT: Stream.PROMPT, Kind.TYPED: Stream.TYPED}
_KINDS = {stream: kind for kind, stream in _STREAMS.items()}
_SGR = re.compile(r"\x1b\[([0-9;]*)m")
_LINE_END = re.compile(r"(?<! ) *+\r*+\n")
"""The end of a line of plain text, with trailing blanks."""


def segments(output: Sequence[Chunk], size: TerminalSize) -> tuple[Segment, ...]:
    """Return what a terminal of `size` shows after `output`, including its scrollback.

    A line that the terminal wrapped is one line. Invisible blanks at the end of a line, and empty lines at
    the end, are left out. Bytes that are not UTF-8 become U+FFFD.
    """
    # Not at the top: replay needs no screen.
    from docker_run.terminal import screen  # noqa: PLC0415

    if all(map(screen.is_simple, output)):
        pieces = (Segment(stream, _without_blank_ends(data.decode("ascii"))) for stream, data in output)
        return tuple(_without_blank_end(tuple(joined(pieces))))
    return tuple(joined(_ended(screen.packed_lines(output, size, joined=True), _main_stream(output))))


def is_shown(text: str) -> bool:
    """Return whether a screen can show `text`, a line that may contain SGR sequences."""
    return (text.isascii() and text.isprintable()) or shows(_SGR.sub("", text))


def joined(pieces: Iterable[Segment]) -> Iterator[Segment]:
    """Yield `pieces` with adjacent ones of one stream joined, and without empty ones."""
    first, text = None, bytearray()
    for piece in pieces:
        if first is not None and first.stream is piece.stream:
            # Not `"".join`: a list of short strings takes many times the memory of their text.
            text += (b"" if text else first.text.encode()) + piece.text.encode()
        elif piece.text:
            if first is not None:
                yield Segment(first.stream, text.decode()) if text else first
            first, text = piece, bytearray()
    if first is not None:
        yield Segment(first.stream, text.decode()) if text else first


def packed_lines(output: Sequence[Segment]) -> Iterator[str]:
    """Yield the lines of `output`, packed like those of a screen (see `emulation.spans`)."""
    if len(output) == 1 and "\x1b" not in output[0].text:
        stream, text = output[0]
        mark = written(Mark(_KINDS.get(stream, Kind.OUTPUT)))
        for line in _lines(printable(text)):
            yield mark + line.removesuffix("\n") if line != "\n" else ""
        return
    spans: list[Span] = []
    for stream, text in output:
        for line in _lines(text):
            spans += _spans(line.removesuffix("\n"), _KINDS.get(stream, Kind.OUTPUT))
            if line.endswith("\n"):
                yield packed(spans)
                spans = []
    if spans:
        yield packed(spans)


def plain_text(output: Iterable[Segment]) -> str:
    """Return the plain text of `output`, without trailing blanks, and without empty lines at the end."""
    text = "".join(text for _, text in output)
    if "\x1b" in text:
        text = _without_blank_ends(_SGR.sub("", text))
    return text.rstrip("\n")


def streams(output: Sequence[Segment]) -> dict[Stream, str]:
    """Return the plain text of each stream of `output`.

    Typed text and the prompt before it belong to the terminal's stream.
    """
    apart: dict[Stream, list[Segment]] = {}
    for segment in output:
        stream = Stream.TERMINAL if segment.stream in _TERMINAL else segment.stream
        apart.setdefault(stream, []).append(segment)
    return {stream: plain_text(pieces) for stream, pieces in apart.items()}


def _main_stream(output: Iterable[Chunk]) -> Stream:
    """Return the stream of text that is neither typed, nor a prompt, nor an error."""
    found = {stream for stream, data in output if data}
    if not found.isdisjoint(_TERMINAL):
        return Stream.TERMINAL
    return Stream.ERR if found == {Stream.ERR} else Stream.OUT


def _without_blank_ends(text: str) -> str:
    """Return plain `text` with only a line feed at the end of each line, and without trailing blanks."""
    text = text.replace("\r\n", "\n")
    # Most text needs no more than that, and a substitution takes many times the memory of short lines.
    return _LINE_END.sub("\n", text) if " \n" in text or "\r" in text else text


def _without_blank_end(pieces: Sequence[Segment]) -> Iterator[Segment]:
    """Yield plain `pieces` without empty lines at the end, and with an end for the last line."""
    kept = list(pieces)
    while kept and not (text := kept[-1].text.rstrip(" \r\n")):
        kept.pop()
    if kept:
        yield from kept[:-1]
        yield kept[-1]._replace(text=f"{text}\n")


def _ended(lines: Iterable[str], main: Stream) -> Iterator[Segment]:
    """Yield the segments of packed `lines`; a line's end belongs to its last segment."""
    stream = main
    for line in lines:
        found = [Segment(stream, "")]
        for mark, pieces in groupby(marked(line), key=itemgetter(0)):
            stream = _STREAMS.get(mark.kind or Kind.OUTPUT, main)
            text = "".join(text for _, text in pieces)
            found.append(Segment(stream, text if mark.style == PLAIN else _coloured(text, mark.style)))
        yield from found[:-1]
        yield Segment(stream, f"{found[-1].text}\n")


def _coloured(text: str, style: Style) -> str:
    return f"\x1b[{sgr(style)}m{text}\x1b[m"


def _lines(text: str) -> Iterator[str]:
    """Yield the lines of `text` with their ends, one at a time, unlike `splitlines`."""
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end


def _spans(line: str, kind: Kind) -> Iterator[Span]:
    """Yield the spans of a line: runs of one style."""
    style, start = PLAIN, 0
    for change in _SGR.finditer(line):
        if change.start() > start:
            yield Span(line[start : change.start()], kind, style)
        style, start = restyled(style, change[1]), change.end()
    if start < len(line):
        yield Span(line[start:], kind, style)
