r"""Backslash escapes for characters that editors may change, or reviewers can't see."""

from __future__ import annotations

import re

# Characters that are always escaped: the backslash, all control, format, separator, private-use and surrogate
# characters, and those without width or that look like a blank. Not from `unicodedata`, which grows with each
# version of Python: the text of a recording must not depend on that.
_HIDDEN = (
    (0x00, 0x1F), (0x5C, 0x5C), (0x7F, 0xA0), (0xAD, 0xAD), (0x34F, 0x34F), (0x600, 0x605),
    (0x61C, 0x61C), (0x6DD, 0x6DD), (0x70F, 0x70F), (0x890, 0x891), (0x8E2, 0x8E2),
    (0x115F, 0x1160), (0x1680, 0x1680), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x2000, 0x200F),
    (0x2028, 0x202F), (0x205F, 0x206F), (0x2800, 0x2800), (0x3000, 0x3000), (0x3164, 0x3164),
    (0xD800, 0xF8FF), (0xFDD0, 0xFDEF), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFB), (0xFFFE, 0xFFFF), (0x110BD, 0x110BD), (0x110CD, 0x110CD),
    (0x13430, 0x13455), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
    (0xF0000, 0x10FFFF),
)  # fmt: skip
_TO_ESCAPE = re.compile("[" + "".join(rf"\U{low:08x}-\U{high:08x}" for low, high in _HIDDEN) + "]")
_ESCAPE = re.compile(r"\\(?:([\\ernt])|x([0-9a-f]{2})|u\{([0-9a-f]{1,6})\})?")
_NAMED = {"\\": "\\", "\x1b": "e", "\r": "r", "\n": "n", "\t": "t"}
_LETTERS = {letter: character for character, letter in _NAMED.items()}

# A byte that is not part of UTF-8 text is represented by one of these (Python's "surrogateescape").
_FIRST_BYTE, _LAST_BYTE = 0xDC80, 0xDCFF


def escape(text: str) -> str:
    """Return `text` with an escape for each character that could be lost or invisible."""
    return _TO_ESCAPE.sub(_escaped_character, text)


def escape_bytes(data: bytes) -> str:
    """Decode `data` from UTF-8, with an escape for each invalid byte."""
    return escape(data.decode("utf-8", "surrogateescape"))


def _escaped_character(match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    if character in _NAMED:
        return "\\" + _NAMED[character]
    if code < 0x80:
        return f"\\x{code:02x}"
    if _FIRST_BYTE <= code <= _LAST_BYTE:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\u{{{code:x}}}"


def unescape(text: str) -> str:
    """Return the inverse of `escape`. Raises `ValueError` for an unknown escape."""
    return _ESCAPE.sub(_unescaped_character, text)


def _unescaped_character(match: re.Match[str]) -> str:
    letter, byte, code = match.groups()
    if letter:
        return _LETTERS[letter]
    if byte:
        value = int(byte, 16)
        return chr(value if value < 0x80 else 0xDC00 + value)
    if code:
        return chr(int(code, 16))  # raises ValueError beyond U+10FFFF
    raise ValueError("a backslash begins no known sequence")


def unescape_bytes(text: str) -> bytes:
    """Return the inverse of `escape_bytes`. Raises `ValueError` if `text` is not its result."""
    return unescape(text).encode("utf-8", "surrogateescape")
