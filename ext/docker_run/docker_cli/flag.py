"""What is known of a flag of `docker run`; the flags themselves are in `flag_table`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum


class Take(Enum):
    """What a flag that is given several times comes to."""

    LAST = "the last value"
    ALL = "all values, in order"
    PAIRS = "a mapping of all, the last of a name wins"


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag of `docker run`."""

    name: str
    """The long name, without dashes."""
    type: str
    """The kind of value, as `docker run --help` shows it; empty for a switch."""
    convert: Callable[[str], object] = str
    """Reads one value; raises `BadValue`."""
    short: str = ""
    take: Take = Take.LAST
    late: bool = False
    """Whether the CLI reads the value after all flags, and says what is wrong without naming the flag."""
    example: str = ""
    """A value that it can have, for the message where one is wrong."""
    reaches: Callable[[object], bool] | None = None
    """Tells of a converted value whether it reaches into the host; None never does."""
    why: str = ""
    """How it reaches into the host, to be read after its name."""
    refused: str = ""
    """Why it is refused, to be read after its name; empty for one that is not."""
    api: str = ""
    """The first version of the Engine API that knows it, where that is later than 1.40."""
    hidden: bool = False
    """Whether `docker run --help` leaves it out."""
    spelling_of: str = ""
    """The flag of which this is another spelling."""

    @property
    def is_switch(self) -> bool:
        """Whether the flag needs no value."""
        return not self.type

    @property
    def title(self) -> str:
        """The flag as the CLI's messages name it: `-m, --memory`."""
        return f"-{self.short}, --{self.name}" if self.short else f"--{self.name}"
