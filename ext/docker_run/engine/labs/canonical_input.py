"""Typing lines into a program that reads a lab's terminal in canonical mode, i.e. line by line.

The kernel limits a line to 4,096 bytes with its end, and drops the rest of a longer one. The key VEOF
(Ctrl-D) delivers what was typed so far, without a line end; only at the start of a line it ends the input. So
a long line is typed with that key in between, which its reader does not notice.
See https://man7.org/linux/man-pages/man3/termios.3.html, "Canonical and noncanonical mode".

Pure: the time is an argument.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from docker_run.terminal import keys
from docker_run.terminal.typist import Typist

LONGEST = 4095
"""Limit of a line that every Linux delivers whole, in bytes, with its end."""
_PIECE = 2048
"""Bytes of a longer line that are delivered at a time."""
_EOF = b"\x04"
_HAS_EOF = re.compile(r"\beof = \^D;")
_WITHIN = re.compile(rb"[\x80-\xbf]")
"""A continuation byte of UTF-8."""
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")

_LONGEST_PAUSE = 0.2
_SHORTEST_PAUSE = 0.05
"""Limits of the pause before a line, in seconds of silence."""
_LATENCIES = 8
"""The pause after a response, in multiples of that response's latency."""
_DECAY = 0.75
"""Factor of the pause after a line without a response: all such pauses are less than a second in total."""
_TOTAL_PAUSE = 5.0
"""Limit of all pauses in total, in seconds: one for those after a response, one for those without."""
_ECHO_SECONDS = 5.0
"""Timeout of a line's echo, in seconds of silence."""
_COMPARED = 64
"""Bytes at the end of a line by which its echo is recognised."""
_KEPT = 4096
"""Bytes of output in which the end of an echo is searched."""


def is_canonical(settings: str) -> bool:
    """Return whether a terminal is in canonical mode, with Ctrl-D as VEOF, by the output of `stty -a`."""
    return "icanon" in settings.replace(";", " ").split() and _HAS_EOF.search(settings) is not None


def in_pieces(typed: bytes) -> bytes:
    """Return `typed`, the bytes of a line, with VEOFs so that canonical mode delivers all of it."""
    return typed if len(typed) <= LONGEST else _EOF.join(_pieces(typed))


def _pieces(typed: bytes) -> Iterator[bytes]:
    """Yield `typed` in pieces, none of them empty, without splitting a character."""
    start = 0
    while start < len(typed):
        end = start + _PIECE
        while _WITHIN.match(typed, end):
            end -= 1
        yield typed[start:end]
        start = end


class InputTypist(Typist):
    """Decides when the next line is typed into a program that reads its input from the terminal.

    The program shows no prompts. So each line is typed when the terminal has echoed the one before it, and
    the program had time to respond, as if a person typed slowly. The pause depends on how soon the program
    has responded so far. All pauses together are limited to some seconds, however many lines there are: then
    a line follows as soon as a response to the one before it begins, or, if the program does not respond to
    each line, as soon as that one is echoed.
    """

    def __init__(self, lines: Sequence[str], *, began: float) -> None:
        super().__init__(lines, began=began)
        self._echo = _Echo("")
        self._pause = _LONGEST_PAUSE
        self._pauses_left = {True: _TOTAL_PAUSE, False: _TOTAL_PAUSE}
        self._latency: float | None = None

    @property
    def _has_responded(self) -> bool:
        return self._latency is not None

    def saw(self, output: bytes, *, now: float) -> None:
        """Process output of the program, and the terminal's echo of what was typed."""
        if self._echo.rest_of(output) and self._latency is None:
            self._latency = now - self._last_typed
        super().saw(output, now=now)

    def next_line(self, *, now: float) -> str | None:
        """Return the line to type now, None if it is not time yet. Never a wait."""
        self._pass_waits(now)
        silence, is_first, is_told = now - self._last_event, self._typed is None, self._waited
        line = super().next_line(now=now)
        if line is not None:
            if not is_first and not is_told:
                self._learn(silence)
            self._echo = _Echo(line)
            self._latency = None
        return line

    def _silence(self) -> float:
        if self._typed is None:
            return super()._silence()
        if not self._echo.is_complete:
            # If output came in between, the echo can't be recognised.
            return _LONGEST_PAUSE if self._echo.may_be_complete else _ECHO_SECONDS
        return min(self._pause, self._pauses_left[self._has_responded])

    def _learn(self, silence: float) -> None:
        """Adapt the pause: the program was silent for `silence` seconds, after a response or not."""
        left = self._pauses_left[self._has_responded] - silence
        self._pauses_left[self._has_responded] = max(0.0, left)
        if self._latency is None:
            self._pause *= _DECAY
        else:
            self._pause = min(_LONGEST_PAUSE, max(_SHORTEST_PAUSE, _LATENCIES * self._latency))


class _Echo:
    """Recognises the terminal's echo of `line`; keys have no echo that could be waited for."""

    def __init__(self, line: str) -> None:
        typed = b"" if keys.is_keys(line) else keys.to_bytes(line)
        text, enter, _ = typed.partition(b"\r")
        # Control characters are echoed in another form, or have an effect.
        compared = b"" if _CONTROL.search(text) else text[-_COMPARED:]
        self._end = compared + (b"\r\n" if enter else b"")
        self._left = len(text) + len(enter)
        self._seen = b""
        self.is_complete = not self._end
        """Whether all of it was seen."""

    @property
    def may_be_complete(self) -> bool:
        """Whether there was at least as much output as the echo is long."""
        return self._left <= 0

    def rest_of(self, output: bytes) -> bytes:
        """Return the part of `output` after the echo."""
        if self.is_complete:
            return output
        self._left -= len(output)
        before, end, rest = (self._seen + output).partition(self._end)
        self.is_complete = bool(end)
        self._seen = before[-_KEPT:]
        return rest
