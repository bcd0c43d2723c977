"""Lines as pieces that look the same throughout, and each line packed into one text.

What is kept of a line once nothing changes it any more is a text: its characters, and before each piece
a mark that says what it is and how it looks. Marks are made of control characters alone (ESC, and C1
without U+0085, at which Python ends a line). No screen shows these and no page holds them, so nothing
that a program prints, or that an author writes, can be taken for a mark; each takes one byte; and no
full text search takes them for a part of a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from docker_run.terminal.emulation.cells import Kind
from docker_run.terminal.emulation.characters import printable
from docker_run.terminal.emulation.rendition import COLOURS, PLAIN, Style


class Span(NamedTuple):
    """A piece of a line that looks the same throughout."""

    text: str
    kind: Kind = Kind.OUTPUT
    style: Style = PLAIN


Line = tuple[Span, ...]
"""A line of the screen, without its end."""


class Mark(NamedTuple):
    """What the text after it is, up to the next mark."""

    kind: Kind | None = Kind.OUTPUT
    """None for a command with its prompts."""
    style: Style = PLAIN


_DIGITS = "".join(chr(code) for code in range(0x80, 0xA0) if code != 0x85)
_KINDS = (None, *Kind)
_COLOURS = ("", *COLOURS)
_FACES = ("bold", "dim", "italic", "underline", "reverse", "strike")
_BATCH = 500
_HALF = 3
"""Faces in one digit."""

# A plain mark is a digit for its kind; one with a style is a digit above those, two colours and two digits
# for the faces. A colour is a digit, or one above those and six hexadecimal ones.
_PLAIN = _DIGITS[: len(_KINDS)]
_STYLED = _DIGITS[len(_KINDS) : 2 * len(_KINDS)]
_FACE, _HEXADECIMAL, _OTHER = _DIGITS[: 1 << _HALF], _DIGITS[:16], _DIGITS[len(_COLOURS)]
_COLOUR = f"(?:[{_DIGITS[: len(_COLOURS)]}]|{_OTHER}[{_HEXADECIMAL}]{{6}})"
MARK = re.compile(f"\x1b([{_PLAIN}]|[{_STYLED}]{_COLOUR}{{2}}[{_FACE}]{{2}})")
"""A mark in a packed line, or in the text of `docker_run.terminal.markup`."""


@lru_cache(maxsize=4096)
def written(mark: Mark) -> str:
    """Return `mark` as it stands in a packed line."""
    kind, style = _KINDS.index(mark.kind), mark.style
    if style == PLAIN:
        return "\x1b" + _PLAIN[kind]
    faces = sum(1 << bit for bit, face in enumerate(_FACES) if getattr(style, face))
    colours = _colour(style.fg) + _colour(style.bg)
    return "\x1b" + _STYLED[kind] + colours + _DIGITS[faces >> _HALF] + _DIGITS[faces % (1 << _HALF)]


def _colour(colour: str) -> str:
    if not colour.startswith("#"):
        return _DIGITS[_COLOURS.index(colour)]
    return _OTHER + "".join(_DIGITS[int(digit, 16)] for digit in colour[1:])


@lru_cache(maxsize=4096)
def _read(code: str) -> Mark:
    if code in _PLAIN:
        return Mark(_KINDS[_PLAIN.index(code)])
    fg, bg = map(_read_colour, re.findall(_COLOUR, code[1:-2]))
    kind, high, low = (_DIGITS.index(digit) for digit in (code[0], *code[-2:]))
    faces = (bool((high << _HALF | low) >> bit & 1) for bit in range(len(_FACES)))
    return Mark(_KINDS[kind - len(_KINDS)], Style(fg, bg, *faces))


def _read_colour(code: str) -> str:
    if code[0] != _OTHER:
        return _COLOURS[_DIGITS.index(code)]
    return "#" + "".join(f"{_DIGITS.index(digit):x}" for digit in code[1:])


def packed(line: Sequence[Span]) -> str:
    """Return `line` as one text; `unpacked` is the inverse. What no page can hold becomes U+FFFD."""
    return "".join(written(Mark(span.kind, span.style)) + printable(span.text) for span in line)


def unpacked(text: str) -> Line:
    """Return the line that `packed` made `text` of."""
    return tuple(Span(piece, mark.kind or Kind.OUTPUT, mark.style) for mark, piece in marked(text) if piece)


def plain(text: str) -> str:
    """Return a packed line without its marks, and without blanks at its end."""
    return MARK.sub("", text).rstrip(" ")


def in_lines(lines: Iterable[str]) -> str:
    """Return `lines` as one text. Not all at once: a list of them takes many times the room of their text."""
    blocks, rest = [], iter(lines)
    while batch := list(islice(rest, _BATCH)):
        blocks.append("\n".join(batch))
    return "\n".join(blocks)


def marked(text: str) -> Iterator[tuple[Mark, str]]:
    """Yield the pieces of `text` and what each is; nothing of what stands before the first mark."""
    before = MARK.search(text)
    while before is not None:
        found = MARK.search(text, before.end())
        yield _read(before[1]), text[before.end() : found.start() if found else len(text)]
        before = found
