"""Lines that nothing can change any more, packed: a row of cells takes fifty times the room of its text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from docker_run.terminal.emulation.cells import Cell, Row
from docker_run.terminal.emulation.rendition import PLAIN, Style
from docker_run.terminal.emulation.spans import Span, packed, unpacked

_BLOCK = 500
"""Lines that are kept as one text."""


class Packer:
    """Packs rows, one after another.

    With `joined=True`, rows between which the terminal itself broke a line become one line again.
    """

    def __init__(self, *, joined: bool = False) -> None:
        self._joined = joined
        self._open: list[str] = []
        """The rows of a line that the next row may go on with."""
        self._ends = 0

    def pack(self, rows: Iterable[Row]) -> Iterator[str]:
        """Yield the lines that are complete once `rows` came."""
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
        """Yield the line that is open, if there is one."""
        if self._open:
            yield packed(without_blank_end(unpacked("".join(self._open))))
        self._open = []


class Scrollback:
    """The lines that left a screen at its top: the last `recent` ones as rows, all before them packed."""

    def __init__(self, recent: int, *, joined: bool = False) -> None:
        self._recent = recent
        self._joined = joined
        self.clear()

    def clear(self) -> None:
        """Forget all lines."""
        self._packer = Packer(joined=self._joined)
        self._blocks: list[str] = []
        self._lines: list[str] = []
        self._rows: list[Row] = []

    def extend(self, rows: Iterable[Row]) -> None:
        """Add lines below those that there are."""
        self._rows += rows
        if len(self._rows) > 2 * self._recent:
            self._lines += self._packer.pack(self._rows[: -self._recent])
            del self._rows[: -self._recent]
        if len(self._lines) > _BLOCK:
            self._blocks.append("\n".join(self._lines))
            self._lines = []

    def last(self, count: int) -> list[Row]:
        """Return the last lines, `recent` at most; they may still be changed."""
        return self._rows[-count:]

    def packed(self, below: Iterable[Row]) -> Iterator[str]:
        """Yield all lines, and those of the rows `below` them. Nothing can be added after that."""
        for block in self._blocks:
            yield from block.split("\n")
        yield from self._lines
        yield from self._packer.pack(self._rows)
        yield from self._packer.pack(below)
        yield from self._packer.rest()


def row_spans(row: Row) -> list[Span]:
    """Return the pieces of a row that look the same throughout."""
    return [
        Span("".join(cell.data for cell in group), kind, style)
        for (kind, style), group in groupby(_cells(row), key=lambda cell: (cell.kind, cell.style))
    ]


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


_BLANK = Cell(" ")


def without_blank_end(line: Sequence[Span]) -> tuple[Span, ...]:
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
