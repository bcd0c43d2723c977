"""The files that `--env-file` and `--label-file` name: a `NAME=value` a line.

Source of the rules: docker/cli, `pkg/kvfile`. There are no quotes and no escapes in such a file:
everything after the first `=` is the value, spaces included. What the CLI takes is taken here, but for
files of another kind of which it would make nothing, or nonsense: binaries with NUL in them, JSON, and
text in which no line is an entry.

Nothing of a file is quoted in a message: it may be another than its author thinks, and hold secrets.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from docker_run.docker_cli.values.scalars import BadValue

# Unicode's White_Space, which is what Go trims; Python's `str.strip` also takes U+001C to U+001F.
_SPACES = (
    "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
)
_LONGEST = 65_535
"""Bytes of a line: what Go's `bufio.Scanner` has room for."""
_PLAIN = "Write plain NAME=value lines"

# What begins a line that is none of ours, and what to say of it.
_SHELL = re.compile(r"(?:export|declare|typeset|readonly|local|set|source|unset)[ \t]|\.[ \t]")
_DOCKERFILE = re.compile(
    r"(?:FROM|RUN|ENV|ARG|COPY|ADD|CMD|LABEL|USER|WORKDIR|EXPOSE|ENTRYPOINT|VOLUME|SHELL|HEALTHCHECK)[ \t]"
)
_YAML = re.compile(r"(?:- |[\w.\"'-]{1,200}+[ \t]*+:(?:[ \t]|\Z))")
_SPACED = re.compile(r"[^ \t=]++[ \t]++=")
_NAME = re.compile(r"[^\W\d][\w./-]*+")
"""What a bare name looks like, in practice."""


class Entry(NamedTuple):
    """A line of a file."""

    line: int
    """Its number, from 1."""
    text: str
    """`NAME=value`, or a bare `NAME`."""


def parse(text: str) -> tuple[Entry, ...]:
    """Return the entries of `text` in order; a line without `=` is a bare name.

    Lines that are empty or begin with `#` are skipped, white space before the name goes, and so does
    a byte order mark. Raises `BadValue`, with the number of the line: for one without a name, with white
    space in it, or longer than the CLI reads; and for a file that is no list of entries.
    """
    entries = []
    _refuse_other_kinds(text)
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        # A byte order mark counts, but a line of that length is no better without it.
        if len(line) > _LONGEST // 4 and len(line.encode()) > _LONGEST:
            raise BadValue(f"line {number} has more than {_LONGEST:,} bytes", hint=_PLAIN)
        entry = line.removesuffix("\r").lstrip(_SPACES)
        if not entry or entry.startswith("#"):
            continue
        name = entry.partition("=")[0]
        if not name:
            raise BadValue(f"no variable name on line {number}", hint="Write the name before the `=`")
        if " " in name or "\t" in name:
            raise BadValue(f"the name on line {number} contains whitespaces", hint=_advice(entry))
        entries.append(Entry(number, entry))
    if entries and not any("=" in entry.text or _NAME.fullmatch(entry.text) for entry in entries):
        raise BadValue(
            f"there is no NAME=value in it; line {entries[0].line} is the first that is none", hint=_PLAIN
        )
    return tuple(entries)


def _refuse_other_kinds(text: str) -> None:
    """Raise `BadValue` for what a glance tells to be something else, whatever its lines look like."""
    if (at := text.find("\0")) >= 0:
        number = text.count("\n", 0, at) + 1
        raise BadValue(f"there is a NUL character on line {number}, as in a binary file", hint=_PLAIN)
    if text.lstrip("\ufeff" + _SPACES)[:1] in {"{", "["} and _is_json(text):
        raise BadValue("it is JSON", hint=_PLAIN)


def _is_json(text: str) -> bool:
    try:
        # Its numbers may have thousands of digits, which Python would refuse.
        json.loads(text.removeprefix("\ufeff"), parse_int=str, parse_float=str)
    except ValueError:
        return False
    except RecursionError:
        return True
    return True


def _advice(entry: str) -> str:
    """Say what to do about a line with white space in its name, by what it looks like."""
    for kind, hint in (
        (_SHELL, "No shell reads the file: leave out `export`, and write plain NAME=value lines"),
        (_DOCKERFILE, "That looks like a Dockerfile, not like a file of NAME=value lines"),
        (_SPACED, "Leave out the blanks before the `=`"),
        (_YAML, "That looks like YAML: write NAME=value instead of `NAME: value`"),
    ):
        if kind.match(entry):
            return hint
    return _PLAIN
