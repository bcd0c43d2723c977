"""Times as authors write them: `30`, `1.5s`, `500ms`, `2m`, `1h`."""

from __future__ import annotations

import re

LONGEST = 7 * 24 * 3600.0
"""Seconds that anything may last: more than any page needs, and still a time that every clock can count."""

PATTERN = r"(?P<number>[0-9]+(?:\.[0-9]+)?) *+(?P<unit>ms|s|m|h|)"
"""A number, and its unit: seconds where it has none."""

_UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_TIME = re.compile(PATTERN)


def seconds(text: str) -> float:
    """Read a time; seconds. Raises `ValueError`, which says what is wanted."""
    found = _TIME.fullmatch(text.strip())
    read = float(found["number"]) * _UNITS[found["unit"]] if found else 0.0
    if read <= 0:
        raise ValueError("a time above zero")
    if read > LONGEST:
        raise ValueError("a time of a week at most")
    return read
