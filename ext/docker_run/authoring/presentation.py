"""How a step looks on its page, as its options say."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LineRange:
    """A range of lines, counted from 1, both ends included."""

    first: int
    last: int | None = None
    """None goes on to the end."""

    def __contains__(self, line: object) -> bool:
        return isinstance(line, int) and self.first <= line and (self.last is None or line <= self.last)


@dataclass(frozen=True, slots=True)
class Presentation:
    """How a step looks on its page. Nothing of it decides what is run, or what came out."""

    caption: str = ""
    name: str = ""
    classes: tuple[str, ...] = ()
    lines: tuple[LineRange, ...] = ()
    """The lines of the output that are shown; empty shows all."""
    emphasize: tuple[LineRange, ...] = ()
    """The lines of the block, commands included, that are emphasised."""
    collapse: str = ""
    """The text on which a reader clicks to see the output; empty shows it at once."""
    hidden: bool = False
    """Whether nothing is shown: the step is run for what it leaves behind, or for its values."""
