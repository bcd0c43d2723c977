"""A screen of character cells, with unlimited scrollback.

pyte supplies the model (cursor, margins, insertion and deletion of lines, origin mode); this module adds
what recordings need in addition: scrollback, screens without a right edge, wide and combining characters as
in current terminals, and a kind for each cell.

Where ECMA-48 leaves a choice, the behaviour is xterm's.
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import pyte
from pyte import charsets, modes
from pyte.screens import Cursor, Margins

from docker_run.terminal.emulation.cells import Cell, Kind, Row
from docker_run.terminal.emulation.characters import LONGEST_CELL, joins, pieces, width
from docker_run.terminal.emulation.rendition import PLAIN, Style
from docker_run.terminal.emulation.scrollback import Scrollback

_ALLOWANCE = 1_000_000
"""Limit of cells and lines that control sequences may create during a terminal's life, and of cells beyond
its width that they may move or traverse. A few bytes create thousands of cells, and a line without a right
edge may have a million: hostile output could exhaust memory, or take quadratic time. Well-behaved programs
stay far below. What exceeds the allowance has no effect."""

UNLIMITED = 10**9
"""The number of columns of a terminal without a right edge."""


class SavedState(NamedTuple):
    """The state that DECSC saves."""

    x: int = 0
    y: int = 0
    style: Style = PLAIN
    charset: int = 0
    g0: str = charsets.LAT1_MAP
    g1: str = charsets.LAT1_MAP


class Grid(pyte.Screen):
    """A screen of `columns` by `rows` cells, and its scrollback.

    With `limited=False` it has no right edge: lines grow as they are written, and only cursor movements stop
    at `columns`. With `joined=True`, a line that was wrapped at the edge is read as one.
    """

    buffer: dict[int, Row]  # type: ignore[assignment]  # cells of our own, and rows without a default
    """The lines of the screen that were written to, by number from 0."""

    def __init__(self, columns: int, rows: int, *, limited: bool = True, joined: bool = False) -> None:
        self.scrolled = Scrollback(rows, joined=joined)
        """The lines that scrolled off the top, oldest first."""
        self.keeps = True
        """Whether lines that scroll off are kept."""
        self.kind = Kind.OUTPUT
        """The current kind of text."""
        self.style = PLAIN
        """The current style of text."""
        self._visible_columns = columns
        self._last = ""
        self._untouched = Row()
        self._breaks = 0
        self._allowance = _ALLOWANCE
        self._pen: tuple[Style, Kind] = (PLAIN, Kind.OUTPUT)
        self._pen_cells: dict[str, Cell] = {}
        super().__init__(columns if limited else UNLIMITED, rows)
        self.buffer = defaultdict(Row)

    def reset(self) -> None:
        """Clear the screen and reset all settings; the scrollback is kept."""
        self.buffer.clear()
        self.cursor = Cursor(0, 0)
        self.soft_reset()

    def soft_reset(self) -> None:
        """Reset all settings (DECSTR)."""
        self.margins = None
        self.mode = {modes.DECAWM, modes.DECTCEM}
        self.charset = 0
        self.g0_charset = self.g1_charset = charsets.LAT1_MAP
        self.tabstops = set(range(8, min(self.columns, self._visible_columns), 8))
        self.style = PLAIN
        self.saved = SavedState()

    def define_charset(self, code: str, mode: str) -> None:
        """Designate the set `code` as G0 (`mode` is `(`) or G1: `0` is line drawing, any other Unicode."""
        chosen = charsets.VT100_MAP if code == "0" else charsets.LAT1_MAP
        if mode == "(":
            self.g0_charset = chosen
        else:
            self.g1_charset = chosen

    def draw(self, data: str) -> None:
        """Write characters at the cursor, and advance it; wide ones take two cells."""
        if (self.g1_charset if self.charset else self.g0_charset) is charsets.VT100_MAP:
            data = data.translate(charsets.VT100_MAP)
        for piece in pieces(data):
            if piece.isascii():
                self._write(piece)
            elif width(piece) > 0 and not self._joins(piece):
                self._put(piece, width(piece))
            elif width(piece) >= 0:
                self._combine(piece)
            self._last = piece[-1:]

    def _write(self, text: str) -> None:
        """Write characters that take one cell each."""
        while text:
            room = max(1, self.columns - self.cursor.x)
            if self.cursor.x >= self.columns and modes.DECAWM in self.mode:
                room = self.columns
            self._put(text[:room], 1)
            text = text[room:]

    def _put(self, text: str, cells: int) -> None:
        """Write characters of `cells` cells each that fit on the line, or on the next one."""
        size = cells * len(text)
        if self.cursor.x + size > self.columns:
            if modes.DECAWM in self.mode:
                self._break_line()
            else:
                self.cursor.x = self.columns - size
        if modes.IRM in self.mode:
            self._shift(self.cursor.x, size, times=len(text))
        row = self.buffer[self.cursor.y]
        gap = self.cursor.x - row.width
        if gap > self._visible_columns and self._allowed(gap) < gap:
            self.cursor.x = row.width
        x = self.cursor.x
        self._part(row, x)
        self._part(row, x + size)
        made = self._cells_of_pen()
        for character in text:
            row[x] = made.get(character) or made.setdefault(character, Cell(character, self.style, self.kind))
            x += 1
        if cells == 2:
            row[x] = Cell("", self.style, self.kind)
        self.cursor.x += size
        row.width = max(row.width, self.cursor.x)

    def _break_line(self) -> None:
        """Wrap to the next line, as at the right edge."""
        row = self.buffer[self.cursor.y]
        self.carriage_return()
        self.index()
        self._breaks += 1
        row.ends = self.buffer[self.cursor.y].begins = self._breaks

    def _cells_of_pen(self) -> dict[str, Cell]:
        """Return the cells created so far in the current style and kind, by text: sharing saves memory."""
        if self._pen != (self.style, self.kind):
            self._pen = (self.style, self.kind)
            self._pen_cells = {}
        return self._pen_cells

    def _allowed(self, count: int) -> int:
        """Return how many of `count` cells or lines a control sequence may still create, and count them."""
        allowed = min(count, self._allowance)
        self._allowance -= allowed
        return allowed

    def _reaches(self, count: int, *, times: int = 1) -> bool:
        """Return whether a control sequence may traverse `count` cells; counts those beyond the width."""
        beyond = max(count - self._visible_columns, 0) * times
        return self._allowed(beyond) == beyond

    @staticmethod
    def _part(row: Row, x: int) -> None:
        """Blank a wide character that the boundary left of column `x` would split."""
        if x in row and not row[x].data:
            for column in (x - 1, x):
                row[column] = row[column]._replace(data=" ")

    def _before(self) -> int:
        """Return the column of the character left of the cursor; -1 if there is none."""
        row, x = self.buffer[self.cursor.y], self.cursor.x - 1
        return x - 1 if x in row and not row[x].data else x

    def _joins(self, character: str) -> bool:
        """Return whether `character` combines with the one before it, as in composed emoji."""
        cell = self.buffer[self.cursor.y].get(self._before())
        return cell is not None and joins(cell.data, character)

    def _combine(self, character: str) -> None:
        row, x = self.buffer[self.cursor.y], self._before()
        if x in row and len(row[x].data) < LONGEST_CELL:
            row[x] = row[x]._replace(data=row[x].data + character)

    def repeat(self, count: int) -> None:
        """Repeat the last character, up to the end of the line (REP)."""
        room = self._visible_columns - self.cursor.x
        self.draw(self._last * self._allowed(max(min(count or 1, room), 0)))

    def index(self) -> None:
        """Move the cursor down; at the bottom of the scrolling region, scroll up (IND)."""
        bottom = (self.margins or Margins(0, self.lines - 1)).bottom
        if self.cursor.y == bottom:
            self.scroll_up(1)
        elif self.cursor.y < self.lines - 1:
            self.cursor.y += 1

    def next_line(self) -> None:
        """Go to the start of the next line (NEL)."""
        self.carriage_return()
        self.index()

    def scroll_up(self, count: int) -> None:
        """Move the lines of the scrolling region up; those that leave the screen are kept (SU)."""
        top, bottom = self.margins or Margins(0, self.lines - 1)
        count = min(count or 1, bottom - top + 1)
        rows = self.buffer
        gone = [rows.pop(y, self._untouched) for y in range(top, top + count)]
        if top == 0 and self.keeps:
            self.scrolled.extend(gone[: 1 + self._allowed(count - 1)])
        for y in range(top + count, bottom + 1):
            if y in rows:
                rows[y - count] = rows.pop(y)

    def scroll_down(self, count: int) -> None:
        """Move the lines of the scrolling region down; those at its bottom are lost (SD)."""
        top, bottom = self.margins or Margins(0, self.lines - 1)
        count = min(count or 1, bottom - top + 1)
        rows = self.buffer
        for y in range(bottom - count + 1, bottom + 1):
            rows.pop(y, None)
        for y in range(bottom - count, top - 1, -1):
            if y in rows:
                rows[y + count] = rows.pop(y)

    def delete_lines(self, count: int | None = None) -> None:
        """Remove lines at the cursor, within the scrolling region; those below move up (DL)."""
        top, bottom = self.margins or Margins(0, self.lines - 1)
        if top <= self.cursor.y <= bottom:
            below = [self.buffer.pop(y, Row()) for y in range(self.cursor.y, bottom + 1)]
            self.buffer.update(enumerate(below[count or 1 :], self.cursor.y))
            self.carriage_return()

    def reverse_index(self) -> None:
        """Move the cursor up; at the top of the scrolling region, scroll down (RI)."""
        top = (self.margins or Margins(0, self.lines - 1)).top
        if self.cursor.y == top:
            self.scroll_down(1)
        elif self.cursor.y > 0:
            self.cursor.y -= 1

    def cursor_up(self, count: int | None = None) -> None:
        """Move the cursor up, to the top margin or, if it is above that, to the screen's (CUU)."""
        top = (self.margins or Margins(0, 0)).top
        stop = top if self.cursor.y >= top else 0
        self.cursor.y = max(self.cursor.y - (count or 1), stop)

    def cursor_down(self, count: int | None = None) -> None:
        """Move the cursor down, to the bottom margin or, if it is below that, to the screen's (CUD)."""
        last = self.lines - 1
        bottom = (self.margins or Margins(0, last)).bottom
        stop = bottom if self.cursor.y <= bottom else last
        self.cursor.y = min(self.cursor.y + (count or 1), stop)

    def ensure_hbounds(self) -> None:
        """Keep a cursor that was moved within the screen, or within the text beyond its width."""
        self.cursor.x = max(0, self.cursor.x)
        if self.cursor.x >= self._visible_columns:
            self.cursor.x = min(self.cursor.x, self._edge() - 1)

    def _edge(self) -> int:
        """Return the right edge for cursor movements and shifts on the cursor's line."""
        if self.columns == self._visible_columns:
            return self.columns
        return max(self._visible_columns, self.buffer[self.cursor.y].width)

    def set_margins(self, top: int | None = None, bottom: int | None = None) -> None:
        """Set the scrolling region to lines `top` to `bottom`, from 1; 0 is the screen's edge (DECSTBM)."""
        first, last = (top or 1) - 1, min(bottom or self.lines, self.lines) - 1
        if first < last:
            self.margins = Margins(first, last)
            self.cursor_position()

    def cursor_to_line(self, line: int | None = None) -> None:
        """Move the cursor to a line, from 1, of the screen or of the scrolling region (VPA)."""
        self.cursor_position(line, self.cursor.x + 1)

    def set_tab_stop(self) -> None:
        """Set a tab stop at the cursor (HTS); beyond the width they are fixed, every eight columns."""
        if self.cursor.x < self._visible_columns:
            self.tabstops.add(self.cursor.x)

    def tab(self) -> None:
        """Move the cursor to the next tab stop; on a terminal without an edge, every eight columns."""
        self._tab(1)

    def tabs(self, count: int) -> None:
        """Move the cursor forward `count` tab stops (CHT)."""
        self._tab(min(count or 1, self._visible_columns))
        self.ensure_hbounds()

    def _tab(self, count: int) -> None:
        x = self.cursor.x
        stops = sorted(stop for stop in self.tabstops if stop > x)
        if count <= len(stops):
            self.cursor.x = stops[count - 1]
        elif self.columns > self._visible_columns:
            last = stops[-1] if stops else x
            self.cursor.x = last - last % 8 + 8 * (count - len(stops))
        else:
            self.cursor.x = max(x, self.columns - 1)

    def back_tabs(self, count: int) -> None:
        """Move the cursor back `count` tab stops (CBT)."""
        stops = sorted(stop for stop in self.tabstops if stop < self.cursor.x)
        self.cursor.x = stops[-(count or 1)] if (count or 1) <= len(stops) else 0

    def save_cursor(self) -> None:
        """Save the cursor, the style and the character sets (DECSC)."""
        self.saved = SavedState(
            self.cursor.x, self.cursor.y, self.style, self.charset, self.g0_charset, self.g1_charset
        )

    def restore_cursor(self) -> None:
        """Restore what was saved, which can be done repeatedly (DECRC)."""
        saved = self.saved
        self.cursor.x, self.cursor.y = saved.x, saved.y
        self.style = saved.style
        self.charset, self.g0_charset, self.g1_charset = saved.charset, saved.g0, saved.g1

    def _erase(self, y: int, start: int, end: int) -> None:
        """Erase cells of a line; they get the current background."""
        row = self.buffer[y]
        to_the_end = end >= row.width
        # Erasing up to the line's end costs no more than writing did; other erasures can be repeated.
        if not to_the_end and not self._reaches(end - start):
            return
        self._part(row, start)
        self._part(row, end)
        for x in range(start, min(end, row.width)):
            row.pop(x, None)
        if to_the_end:
            row.ends = 0
            row.width = min(row.width, start)
        if self.style.bg and end <= self._visible_columns and self._allowed(end - start) == end - start:
            row.width = max(row.width, end)
            blank = Cell(" ", Style(bg=self.style.bg))
            row.update(dict.fromkeys(range(start, end), blank))

    def erase_in_line(self, how: int = 0, private: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 (pyte's signature)
        """Erase the line from the cursor on (0), up to the cursor (1), or whole (2) (EL)."""
        start = self.cursor.x if how == 0 else 0
        end = self.cursor.x + 1 if how == 1 else self.columns
        if how <= 2:
            self._erase(self.cursor.y, start, end)

    def erase_in_display(self, how: int = 0, *_args: int, **_kwargs: bool) -> None:
        """Erase the screen from the cursor on (0), up to it (1), or whole (2); or the scrollback (3) (ED)."""
        if how == 3:
            self.scrolled.clear()
            return
        for y in range(self.lines):
            if how == 2 or (how == 0 and y > self.cursor.y) or (how == 1 and y < self.cursor.y):
                self.buffer[y] = Row()
                self._erase(y, 0, self.columns)
        if how < 2:
            self.erase_in_line(how)

    def erase_characters(self, count: int | None = None) -> None:
        """Erase cells from the cursor on (ECH)."""
        self._erase(self.cursor.y, self.cursor.x, min(self.cursor.x + (count or 1), self.columns))

    def insert_characters(self, count: int | None = None) -> None:
        """Move the cells at and after the cursor to the right; those that leave the line are lost (ICH)."""
        self._shift(self.cursor.x, count or 1)

    def delete_characters(self, count: int | None = None) -> None:
        """Remove cells from the cursor on; those right of them move to the left (DCH)."""
        count = count or 1
        if self._reaches(self.buffer[self.cursor.y].width - self.cursor.x):
            self._erase(self.cursor.y, self.cursor.x, self.cursor.x + count)
            self._shift(self.cursor.x + count, -count)

    def _shift(self, start: int, distance: int, *, times: int = 1) -> None:
        """Move the cells from `start` on; `times` is the number of steps in which a program could do it."""
        row, edge = self.buffer[self.cursor.y], self._edge()
        if not self._reaches(row.width - start, times=times):
            return
        self._part(row, start)
        moved = {x + distance: row.pop(x) for x in range(start, row.width) if x in row}
        row.update({x: cell for x, cell in moved.items() if x < edge})
        row.width = min(row.width + max(distance, 0), edge)
