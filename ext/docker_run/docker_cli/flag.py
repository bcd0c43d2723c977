"""The definition of a flag of `docker run`; the flags themselves are in `flag_table`."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple


class Combine(Enum):
    """How several values of one flag are combined."""

    LAST = "the last value"
    ALL = "all values, in order"
    PAIRS = "a mapping of all values; the last one of a name wins"


class Flag(NamedTuple):
    """A flag of `docker run`."""

    name: str
    """The long name, without dashes."""
    type: str
    """The type of the value, as `docker run --help` shows it; empty for a switch."""
    convert: Callable[[str], object] = str
    """Parses one value; raises `BadValue`."""
    short: str = ""
    combine: Combine = Combine.LAST
    late: bool = False
    """Whether the CLI parses the value after all flags, and does not name the flag in its message."""
    example: str = ""
    """A valid value, for messages."""
    reaches: Callable[[object], bool] | None = None
    """Returns whether a parsed value reaches into the host; None if no value does."""
    why: str = ""
    """How it reaches into the host, as the predicate of a sentence."""
    refused: str = ""
    """Why it is refused, as the predicate of a sentence; empty if it is not."""
    api: str = ""
    """The first version of the Engine API that supports it, if later than 1.40."""
    hidden: bool = False
    """Whether `docker run --help` omits it."""
    spelling_of: str = ""
    """The flag of which this is an alias."""

    @property
    def is_switch(self) -> bool:
        """Whether the flag needs no value."""
        return not self.type

    @property
    def title(self) -> str:
        """The flag's name in the CLI's messages: `-m, --memory`."""
        return f"-{self.short}, --{self.name}" if self.short else f"--{self.name}"
