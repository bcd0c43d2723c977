"""The error for an invalid line of a directive's body."""

from __future__ import annotations

import re

from docker_run.errors import BodyProblem

CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\ud800-\udfff]")
"""A character that can't be part of a line that is shown or typed."""
_SHOWN = 60
"""Limit of a line in a message, in characters."""


class LineProblem(BodyProblem):
    """A line of a body is invalid."""

    def __init__(self, number: int, line: str, message: str) -> None:
        text = CONTROL.sub("\ufffd", line.strip())
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
        super().__init__(f"line {number} of the body, `{shown}`: {message}")
        self.line = number
        """The line within the body, from 1."""
