"""The echo of what is typed: which part of a terminal's screen it is.

A program shows what is typed in one of several ways, or not at all (a password). So the line is looked
at when it ends: if it then holds what was typed, from where the cursor was when that was typed, this is
the echo, and what is left of it is the prompt. What was typed with keys that move about in the line, or
recall an earlier one, is worked out as readline and the shells do it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from docker_run.terminal import keys as keys_notation
from docker_run.terminal.cells import Kind, Row
from docker_run.terminal.emulator import Terminal

_KEY = re.compile(r"\x1b(?:\[[0-9;]*[@-~]|O?[ -~])?|[\x00-\x1f\x7f]")
_NAMES = {
    "\x1b[D": "left", "\x02": "left", "\x1b[C": "right", "\x06": "right",
    "\x1b[H": "home", "\x01": "home", "\x1b[F": "end", "\x05": "end",
    "\x7f": "backspace", "\b": "backspace", "\x1b[3~": "delete",
    "\x15": "kill_before", "\x0b": "kill_after",
    "\x1b[A": "recall", "\x10": "recall", "\x1b[B": "recall", "\x0e": "recall",
}  # fmt: skip
_GOES_ON = re.compile(r"[\r\n\x03\x04\x1a\x1c]")
"""Enter, and the keys that interrupt, or end the input."""
_MOST_RECALLED = 100


@dataclass(slots=True)
class _Typing:
    """What was typed on the line that the cursor is on."""

    row: Row
    start: int
    """The column of the cursor before it was typed."""
    keys: str
    """Characters and keys, as bytes that a terminal sends."""


class Typewriter(Terminal):
    """A terminal that finds the echo of what is typed at it."""

    _typing: _Typing | None = None
    _earlier: tuple[str, ...] = ()
    """The lines typed before, the last first, each once."""

    def type(self, line: str) -> None:
        """Take note that `line`, in the notation of `docker_run.terminal.keys`, is typed now."""
        keys = keys_notation.to_bytes(line).decode(errors="replace")
        row, typing = self.buffer[self.cursor.y], self._typing
        if typing is not None and typing.row is row and not _GOES_ON.search(typing.keys):
            typing.keys += keys  # keys that only changed the line: it is still the same one
            return
        self.settle()
        self._typing = _Typing(row, self.cursor.x, keys)

    def linefeed(self) -> None:
        """Go to the next line, after a look at the one that ends."""
        if self._typing is not None:
            self.settle()
        super().linefeed()

    def settle(self) -> None:
        """Mark what is on the line as typed if it is what was typed; wait on if it may become that."""
        if self._typing is None:
            return
        typing = self._typing
        rows = self._rows_from(typing.row)
        places = [(row, x) for row in rows for x in sorted(row) if row is not typing.row or x >= typing.start]
        shown = "".join(row[x].data for row, x in places)
        length = _echoed(shown, typing.keys, self._earlier) if rows else None
        if length is not None:
            self._mark(typing, places, length)
        elif not rows or not _KEY.sub("", typing.keys).startswith(shown):
            self._typing = None

    def _mark(self, typing: _Typing, places: Iterable[tuple[Row, int]], length: int) -> None:
        """Mark the first `length` characters of `places` as typed, and what is before them as prompt."""
        self._typing = None
        for x in [x for x in typing.row if x < typing.start]:
            typing.row[x] = typing.row[x]._replace(kind=Kind.PROMPT)
        echo = ""
        for row, x in places:
            if len(echo) < length:
                echo += row[x].data
                row[x] = row[x]._replace(kind=Kind.TYPED)
        if echo and _GOES_ON.search(typing.keys):
            self._earlier = (echo, *(line for line in self._earlier if line != echo))[:_MOST_RECALLED]

    def _rows_from(self, first: Row) -> list[Row]:
        """Return the lines from `first` to the cursor's; none where it was scrolled far off, or cleared."""
        below = [self.buffer[y] for y in range(self.cursor.y + 1) if y in self.buffer]
        rows = [*self.scrolled[-self.cursor.y - 1 :], *below]
        return next((rows[i:] for i, row in enumerate(rows) if row is first), [])


def _echoed(shown: str, keys: str, earlier: Iterable[str]) -> int | None:
    """Return how many characters at the start of `shown` are the echo of `keys`; None if they are not."""
    keys, enter, _ = keys.partition("\r")
    for line in _edited(keys, earlier):
        if shown.rstrip(" ") == line.rstrip(" ") or (not enter and line and shown.startswith(line)):
            return len(line.rstrip(" "))
    found = _echo(keys, ended=bool(enter)).match(shown)
    return found and found.end(1)


def _edited(keys: str, earlier: Iterable[str]) -> Iterator[str]:
    """Yield what a line may hold after `keys`; nothing, where one of them does something unknown."""
    pieces = _pieces(keys)
    names = {_NAMES.get(piece, "") for piece in pieces if _KEY.fullmatch(piece)}
    if not names or "" in names:
        return
    for recalled in earlier if "recall" in names else ("",):
        before, after = "", ""
        for piece in pieces:
            before, after = _press(_NAMES.get(piece, ""), piece, before, after, recalled)
        if before or after:
            yield before + after


def _press(name: str, text: str, before: str, after: str, recalled: str) -> tuple[str, str]:  # noqa: PLR0917 - a state
    """Return what is before and after the cursor once a key is pressed, or text is typed."""
    return {
        "": (before + text, after),
        "left": (before[:-1], before[-1:] + after),
        "right": (before + after[:1], after[1:]),
        "home": ("", before + after),
        "end": (before + after, ""),
        "backspace": (before[:-1], after),
        "delete": (before, after[1:]),
        "kill_before": ("", after),
        "kill_after": (before, ""),
        "recall": (recalled, ""),
    }[name]


def _pieces(keys: str) -> list[str]:
    """Return the keys in `keys`, and the text between them."""
    return [piece for piece in re.split(f"({_KEY.pattern})", keys) if piece]


def _echo(keys: str, *, ended: bool) -> re.Pattern[str]:
    """Return what the echo of `keys` looks like; the first group is what was typed.

    A program may show a key as `^C`, or do something else; text it shows as it is. After Enter
    (`ended`) nothing more stands on the line.
    """
    pattern = "".join(
        re.escape(piece) if not _KEY.fullmatch(piece) else r"\S*" if piece == "\t" else r"(?:\^.)*"
        for piece in _pieces(keys.rstrip(" "))
    )
    return re.compile(f"({pattern})" + (r" *\Z" if ended else ""))
