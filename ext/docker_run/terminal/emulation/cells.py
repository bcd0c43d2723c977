"""The rows and cells of a terminal's screen."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from docker_run.terminal.emulation.rendition import PLAIN, Style


class Kind(Enum):
    """The kind of a piece of text."""

    OUTPUT = "output"
    ERROR = "error"
    """Written to standard error, where that is known."""
    PROMPT = "prompt"
    """The text before typed text on its line."""
    TYPED = "typed"
    """The echo of what the author typed."""
    ELLIPSIS = "ellipsis"
    """Not from a screen: says how much is left out."""


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
        """The number (from 1) of the automatic line break before this line; 0 for none."""
        self.ends = 0
        """The number of the automatic line break after it; 0 for none."""
        self.command = False
        """Whether this is the command's line, above its output: not part of the output unless written to."""
