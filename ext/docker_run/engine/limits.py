"""The limits of a command, on either way: time, output, and a build that is interrupted."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a command may take."""

    seconds: float
    max_output: int
    """Bytes."""
    interrupted: threading.Event

    def within(self, seconds: float | None) -> Limits:
        """Return the same with another time limit, where one is given."""
        return self if seconds is None else replace(self, seconds=seconds)
