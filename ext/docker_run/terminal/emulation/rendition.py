"""Colours and faces of text, as set by "select graphic rendition" (SGR).

The codes are those of ECMA-48, section 8.3.117, with the common extensions of terminals (bright colours, 256
and true colours: xterm's "Control Sequences" document).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple


class Style(NamedTuple):
    """The colours and faces of a piece of text."""

    fg: str = ""
    """A name of `COLOURS`, any other colour as `#rrggbb`, or empty for the terminal's default."""
    bg: str = ""
    """The same, for the background."""
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: bool = False
    reverse: bool = False
    strike: bool = False


PLAIN = Style()

COLOURS = (
    "black", "red", "green", "yellow", "blue", "magenta", "cyan", "white",
    "brightblack", "brightred", "brightgreen", "brightyellow",
    "brightblue", "brightmagenta", "brightcyan", "brightwhite",
)  # fmt: skip
"""The names of a terminal's colours 0 to 15."""

# xterm's values of the sixteen colours, for finding the nearest one.
_PALETTE = (
    (0, 0, 0), (205, 0, 0), (0, 205, 0), (205, 205, 0), (0, 0, 238), (205, 0, 205), (0, 205, 205),
    (229, 229, 229), (127, 127, 127), (255, 0, 0), (0, 255, 0), (255, 255, 0), (92, 92, 255),
    (255, 0, 255), (0, 255, 255), (255, 255, 255),
)  # fmt: skip
_CUBE = (0, 95, 135, 175, 215, 255)

_SET: dict[int, dict[str, Any]] = {
    1: {"bold": True}, 2: {"dim": True}, 3: {"italic": True}, 4: {"underline": True},
    7: {"reverse": True}, 9: {"strike": True}, 21: {"underline": True},
    22: {"bold": False, "dim": False}, 23: {"italic": False}, 24: {"underline": False},
    27: {"reverse": False}, 29: {"strike": False}, 39: {"fg": ""}, 49: {"bg": ""},
    **{30 + i: {"fg": name} for i, name in enumerate(COLOURS[:8])},
    **{40 + i: {"bg": name} for i, name in enumerate(COLOURS[:8])},
    **{90 + i: {"fg": name} for i, name in enumerate(COLOURS[8:])},
    **{100 + i: {"bg": name} for i, name in enumerate(COLOURS[8:])},
}  # fmt: skip
_FOREGROUND, _BACKGROUND, _UNDERLINE = 38, 48, 4
_INDEXED, _TRUE = 5, 2
_LARGEST = 9999
_FACE_CODES = ((1, "bold"), (2, "dim"), (3, "italic"), (4, "underline"), (7, "reverse"), (9, "strike"))
_TO_BRIGHT = 60
"""The offset from the code of a colour to that of the bright one."""


@lru_cache(maxsize=4096)
def restyled(style: Style, parameters: str) -> Style:
    """Return `style` after SGR with `parameters`, the text between `ESC [` and `m`.

    Unknown codes are ignored.
    """
    codes = iter(parameters.split(";"))
    for code in codes:
        number, *details = (_number(part) for part in code.split(":"))
        if number == 0:
            style = PLAIN
        elif number in (_FOREGROUND, _BACKGROUND):
            name = _extended(details or _details(codes))
            if name:
                style = style._replace(fg=name) if number == _FOREGROUND else style._replace(bg=name)
        elif number == _UNDERLINE and details == [0]:
            style = style._replace(underline=False)
        elif number in _SET:
            style = style._replace(**_SET[number])
    return style


def _number(digits: str) -> int:
    return min(int(digits[:9] or 0), _LARGEST)


def _details(codes: Iterator[str]) -> list[int]:
    """Consume from `codes` the parts of an extended colour that are separated by `;`."""
    kind = [_number(code) for code in islice(codes, 1)]
    size = {_INDEXED: 1, _TRUE: 3}.get(kind[0], 0) if kind else 0
    return kind + [_number(code) for code in islice(codes, size)]


def _extended(details: Sequence[int]) -> str:
    """Return the colour `5, index` or `2, [colour space,] red, green, blue`; empty for any other."""
    kind, *values = details or (0,)
    if kind == _INDEXED and values and values[0] < 256:
        return _indexed(values[0])
    if kind == _TRUE and len(values) >= 3:
        return _hexadecimal(*(values[1:4] if len(values) > 3 else values))
    return ""


def _indexed(number: int) -> str:
    """Return one of xterm's 256 colours: sixteen named ones, a cube, and 24 greys."""
    if number < len(COLOURS):
        return COLOURS[number]
    if number < 232:
        red, rest = divmod(number - 16, 36)
        return _hexadecimal(_CUBE[red], _CUBE[rest // 6], _CUBE[rest % 6])
    grey = 8 + 10 * (number - 232)
    return _hexadecimal(grey, grey, grey)


def _hexadecimal(red: int, green: int, blue: int) -> str:
    return "#" + "".join(f"{min(part, 255):02x}" for part in (red, green, blue))


def _parts(colour: str) -> tuple[int, ...]:
    """Return the red, green and blue of a colour `#rrggbb`, each 0 to 255."""
    return tuple(int(colour[start : start + 2], 16) for start in (1, 3, 5))


@lru_cache(maxsize=4096)
def nearest(colour: str) -> str:
    """Return the colour in `COLOURS` that is nearest to `colour`; empty if that is empty."""
    if not colour.startswith("#"):
        return colour
    distances = [sum((a - b) ** 2 for a, b in zip(_parts(colour), each, strict=True)) for each in _PALETTE]
    return COLOURS[distances.index(min(distances))]


@lru_cache(maxsize=4096)
def sgr(style: Style) -> str:
    """Return the parameters of SGR that set `style` after a reset; the inverse of `restyled`."""
    codes = [str(code) for code, face in _FACE_CODES if getattr(style, face)]
    for first, colour in ((_FOREGROUND, style.fg), (_BACKGROUND, style.bg)):
        if colour.startswith("#"):
            codes.append(f"{first};{_TRUE};" + ";".join(map(str, _parts(colour))))
        elif colour:
            bright, number = divmod(COLOURS.index(colour), 8)
            codes.append(str(first - 8 + number + bright * _TO_BRIGHT))
    return ";".join(codes)
