r"""The notation for waits before a line is typed: `<wait 2s>`, `<wait /regex/>`.

A wait types nothing. What follows it is typed when the time is over, or when the program's output since the
last typed line matches: `^` and `$` match at lines, escape sequences are removed. `\<wait …>` is literal
text, as `\<` is for keys (`docker_run.terminal.keys`).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from docker_run import patterns, units
from docker_run.errors import SyntaxProblem
from docker_run.terminal import keys

_TIME = rf"(?P<time>{units.PATTERN}) *+>"
_END = r"/(?= *+>)"
_WAIT = re.compile(rf"<wait ++(?:{_TIME}|/(?P<pattern>(?>\\.|(?!{_END})[^\\])++)/ *+>)")
_PLAIN = r"\\<"
_BEGIN = re.compile(rf"{_PLAIN}|<wait ++(?:{_TIME}|(?P<slash>/))")
_PATTERN_END = re.compile(rf"\\.|(?P<end>{_END} *+>)")
_MISTYPED = re.compile(_PLAIN + r"|<\s*wait(?![a-z_-])[^>]*>?", re.IGNORECASE)
_FORM = "write `<wait 2s>` (or `500ms`, `1m`), or `<wait /regular expression/>`"


class Wait(NamedTuple):
    """A wait for a time, or for output."""

    seconds: float = 0.0
    """Above zero for a time."""
    pattern: str = ""
    """A regular expression (multi-line mode); empty for a time."""

    def __str__(self) -> str:
        """Return its form in messages, e.g. `2 s` or `/Ready/`."""
        return f"/{self.pattern}/" if self.pattern else f"{self.seconds:g} s"

    def found_in(self, text: str) -> bool:
        """Return whether the pattern matches in `text`; False for a time. Raises `SlowPattern`."""
        return bool(self.pattern) and patterns.Pattern(self.pattern).search(text) is not None


def is_wait(entry: str) -> bool:
    """Return whether `entry` of `Command.typed` is a wait, and so is not typed."""
    return _WAIT.fullmatch(entry) is not None


def parse(entry: str) -> Wait:
    """Parse a wait. Raises `SyntaxProblem` if `entry` is not a valid one."""
    found = _WAIT.fullmatch(entry)
    if found is None:
        raise SyntaxProblem(f"`{entry}` is not a wait: {_FORM}")
    if found["pattern"] is None:
        try:
            return Wait(units.seconds(found["time"]))
        except ValueError as error:
            raise SyntaxProblem(f"`{entry}`: give {error}; {_FORM}") from None
    if problem := patterns.problem(found["pattern"]):
        raise SyntaxProblem(f"the pattern of `{entry}` is not a regular expression: {problem}")
    return Wait(pattern=found["pattern"])


def split(line: str) -> tuple[str, ...]:
    """Split a typed line into entries: its waits, and what is between them.

    A wait is before keys, before text, or alone. Raises `SyntaxProblem` for one after text (which would lose
    its Enter), for a misspelled one, and as `parse` does.
    """
    entries: list[str] = []
    rest = 0
    for start, end in _spans(line):
        wait = line[start:end]
        _between(entries, line[rest:start], wait)
        parse(wait)
        entries.append(wait)
        rest = end
    last = line[rest:].lstrip(" ") if rest else line
    if last or not entries:
        _refuse_mistyped(last)
        entries.append(last)
    return tuple(entries)


def _spans(line: str) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each wait, in linear time even if many begin that don't end."""
    ends = deque(found.span("end") for found in _PATTERN_END.finditer(line) if found["end"])
    at = 0
    while found := _BEGIN.search(line, at):
        at = found.end()
        if found["time"]:
            yield found.span()
        elif found["slash"]:
            while ends and ends[0][0] < at:
                ends.popleft()
            if ends and ends[0][0] > at:  # there is something between the slashes
                yield found.start(), ends[0][1]
                at = ends[0][1]


def _between(entries: list[str], text: str, wait: str) -> None:
    """Add the text before a wait to `entries`."""
    _refuse_mistyped(text)
    if not text.strip(" "):
        return
    if not keys.is_keys(text.strip(" ")):
        raise SyntaxProblem(
            f"`{wait}` follows text: put it before the text that is to wait, or on a line of its own"
        )
    entries.append(text.strip(" "))


def _refuse_mistyped(text: str) -> None:
    for found in _MISTYPED.finditer(text):
        if found[0] != "\\<":
            raise SyntaxProblem(
                f"`{found[0]}` is not a wait: {_FORM}. To type it as text, write `\\{found[0]}`"
            )
