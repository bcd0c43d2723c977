"""The limits of a command, for all runners: time, output, and interruption of the build."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of a command."""

    seconds: float
    max_output: int
    """In bytes."""
    interrupted: threading.Event
    """Set when the build is interrupted."""

    def within(self, seconds: float | None) -> Limits:
        """Return the limits with the time limit `seconds`, if it is not None."""
        return self if seconds is None else replace(self, seconds=seconds)
