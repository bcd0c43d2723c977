"""The text that a reader sees of a command, as segments: made of its output, shown, and read as plain text.

A terminal is emulated here once, when a command has run. What comes out of that is lines of text with
colours, from which pages, comparisons and checks are made without emulating anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter

from docker_run.model import Chunk, Segment, Stream, TerminalSize
from docker_run.terminal import screen
from docker_run.terminal.emulation.cells import Kind
from docker_run.terminal.emulation.characters import printable, shows
from docker_run.terminal.emulation.rendition import PLAIN, Style, restyled, sgr
from docker_run.terminal.emulation.spans import Mark, Span, marked, packed, written

_TERMINAL = (Stream.TERMINAL, Stream.TYPED, Stream.PROMPT)
"""What stands on a terminal's screen."""
_STREAMS = {Kind.ERROR: Stream.ERR, Kind.PROMPT: Stream.PROMPT, Kind.TYPED: Stream.TYPED}
_KINDS = {stream: kind for kind, stream in _STREAMS.items()}
_SGR = re.compile(r"\x1b\[([0-9;]*)m")
_LINE_END = re.compile(r"(?<! ) *+\r*+\n")
"""The end of a line of plain text, with the blanks before it, which can't be seen."""


def segments(output: Sequence[Chunk], size: TerminalSize) -> tuple[Segment, ...]:
    """Return what a terminal of `size` shows after `output`, what scrolled off its top included.

    A line that the terminal broke only because it was full is one line. Blanks at the end of a line that
    can't be seen are left out, and so are empty lines at the end. Bytes that are not UTF-8 become U+FFFD.
    """
    if all(map(screen.is_simple, output)):
        pieces = (Segment(stream, _without_blank_ends(data.decode("ascii"))) for stream, data in output)
        return tuple(_without_blank_end(tuple(joined(pieces))))
    return tuple(joined(_ended(screen.packed_lines(output, size, joined=True), _main_stream(output))))


def is_shown(text: str) -> bool:
    """Tell whether a screen can show `text`, a line, in which SGR sequences may be."""
    return (text.isascii() and text.isprintable()) or shows(_SGR.sub("", text))


def joined(pieces: Iterable[Segment]) -> Iterator[Segment]:
    """Yield `pieces` with neighbours of one stream as one, and without empty ones."""
    first, text = None, bytearray()
    for piece in pieces:
        if first is not None and first.stream is piece.stream:
            # Not `"".join`: a list of short texts takes many times the room of their characters.
            text += (b"" if text else first.text.encode()) + piece.text.encode()
        elif piece.text:
            if first is not None:
                yield Segment(first.stream, text.decode()) if text else first
            first, text = piece, bytearray()
    if first is not None:
        yield Segment(first.stream, text.decode()) if text else first


def packed_lines(output: Sequence[Segment]) -> Iterator[str]:
    """Yield the lines of `output`, each packed as a line of a screen is (see `emulation.spans`)."""
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
    """Return the characters of `output`: no blanks at the end of any line, no empty lines at the end."""
    text = "".join(text for _, text in output)
    if "\x1b" in text:
        text = _without_blank_ends(_SGR.sub("", text))
    return text.rstrip("\n")


def streams(output: Sequence[Segment]) -> dict[Stream, str]:
    """Return the plain text of each stream of `output` by itself.

    What was typed, and the prompt before it, are part of what stands on the terminal.
    """
    apart: dict[Stream, list[Segment]] = {}
    for segment in output:
        stream = Stream.TERMINAL if segment.stream in _TERMINAL else segment.stream
        apart.setdefault(stream, []).append(segment)
    return {stream: plain_text(pieces) for stream, pieces in apart.items()}


def _main_stream(output: Iterable[Chunk]) -> Stream:
    """Return the stream of text of which nothing else is known."""
    return Stream.TERMINAL if any(stream in _TERMINAL for stream, _ in output) else Stream.OUT


def _without_blank_ends(text: str) -> str:
    """Return plain `text` with a line feed alone at the end of each line, and no blanks before it."""
    text = text.replace("\r\n", "\n")
    # Most text needs no more than that, and a substitution takes many times the room of short lines.
    return _LINE_END.sub("\n", text) if " \n" in text or "\r" in text else text


def _without_blank_end(pieces: Sequence[Segment]) -> Iterator[Segment]:
    """Yield plain `pieces`; an empty line at the end is left out, and the last line has an end."""
    kept = list(pieces)
    while kept and not (text := kept[-1].text.rstrip(" \r\n")):
        kept.pop()
    if kept:
        yield from kept[:-1]
        yield kept[-1]._replace(text=f"{text}\n")


def _ended(lines: Iterable[str], main: Stream) -> Iterator[Segment]:
    """Yield the pieces of packed `lines`; the end of a line belongs to its last piece."""
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
    """Yield the lines of `text` with their ends. Not all at once, as `split` would."""
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end


def _spans(line: str, kind: Kind) -> Iterator[Span]:
    """Yield the pieces of a line that look the same throughout."""
    style, start = PLAIN, 0
    for change in _SGR.finditer(line):
        if change.start() > start:
            yield Span(line[start : change.start()], kind, style)
        style, start = restyled(style, change[1]), change.end()
    if start < len(line):
        yield Span(line[start:], kind, style)
