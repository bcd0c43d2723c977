r"""Splitting the output of a shell's terminal at the shell's marks. Pure.

The marks are those of terminals' common shell integration, OSC 133 ("semantic prompts":
https://gitlab.freedesktop.org/Per_Bothner/specifications/blob/master/proposals/semantic-prompts.md):
`A` before a prompt (with `k=s`: before the prompt of a continuation line), `B` after it, `C` when a
command begins, `D;STATUS` when it has ended. Only marks with `aid=docker-run` are the recorded shell's
own; those of other programs are output.

In addition, readline shows when a line is being edited and when it is accepted: it switches "bracketed
paste" (`CSI ? 2004 h`, and `l`) on and off.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

AID = "docker-run"
"""The application ID of the recorded shell's marks, as in its `bashrc`."""

PASTE_BEGIN, PASTE_END = b"\x1b[200~", b"\x1b[201~"
"""What a terminal sends before and after pasted text if bracketed paste is on."""

EMPTY_LINE, SHOW_PROMPT = b"\x1b[9981~", b"\x1b[9982~"
"""Keys that the recorded shell's `bashrc` binds: to discard the line, and to show the prompt again."""

_LONGEST = 4096
"""Limit of a mark, in bytes."""
_MARK = re.compile(
    rb"\x1b\]133;(?P<letter>[A-D])(?P<rest>(?:;[^\x07\x1b]*)?)(?:\x07|\x1b\\)"
    rb"|\x1b\[\?2004(?P<paste>[hl])"
)
_STATUS = re.compile(r"[0-9]{1,9}")
_BEGINNINGS = (b"\x1b]133;", b"\x1b[?2004")
_STRING = re.compile(rb"\x1b\]133;[^\x07\x1b]*\x1b?")


class Kind(Enum):
    """The kind of a piece of output."""

    OUTPUT = "output"
    PROMPT = "prompt"
    """A prompt begins."""
    CONTINUATION = "continuation"
    """The prompt of a continuation line begins."""
    READY = "ready"
    """A prompt, of either kind, is complete: the shell reads input."""
    BEGUN = "begun"
    """A command begins."""
    ENDED = "ended"
    """A command has ended."""
    EDITING = "editing"
    """A program begins to edit a line (or a full screen)."""
    ACCEPTED = "accepted"
    """The line is accepted."""


_LETTERS = {b"A": Kind.PROMPT, b"B": Kind.READY, b"C": Kind.BEGUN, b"D": Kind.ENDED}


class Piece(NamedTuple):
    """A piece of the terminal's output."""

    kind: Kind
    data: bytes
    """Unchanged."""
    status: int = 0
    """The exit status of a command that has ended."""


class MarkReader:
    """Splits output at its marks, which may be spread over several reads."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Piece]:
        """Yield the pieces of `data`, preceded by the incomplete mark of the last call."""
        data = self._rest + data
        self._rest = b""
        end = len(data) - _unfinished(data)
        data, rest = data[:end], data[end:]
        position = 0
        for found in _MARK.finditer(data):
            piece = _piece(found)
            if piece is None:
                continue
            if found.start() > position:
                yield Piece(Kind.OUTPUT, data[position : found.start()])
            yield piece
            position = found.end()
        if position < len(data):
            yield Piece(Kind.OUTPUT, data[position:])
        self._rest = rest


def _unfinished(data: bytes) -> int:
    """Return how many of the last bytes of `data` may be the beginning of a mark."""
    start = data.rfind(b"\x1b", max(0, len(data) - _LONGEST))
    if data[start : start + 1] == b"\x1b" and data[start:] == b"\x1b":
        # The escape may be half of the terminator of a string that began before it.
        before = data.rfind(b"\x1b", max(0, start - _LONGEST), start)
        start = before if before >= 0 and _STRING.fullmatch(data, before) else start
    if start < 0:
        return 0
    tail = data[start:]
    is_beginning = any(beginning.startswith(tail) for beginning in _BEGINNINGS)
    return len(tail) if is_beginning or _STRING.fullmatch(tail) else 0


def _piece(found: re.Match[bytes]) -> Piece | None:
    """Return the piece for a mark; None if it is another program's."""
    data = found[0]
    if found["paste"]:
        return Piece(Kind.EDITING if found["paste"] == b"h" else Kind.ACCEPTED, data)
    words = found["rest"].decode(errors="replace").split(";")[1:]
    if f"aid={AID}" not in words:
        return None
    kind = _LETTERS[found["letter"]]
    if kind is Kind.PROMPT and "k=s" in words:
        kind = Kind.CONTINUATION
    status = int(words[0]) if kind is Kind.ENDED and _STATUS.fullmatch(words[0]) else 0
    return Piece(kind, data, status=status)
