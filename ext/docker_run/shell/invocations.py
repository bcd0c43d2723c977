"""Which programs a command line calls: those that stand where a shell takes a word for a command."""

from __future__ import annotations

import re
from functools import cache

# What may be repeated has an upper bound, and nothing is read in two ways: each place at which a command
# may begin costs no more than so much, also in a line that is made of nothing but such places.
_ASSIGNMENT = r"[A-Za-z_]\w{0,99}+=\S{0,250}+[ \t]++"
_BEFORE = (
    r"""(?:^|[|;&({`!'"]|\b(?:do|then|else|time|exec|sudo|xargs)\s)[ \t]*+"""
    rf"(?:{_ASSIGNMENT}){{0,9}}+"
)
"""What stands before a command: the line's start, an operator, a bracket, a quote (`sh -c '…'`), a word
after which a command follows; and settings of variables."""
_FLAGS = r"(?:[ \t]++-[\w-]{1,99}+(?:=\S{1,250}+)?){0,9}+[ \t]++"
"""Flags between a program's name and its subcommand: `docker --debug image ls`."""
_AFTER = r"(?![\w./=-])"


def calls(command: str, name: str) -> bool:
    """Tell whether the command line `command` calls `name`: a program, with a subcommand or without."""
    return _pattern(name).search(command) is not None


@cache
def _pattern(name: str) -> re.Pattern[str]:
    words = (re.escape(word) for word in name.split())
    return re.compile(_BEFORE + _FLAGS.join(words) + _AFTER, re.MULTILINE)
