"""Lines for a program that reads a lab's terminal in canonical mode: the kernel hands over whole lines.

A line has at most 4,096 bytes with its end; of a longer one the kernel drops what is too much. The key
VEOF (Ctrl-D) hands over what was typed so far, without an end of the line; only at the start of a line it
ends the input. So a long line is typed with that key in between, and whoever reads it sees no difference.
See https://man7.org/linux/man-pages/man3/termios.3.html, "Canonical and noncanonical mode".

Pure: the time is an argument.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from docker_run.terminal import keys
from docker_run.terminal.typist import Typist

LONGEST = 4095
"""Bytes of a line, with its end, that every Linux hands over whole."""
_PIECE = 2048
"""Bytes of a longer one that are handed over at a time."""
_EOF = b"\x04"
_HAS_EOF = re.compile(r"\beof = \^D;")
_WITHIN = re.compile(rb"[\x80-\xbf]")
"""Where a character of UTF-8 goes on."""
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")

_LONGEST_REST = 0.2
_SHORTEST_REST = 0.05
"""Seconds of silence that are given to a program that answers."""
_LATENCIES = 8
"""How many times as long as its last answer took a program is waited for."""
_LESS = 0.75
"""By what the rest is multiplied after a line without an answer: all of them are less than a second."""
_ALL_RESTS = 5.0
"""Seconds that rests take at most, those after an answer and those without one each."""
_ECHO_SECONDS = 5.0
"""Seconds of silence after which the echo of a line is no longer waited for."""
_COMPARED = 64
"""Bytes at the end of a line by which its echo is known."""
_KEPT = 4096
"""Bytes of output in which the end of an echo is looked for."""


def is_canonical(settings: str) -> bool:
    """Tell whether a terminal is in this mode, with Ctrl-D as VEOF. `settings` are what `stty -a` prints."""
    return "icanon" in settings.replace(";", " ").split() and _HAS_EOF.search(settings) is not None


def in_pieces(typed: bytes) -> bytes:
    """Return `typed`, the bytes of a line, so that a terminal in canonical mode hands all of it over."""
    return typed if len(typed) <= LONGEST else _EOF.join(_pieces(typed))


def _pieces(typed: bytes) -> Iterator[bytes]:
    """Yield `typed` in pieces, none of them empty, that end with a whole character."""
    start = 0
    while start < len(typed):
        end = start + _PIECE
        while _WITHIN.match(typed, end):
            end -= 1
        yield typed[start:end]
        start = end


class InputTypist(Typist):
    """Decides when the next line is typed into a program that reads its input from the terminal.

    The program shows no prompts. So each line is typed when the terminal has shown the one before it, and
    the program had time for an answer: what is seen is what somebody sees who types slowly. How long it
    is given goes by how soon it has answered so far. In all it is some seconds, however many lines there
    are: then a line follows as soon as the one before it begins to be answered, or to a program that does
    not answer each, as soon as that is shown.
    """

    def __init__(self, lines: Sequence[str], *, began: float) -> None:
        super().__init__(lines, began=began)
        self._echo = _Echo("")
        self._rest = _LONGEST_REST
        self._rests_left = {True: _ALL_RESTS, False: _ALL_RESTS}
        self._latency: float | None = None

    @property
    def _has_answered(self) -> bool:
        return self._latency is not None

    def saw(self, output: bytes, *, now: float) -> None:
        """Take note of what the program printed, and what the terminal shows of what was typed."""
        if self._echo.rest_of(output) and self._latency is None:
            self._latency = now - self._last_typed
        super().saw(output, now=now)

    def next_line(self, *, now: float) -> str | None:
        """Return the line that is to be typed now, None where it is not time yet. It is never a wait."""
        self._pass_waits(now)
        rested, is_first, is_told = now - self._last_event, self._typed is None, self._waited
        line = super().next_line(now=now)
        if line is not None:
            if not is_first and not is_told:
                self._learn(rested)
            self._echo = _Echo(line)
            self._latency = None
        return line

    def _silence(self) -> float:
        if self._typed is None:
            return super()._silence()
        if not self._echo.is_complete:
            # Where output came in between, the echo can't be told from that.
            return _LONGEST_REST if self._echo.may_be_complete else _ECHO_SECONDS
        return min(self._rest, self._rests_left[self._has_answered])

    def _learn(self, rested: float) -> None:
        """Take note of how long the program was silent, and whether it had answered before that."""
        left = self._rests_left[self._has_answered] - rested
        self._rests_left[self._has_answered] = max(0.0, left)
        if self._latency is None:
            self._rest *= _LESS
        else:
            self._rest = min(_LONGEST_REST, max(_SHORTEST_REST, _LATENCIES * self._latency))


class _Echo:
    """What the terminal itself shows of `line`; of keys, nothing is waited for."""

    def __init__(self, line: str) -> None:
        typed = b"" if keys.is_keys(line) else keys.to_bytes(line)
        text, enter, _ = typed.partition(b"\r")
        # Control characters are shown in another way, or do something.
        compared = b"" if _CONTROL.search(text) else text[-_COMPARED:]
        self._end = compared + (b"\r\n" if enter else b"")
        self._left = len(text) + len(enter)
        self._seen = b""
        self.is_complete = not self._end
        """Whether all of it was shown."""

    @property
    def may_be_complete(self) -> bool:
        """Whether at least as much was shown as it is long."""
        return self._left <= 0

    def rest_of(self, output: bytes) -> bytes:
        """Return what of `output` comes after the echo."""
        if self.is_complete:
            return output
        self._left -= len(output)
        before, end, rest = (self._seen + output).partition(self._end)
        self.is_complete = bool(end)
        self._seen = before[-_KEPT:]
        return rest
