"""Finding the echo of typed text on a terminal's screen.

A program shows typed text in one of several ways, or not at all (a password). So the line is examined when
it ends: if it contains the typed text, from where the cursor was when it was typed, this is the echo, and
what is left of it is the prompt. For keys that move within the line, or recall an earlier one, the resulting
line is computed as readline and the shells do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from docker_run.terminal import keys as keys_notation
from docker_run.terminal.emulation.cells import Kind, Row
from docker_run.terminal.emulation.emulator import Terminal

_KEY = re.compile(r"\x1b(?:\[[0-9;]*[@-~]|O?[ -~])?|[\x00-\x1f\x7f]")
_NAMES = {
    "\x1b[D": "left", "\x02": "left", "\x1b[C": "right", "\x06": "right",
    "\x1b[H": "home", "\x01": "home", "\x1b[F": "end", "\x05": "end",
    "\x7f": "backspace", "\b": "backspace", "\x1b[3~": "delete",
    "\x15": "kill_before", "\x0b": "kill_after",
    "\x1b[A": "recall", "\x10": "recall", "\x1b[B": "recall", "\x0e": "recall",
}  # fmt: skip
_ENDS_LINE = re.compile(r"[\r\n\x03\x04\x1a\x1c]")
"""Enter, and the keys that interrupt or end the input."""
_MOST_RECALLED = 100
_MOST_KEYS = 1024
"""Limit of a line with keys in it, in characters and keys; the echo of a longer one is not computed."""
_MOST_SEARCHES = 100
"""Limit of line ends at which an echo is searched."""
_MOST_PLACES = 100_000
"""Limit of characters that one search compares with what keys may have left."""
_TAB, _KEYS = object(), object()
"""Elements of an echo: text that completion may have added, and the names of keys (`^C`)."""


@dataclass(slots=True)
class _Typing:
    """The typed text of the cursor's line."""

    row: Row
    start: int
    """The column of the cursor before it was typed."""
    keys: list[str]
    """Characters and keys, in the form that a terminal sends."""
    ends_line: bool
    """Whether they end the line or the input."""
    searches: int = 0
    """How often the echo was searched."""
    expected: _Expected | None = None


class Typewriter(Terminal):
    """A terminal that marks the echo of what is typed."""

    _typing: _Typing | None = None
    _earlier: tuple[str, ...] = ()
    """Earlier lines, latest first, without duplicates."""

    def type(self, line: str) -> None:
        """Note that `line`, in the notation of `docker_run.terminal.keys`, is typed now."""
        keys = keys_notation.to_bytes(line).decode(errors="replace")
        row, typing = self.buffer[self.cursor.y], self._typing
        ends_line = _ENDS_LINE.search(keys) is not None
        if typing is not None and typing.row is row and not typing.ends_line:
            typing.keys.append(keys)  # the keys before only edited the line: it is still the same
            typing.ends_line, typing.expected = ends_line, None
            return
        self.settle()
        self._typing = _Typing(row, self.cursor.x, [keys], ends_line)

    def linefeed(self) -> None:
        """Go to the next line, after a search for the echo in the one that ends."""
        if self._typing is not None:
            self.settle()
        super().linefeed()

    def settle(self) -> None:
        """Mark the echo if the line contains it; keep waiting if the line may still become the echo."""
        if self._typing is None:
            return
        typing = self._typing
        rows = self._rows_from(typing.row)
        places = [(row, x) for row in rows for x in sorted(row) if row is not typing.row or x >= typing.start]
        shown = "".join(row[x].data for row, x in places)
        expected = typing.expected = typing.expected or _Expected("".join(typing.keys), self._earlier)
        length = expected.length_in(shown) if rows else None
        typing.searches += 1
        if length is not None:
            self._mark(typing, places, length)
        elif not rows or not expected.text.startswith(shown) or typing.searches > _MOST_SEARCHES:
            self._typing = None

    def _mark(self, typing: _Typing, places: Iterable[tuple[Row, int]], length: int) -> None:
        """Mark the first `length` characters of `places` as typed, and those before as prompt."""
        self._typing = None
        for x in [x for x in typing.row if x < typing.start]:
            typing.row[x] = typing.row[x]._replace(kind=Kind.PROMPT)
        echo = ""
        for row, x in places:
            if len(echo) < length:
                echo += row[x].data
                row[x] = row[x]._replace(kind=Kind.TYPED)
        if echo and typing.ends_line:
            self._earlier = (echo, *(line for line in self._earlier if line != echo))[:_MOST_RECALLED]

    def _rows_from(self, first: Row) -> list[Row]:
        """Return the lines from `first` to the cursor's; none if `first` was cleared or scrolled far off."""
        below = [self.buffer[y] for y in range(self.cursor.y + 1) if y in self.buffer]
        rows = [*self.scrolled.last(self.cursor.y + 1), *below]
        return next((rows[i:] for i, row in enumerate(rows) if row is first), [])


class _Expected:
    """The possible contents of the line after `keys`; `earlier` are the lines that can be recalled."""

    def __init__(self, keys: str, earlier: Iterable[str]) -> None:
        self.text = _KEY.sub("", keys)
        """The typed text without keys."""
        keys, enter, _ = keys.partition("\r")
        self._ended = bool(enter)
        is_known = len(keys) <= _MOST_KEYS or not _KEY.search(keys)
        self._lines = list(_edited(keys, earlier)) if is_known else []
        self._echo = _echo(keys) if is_known else None

    def length_in(self, shown: str) -> int | None:
        """Return the length of the echo at the start of `shown`; None if there is none."""
        stripped = shown.rstrip(" ")
        for line in self._lines:
            if stripped == line.rstrip(" ") or (not self._ended and line and shown.startswith(line)):
                return len(line.rstrip(" "))
        if self._echo is None or (len(self._echo) > 1 and len(self._echo) * len(shown) > _MOST_PLACES):
            return None
        # After Enter, nothing follows on the line.
        ends = _ends(self._echo, shown)
        return max((end for end in ends if not self._ended or end >= len(stripped)), default=None)


def _edited(keys: str, earlier: Iterable[str]) -> Iterator[str]:
    """Yield the possible contents of a line after `keys`; nothing if the effect of a key is unknown."""
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
    """Return the text before and after the cursor once a key was pressed, or text typed."""
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


def _echo(keys: str) -> list[object]:
    """Return the elements of the echo of `keys`: literal texts, and between them what keys may leave.

    A program may show a key as `^C`, or do something else; completion may leave any text without blanks.
    """
    elements = [
        piece if not _KEY.fullmatch(piece) else _TAB if piece == "\t" else _KEYS
        for piece in _pieces(keys.rstrip(" "))
    ]
    return [element for element, _ in groupby(elements)]


def _ends(echo: Sequence[object], shown: str) -> set[int]:
    """Return where the `echo`, which begins at the start of `shown`, may end."""
    ends = {0}
    for element in echo:
        if isinstance(element, str):
            ends = {end + len(element) for end in ends if shown.startswith(element, end)}
        elif element is _TAB:
            ends = set(_runs(ends, shown))
        else:
            for at in range(min(ends), len(shown) - 1):
                if at in ends and shown[at] == "^":
                    ends.add(at + 2)
        if not ends:
            break
    return ends


def _runs(starts: Iterable[int], shown: str) -> Iterator[int]:
    """Yield `starts`, and all places that follow one of them without a blank in between."""
    reached = -1
    for start in sorted(starts):
        if start > reached:
            reached = start
            yield reached
            while reached < len(shown) and not shown[reached].isspace():
                reached += 1
                yield reached
