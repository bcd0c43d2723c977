"""The programs that a command line calls: words where a shell expects a command name."""

from __future__ import annotations

import re
from functools import cache

# Repetitions are bounded and possessive: each place where a command may begin costs bounded time, even in a
# line of nothing but such places.
_ASSIGNMENT = r"[A-Za-z_]\w{0,99}+=\S{0,250}+[ \t]++"
_BEFORE = (
    r"""(?:^|[|;&({`!'"]|\b(?:do|then|else|time|exec|sudo|xargs)\s)[ \t]*+"""
    rf"(?:{_ASSIGNMENT}){{0,9}}+"
)
"""What may precede a command: the line's start, an operator, a bracket, a quote (`sh -c '…'`), a word that
a command follows; and assignments."""
_FLAGS = r"(?:[ \t]++-[\w-]{1,99}+(?:=\S{1,250}+)?){0,9}+[ \t]++"
"""Flags between a program's name and its subcommand: `docker --debug image ls`."""
_AFTER = r"(?![\w./=-])"


def calls(command: str, name: str) -> bool:
    """Return whether the command line `command` calls `name`: a program, optionally with its subcommand."""
    return _pattern(name).search(command) is not None


@cache
def _pattern(name: str) -> re.Pattern[str]:
    words = (re.escape(word) for word in name.split())
    return re.compile(_BEFORE + _FLAGS.join(words) + _AFTER, re.MULTILINE)
