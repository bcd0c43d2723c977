"""What is wrong with one line of a directive's body."""

from __future__ import annotations

import re

from docker_run.errors import BodyProblem

CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\ud800-\udfff]")
"""What can't be part of a line that is shown or typed."""
_SHOWN = 60
"""Characters of a line that a message quotes."""


class LineProblem(BodyProblem):
    """A line of a body can't be understood."""

    def __init__(self, number: int, line: str, message: str) -> None:
        text = CONTROL.sub("\ufffd", line.strip())
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
        super().__init__(f"line {number} of the body, `{shown}`: {message}")
        self.line = number
        """The line within the body, from 1."""
