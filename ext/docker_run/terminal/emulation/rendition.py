"""How a terminal shows text: colours and faces, as set by "select graphic rendition" (SGR).

The codes are those of ECMA-48, section 8.3.117, with the extensions that terminals share (bright
colours, 256 and true colours: xterm's "Control Sequences" document).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple


class Style(NamedTuple):
    """How a terminal shows a piece of text."""

    fg: str = ""
    """A name of `COLOURS`, or empty for the terminal's own colour of text."""
    bg: str = ""
    """A name of `COLOURS`, or empty for the terminal's own background."""
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

# xterm's values of the sixteen colours: what the other 240, and true colours, are compared with.
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


@lru_cache(maxsize=4096)
def restyled(style: Style, parameters: str) -> Style:
    """Return `style` after SGR with `parameters`: what stands between `ESC [` and `m`.

    Colours beyond the sixteen become the nearest of them: those have values that can be read on a
    light and on a dark page. What is unknown changes nothing.
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
    """Take from `codes` what belongs to an extended colour whose parts are separated by `;`."""
    kind = [_number(code) for code in islice(codes, 1)]
    size = {_INDEXED: 1, _TRUE: 3}.get(kind[0], 0) if kind else 0
    return kind + [_number(code) for code in islice(codes, size)]


def _extended(details: Sequence[int]) -> str:
    """Return the name nearest to the colour `5, index` or `2, [colour space,] red, green, blue`."""
    kind, *values = details or (0,)
    if kind == _INDEXED and values and values[0] < 256:
        return _indexed(values[0])
    if kind == _TRUE and len(values) >= 3:
        red, green, blue = values[1:4] if len(values) > 3 else values
        return _nearest(red, green, blue)
    return ""


def _indexed(number: int) -> str:
    """Return the name nearest to one of xterm's 256 colours: 16, a cube, and 24 greys."""
    if number < len(COLOURS):
        return COLOURS[number]
    if number < 232:
        red, rest = divmod(number - 16, 36)
        return _nearest(_CUBE[red], _CUBE[rest // 6], _CUBE[rest % 6])
    grey = 8 + 10 * (number - 232)
    return _nearest(grey, grey, grey)


def _nearest(red: int, green: int, blue: int) -> str:
    """Return the name nearest to a colour of these parts, each 0 to 255."""
    distances = [(red - r) ** 2 + (green - g) ** 2 + (blue - b) ** 2 for r, g, b in _PALETTE]
    return COLOURS[distances.index(min(distances))]
