"""Units of size and time, and times as authors write them: `30`, `1.5s`, `500ms`, `2m`, `1h`."""

from __future__ import annotations

import re

BYTES = {unit: 1024**power for power, unit in enumerate(("b", "k", "m", "g", "t", "p"))}
"""Bytes per unit of size. Docker counts in powers of 1024, whatever the unit is called."""

NANOSECONDS = {
    "ns": 1,
    "us": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
"""Nanoseconds per unit of time."""

LONGEST = 7 * 24 * 3600.0
"""Upper limit of any time, in seconds: more than any page needs, and within the range of every clock."""

PATTERN = r"(?P<number>[0-9]+(?:\.[0-9]+)?) *+(?P<unit>ms|s|m|h|)"
"""A number and its unit; without a unit, seconds."""

_TIME = re.compile(PATTERN)


def seconds(text: str) -> float:
    """Parse a time into seconds. Raises `ValueError`, whose message says what is expected."""
    found = _TIME.fullmatch(text.strip())
    read = float(found["number"]) * (NANOSECONDS[found["unit"] or "s"] / 1e9) if found else 0.0
    if read <= 0:
        raise ValueError("a time above zero")
    if read > LONGEST:
        raise ValueError("a time of a week at most")
    return read
