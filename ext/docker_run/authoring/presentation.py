"""The presentation of a step on its page."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LineRange:
    """A range of lines, counted from 1, both ends included."""

    first: int
    last: int | None = None
    """None for the last line."""

    def __contains__(self, line: object) -> bool:
        return isinstance(line, int) and self.first <= line and (self.last is None or line <= self.last)


@dataclass(frozen=True, slots=True)
class Presentation:
    """The presentation of a step on its page, which does not affect its run or its output."""

    caption: str = ""
    name: str = ""
    classes: tuple[str, ...] = ()
    lines: tuple[LineRange, ...] = ()
    """The lines of the output to show; empty for all."""
    emphasize: tuple[LineRange, ...] = ()
    """The lines of the block, including commands, to emphasise."""
    collapse: str = ""
    """The text to click on to unfold the output; empty if it is not folded."""
    fold: int | None = None
    """The number of lines of an output to show before the rest is folded; 0 for all, None for the default."""
    hidden: bool = False
    """Whether nothing is shown: the step is run for its effects, or for its values."""
