"""From recorded bytes to the lines that a person at the terminal would have seen.

Output of a program on a terminal is shown as a terminal of the recorded size shows it, with what
scrolled off its top: cursor movements, progress bars, colours, lines broken at the right edge.
Output without a terminal is shown as one would show it to which a client writes both streams in
the order in which they came, but its lines are never broken: the page scrolls instead.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter

from docker_run.model import Chunk, Stream, TerminalSize
from docker_run.terminal.cells import Cell, Kind, Row
from docker_run.terminal.echo import Typewriter
from docker_run.terminal.rendition import COLOURS, PLAIN, Style
from docker_run.terminal.spans import Line, Span

__all__ = ["COLOURS", "Kind", "Line", "Span", "Style", "lines", "text"]


# Text that moves no cursor but to the start of the next line: the emulator would add nothing to it.
_SIMPLE = re.compile(r"(?:[ -~]++|\r++\n)*+")
_BLANK = Cell(" ")


def lines(output: Sequence[Chunk], size: TerminalSize, *, joined: bool = False) -> tuple[Line, ...]:
    """Return what a terminal of `size` shows after `output`, scrolled-off lines first.

    Blanks at the end of a line that can't be seen are left out, and so are empty lines at the end.
    Bytes that are not UTF-8 become U+FFFD. With `joined=True`, a line that the terminal itself broke at
    its right edge is one line again, as when it is copied from a terminal's window.
    """
    limited = any(chunk.stream in (Stream.TERMINAL, Stream.TYPED) for chunk in output)
    pieces = [
        (stream, "".join(piece for _, piece in group))
        for stream, group in groupby(_decoded(output), key=itemgetter(0))
    ]
    whole = "".join(piece for _, piece in pieces)
    if all(stream is not Stream.TYPED for stream, _ in pieces) and _SIMPLE.fullmatch(whole):
        found = _simple(pieces, columns=size.columns if limited and not joined else None)
    else:
        found = emulated(pieces, size, limited=limited, joined=joined)
    return _without_empty_end(found)


def text(lines: Sequence[Line]) -> str:
    """Return the characters of `lines`: no blanks at the end of any, no empty lines at the end."""
    return "\n".join("".join(span.text for span in line).rstrip(" ") for line in lines).rstrip("\n")


def _decoded(output: Sequence[Chunk]) -> Iterator[tuple[Stream, str]]:
    """Yield the characters of each chunk as a terminal gets them; what was typed as it is noted.

    A character whose bytes are spread over several chunks of its stream comes with the last.
    """
    decoders = {stream: codecs.getincrementaldecoder("utf-8")("replace") for stream in Stream}
    for stream, data in output:
        if stream is Stream.TYPED:
            yield stream, data.decode(errors="replace")
            continue
        characters = decoders[stream].decode(data)
        if stream is not Stream.TERMINAL:
            # The driver of the client's terminal adds the carriage return.
            characters = characters.replace("\n", "\r\n")
        if characters:
            yield stream, characters
    for stream, decoder in decoders.items():
        rest = decoder.decode(b"", final=True)
        if rest:
            yield stream, rest


def _kind(stream: Stream) -> Kind:
    return Kind.ERROR if stream is Stream.ERR else Kind.OUTPUT


def _simple(pieces: Sequence[tuple[Stream, str]], *, columns: int | None) -> Iterator[Line]:
    """Yield the lines of text that matches `_SIMPLE`, broken after `columns` characters."""
    line: list[Span] = []
    for stream, piece in pieces:
        first, *rest = piece.replace("\r", "").split("\n")
        line += [Span(first, _kind(stream))]
        for characters in rest:
            yield from _broken(line, columns)
            line = [Span(characters, _kind(stream))]
    yield from _broken(line, columns)


def _broken(line: Sequence[Span], columns: int | None) -> Iterator[Line]:
    characters = "".join(span.text for span in line)
    if columns is None or len(characters) <= columns:
        groups = groupby(line, key=lambda span: span.kind) if len(line) > 1 else ()
        merged = [Span("".join(span.text for span in group), kind) for kind, group in groups]
        yield _without_blank_end(merged or line)
        return
    kinds = [span.kind for span in line for _ in span.text]
    for start in range(0, len(characters), columns):
        cells = zip(characters[start : start + columns], kinds[start : start + columns], strict=True)
        yield _spans([Cell(character, PLAIN, kind) for character, kind in cells])


def emulated(
    pieces: Sequence[tuple[Stream, str]], size: TerminalSize, *, limited: bool, joined: bool = False
) -> Iterator[Line]:
    """Yield the lines that a terminal shows after `pieces`; what is typed is in `docker_run.terminal.keys`.

    With `limited=False` the terminal has no right edge. `joined` is that of `lines`.
    """
    terminal = Typewriter(size.columns, size.rows, limited=limited)
    above = None
    if limited and size.rows > 1:
        # The command stands above: programs (BuildKit) go up there and down again. It is no output.
        above, terminal.cursor.y = terminal.buffer[0], 1
    for stream, piece in pieces:
        if stream is Stream.TYPED:
            terminal.type(piece)
        else:
            terminal.kind = _kind(stream)
            terminal.feed(piece)
    terminal.settle()
    shown = (row for row in terminal.rows() if row or row is not above)
    for rows in _logical(shown) if joined else ([row] for row in shown):
        yield _spans([cell for row in rows for cell in _cells(row)])


def _logical(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Yield the rows of each line that the terminal broke at its right edge, if at all."""
    line: list[Row] = []
    for row in rows:
        if line and not (row.begins and row.begins == line[-1].ends):
            yield line
            line = []
        line.append(row)
    if line:
        yield line


def _cells(row: Row) -> list[Cell]:
    """Return the cells of a line from its start on; one that holds many blanks stands for a gap.

    What was never written to is of the kind of what stands before it.
    """
    cells: list[Cell] = []
    end = 0
    for x in sorted(row):
        if x > end:
            cells.append(Cell(" " * (x - end), PLAIN, (cells or [_BLANK])[-1].kind))
        cells.append(row[x])
        end = x + 1
    return cells


def _spans(cells: Sequence[Cell]) -> Line:
    return _without_blank_end(
        [
            Span("".join(cell.data for cell in group), kind, style)
            for (kind, style), group in groupby(cells, key=lambda cell: (cell.kind, cell.style))
        ]
    )


def _without_blank_end(line: Sequence[Span]) -> Line:
    """Leave out empty spans, and blanks at the end that can't be seen."""
    spans = [span for span in line if span.text]
    while spans and not _shows_blanks(spans[-1].style):
        last = spans.pop()
        rest = last.text.rstrip(" ")
        if rest:
            return (*spans, last._replace(text=rest))
    return tuple(spans)


def _shows_blanks(style: Style) -> bool:
    return bool(style.bg) or style.reverse or style.underline or style.strike


def _without_empty_end(lines: Iterator[Line]) -> tuple[Line, ...]:
    found = list(lines)
    while found and not found[-1]:
        found.pop()
    return tuple(found)
