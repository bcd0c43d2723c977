"""Which programs a command line calls: those that stand where a shell takes a word for a command."""

from __future__ import annotations

import re
from functools import cache

_BEFORE = r"""(?:^|[|;&({`!'"]|\b(?:do|then|else|time|exec|sudo|xargs)\s)[ \t]*(?:[A-Za-z_]\w*=\S*[ \t]+)*"""
"""What stands before a command: the line's start, an operator, a bracket, a quote (`sh -c '…'`), a word
after which a command follows; and settings of variables."""
_FLAGS = r"(?:[ \t]+--?[\w-]+(?:=\S+)?)*[ \t]+"
"""Flags between a program's name and its subcommand: `docker --debug image ls`."""
_AFTER = r"(?![\w./=-])"


def calls(command: str, name: str) -> bool:
    """Tell whether the command line `command` calls `name`: a program, with a subcommand or without."""
    return _pattern(name).search(command) is not None


@cache
def _pattern(name: str) -> re.Pattern[str]:
    words = (re.escape(word) for word in name.split())
    return re.compile(_BEFORE + _FLAGS.join(words) + _AFTER, re.MULTILINE)
