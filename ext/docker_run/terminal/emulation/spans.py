"""Spans of a line, and packing a line into a string.

A line that can't change any more is stored as a string: its characters, and before each span a mark for its
kind and style. Marks consist of control characters only (ESC, and C1 without U+0085, which Python treats as a
line end). Screens don't show these and pages can't contain them, so no output and no author's text can be
mistaken for a mark; each takes one byte; and they are never part of a word in full-text search.
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
    """A run of text of one kind and style."""

    text: str
    kind: Kind = Kind.OUTPUT
    style: Style = PLAIN


Line = tuple[Span, ...]
"""A line of the screen, without its end."""


class Mark(NamedTuple):
    """The kind and style of the text after it, up to the next mark."""

    kind: Kind | None = Kind.OUTPUT
    """None for a command with its prompts."""
    style: Style = PLAIN


_DIGITS = "".join(chr(code) for code in range(0x80, 0xA0) if code != 0x85)
_KINDS = (None, *Kind)
_COLOURS = ("", *COLOURS)
_FACES = ("bold", "dim", "italic", "underline", "reverse", "strike")
_BATCH = 500
_HALF = 3
"""Faces per digit."""

# A plain mark is one digit, its kind. A mark with a style is a digit above those, two colours, and two digits
# for the faces. A colour is one digit, or a digit above those and six hexadecimal ones.
_PLAIN = _DIGITS[: len(_KINDS)]
_STYLED = _DIGITS[len(_KINDS) : 2 * len(_KINDS)]
_FACE, _HEXADECIMAL, _OTHER = _DIGITS[: 1 << _HALF], _DIGITS[:16], _DIGITS[len(_COLOURS)]
_COLOUR = f"(?:[{_DIGITS[: len(_COLOURS)]}]|{_OTHER}[{_HEXADECIMAL}]{{6}})"
MARK = re.compile(f"\x1b([{_PLAIN}]|[{_STYLED}]{_COLOUR}{{2}}[{_FACE}]{{2}})")
"""A mark in a packed line, or in the text of `docker_run.terminal.markup`."""


@lru_cache(maxsize=4096)
def written(mark: Mark) -> str:
    """Return `mark` as text for a packed line."""
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
    """Return `line` as a string, the inverse of `unpacked`. Unprintable characters become U+FFFD."""
    return "".join(written(Mark(span.kind, span.style)) + printable(span.text) for span in line)


def unpacked(text: str) -> Line:
    """Return the line in `text`, which `packed` returned."""
    return tuple(Span(piece, mark.kind or Kind.OUTPUT, mark.style) for mark, piece in marked(text) if piece)


def plain(text: str) -> str:
    """Return a packed line without marks and trailing blanks."""
    return MARK.sub("", text).rstrip(" ")


def in_lines(lines: Iterable[str]) -> str:
    """Join `lines` with line feeds, in batches: a list of all takes many times the memory of their text."""
    blocks, rest = [], iter(lines)
    while batch := list(islice(rest, _BATCH)):
        blocks.append("\n".join(batch))
    return "\n".join(blocks)


def marked(text: str) -> Iterator[tuple[Mark, str]]:
    """Yield each mark in `text` with the text after it; text before the first mark is dropped."""
    before = MARK.search(text)
    while before is not None:
        found = MARK.search(text, before.end())
        yield _read(before[1]), text[before.end() : found.start() if found else len(text)]
        before = found
