"""What the lines of a terminal are made of."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from docker_run.terminal.emulation.rendition import PLAIN, Style


class Kind(Enum):
    """What a piece of text is."""

    OUTPUT = "output"
    ERROR = "error"
    """Written to standard error, where that is known."""
    PROMPT = "prompt"
    """What stood before typed text on its line."""
    TYPED = "typed"
    """The echo of what the author typed."""
    ELLIPSIS = "ellipsis"
    """Not from a screen: says how much is left out here."""


class Cell(NamedTuple):
    """One character cell; the second cell of a wide character holds no text."""

    data: str
    style: Style = PLAIN
    kind: Kind = Kind.OUTPUT


class Row(dict[int, Cell]):
    """The cells of a line that were written to, by column from 0."""

    __slots__ = ("begins", "command", "ends", "width")

    def __init__(self) -> None:
        super().__init__()
        self.width = 0
        """No cell at or beyond this column was ever written to."""
        self.begins = 0
        """Which of the terminal's own line breaks this line begins after, counted from 1; 0 for none."""
        self.ends = 0
        """Which of them it ends with."""
        self.command = False
        """Whether the command stands here, above its output: unless written to, it is no part of that."""
