"""Scrollback: lines that can't change any more, packed: a row of cells takes fifty times as much memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from docker_run.terminal.emulation.cells import Cell, Row
from docker_run.terminal.emulation.rendition import PLAIN, Style
from docker_run.terminal.emulation.spans import Span, packed, unpacked

_BLOCK = 500
"""Lines that are stored as one string."""


class Packer:
    """Packs rows into lines.

    With `joined=True`, rows of a line that the terminal wrapped become one line again.
    """

    def __init__(self, *, joined: bool = False) -> None:
        self._joined = joined
        self._open: list[str] = []
        """The packed rows of a line that the next row may continue."""
        self._ends = 0

    def pack(self, rows: Iterable[Row]) -> Iterator[str]:
        """Yield the lines that `rows` complete."""
        for row in rows:
            if row.command and not row:
                continue
            if not self._joined:
                yield packed(without_blank_end(row_spans(row)))
                continue
            if not (row.begins and row.begins == self._ends):
                yield from self.rest()
            self._open.append(packed(row_spans(row)))
            self._ends = row.ends

    def rest(self) -> Iterator[str]:
        """Yield the unfinished line, if there is one."""
        if self._open:
            yield packed(without_blank_end(unpacked("".join(self._open))))
        self._open = []


class Scrollback:
    """The lines that scrolled off the top of a screen: the last `recent` as rows, those before packed."""

    def __init__(self, recent: int, *, joined: bool = False) -> None:
        self._recent = recent
        self._joined = joined
        self.clear()

    def clear(self) -> None:
        """Remove all lines."""
        self._packer = Packer(joined=self._joined)
        self._blocks: list[str] = []
        self._lines: list[str] = []
        self._rows: list[Row] = []

    def extend(self, rows: Iterable[Row]) -> None:
        """Append lines."""
        self._rows += rows
        if len(self._rows) > 2 * self._recent:
            self._lines += self._packer.pack(self._rows[: -self._recent])
            del self._rows[: -self._recent]
        if len(self._lines) > _BLOCK:
            self._blocks.append("\n".join(self._lines))
            self._lines = []

    def last(self, count: int) -> list[Row]:
        """Return the last lines, at most `recent`; they may still be changed."""
        return self._rows[-count:]

    def packed(self, below: Iterable[Row]) -> Iterator[str]:
        """Yield all lines, then those of the rows `below`. Nothing can be appended afterwards."""
        for block in self._blocks:
            yield from block.split("\n")
        yield from self._lines
        yield from self._packer.pack(self._rows)
        yield from self._packer.pack(below)
        yield from self._packer.rest()


def row_spans(row: Row) -> list[Span]:
    """Return the spans of a row: runs of one kind and style."""
    return [
        Span("".join(cell.data for cell in group), kind, style)
        for (kind, style), group in groupby(_cells(row), key=lambda cell: (cell.kind, cell.style))
    ]


def _cells(row: Row) -> list[Cell]:
    """Return the cells of a line from its start; a gap is one cell with many blanks.

    A gap has the kind of the cell before it; at the start of the line, of the one after it.
    """
    cells: list[Cell] = []
    end = 0
    for x in sorted(row):
        if x > end:
            cells.append(Cell(" " * (x - end), PLAIN, (cells or [row[x]])[-1].kind))
        cells.append(row[x])
        end = x + 1
    return cells


def without_blank_end(line: Sequence[Span]) -> tuple[Span, ...]:
    """Return `line` without empty spans and invisible trailing blanks."""
    spans = [span for span in line if span.text]
    while spans and not _shows_blanks(spans[-1].style):
        last = spans.pop()
        rest = last.text.rstrip(" ")
        if rest:
            return (*spans, last._replace(text=rest))
    return tuple(spans)


def _shows_blanks(style: Style) -> bool:
    return bool(style.bg) or style.reverse or style.underline or style.strike
