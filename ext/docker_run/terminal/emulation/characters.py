"""Characters on a terminal: their width, and whether they combine or are dropped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

LONGEST_CELL = 16
"""Limit of a cell, in code points: the longest emoji and syllables have fewer. Hostile output stacks
thousands of marks on one letter, which a browser draws over half of the page."""

# Line and paragraph separators, controls of the writing direction, and invisible characters without width:
# with them, a page would show text in another order than the terminal.
_INVISIBLE = re.compile("[\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")
# Characters that XML, and so EPUB, can't contain; and control characters.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_JOINER = "\u200d"
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_PIECE = re.compile(r"[\x00-\x7f]+|[^\x00-\x7f]")


def printable(text: str) -> str:
    """Return `text` with U+FFFD for characters that no page can contain; tabs and line ends stay."""
    is_clean = text.isprintable() or _UNPRINTABLE.search(text) is None
    return text if is_clean else _UNPRINTABLE.sub("\ufffd", text)


def shows(text: str) -> bool:
    """Return whether a terminal shows all characters of `text` unchanged, so that a page can contain it."""
    is_clean = text.isprintable() or not (_UNPRINTABLE.search(text) or _INVISIBLE.search(text))
    return is_clean and "\t" not in text


def pieces(text: str) -> Iterator[str]:
    """Yield the ASCII runs in `text`, and each other character that a terminal shows."""
    if text.isascii():
        yield text
        return
    for piece in _PIECE.finditer(printable(_INVISIBLE.sub("", text))):
        yield piece[0]


@lru_cache(maxsize=4096)
def width(character: str) -> int:
    """Return the width of `character` in cells: 0 if it combines with the one before, -1 if not drawn."""
    # Not at the top: it is slow to import, and only an emulator needs it.
    from wcwidth import wcwidth  # noqa: PLC0415

    return wcwidth(character)


def joins(before: str, character: str) -> bool:
    """Return whether `character` combines with `before`, the text of a cell, as in composed emoji."""
    return before.endswith(_JOINER) or (ord(character) in _SKIN_TONES and width(before[-1:]) == 2)
