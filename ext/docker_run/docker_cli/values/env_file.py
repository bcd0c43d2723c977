"""The files of `--env-file` and `--label-file`: one `NAME=value` per line.

Source of the rules: docker/cli, `pkg/kvfile`. There are no quotes and no escapes in such a file: everything
after the first `=` is the value, spaces included. Everything that the CLI accepts is accepted, except files
of another kind, which the CLI would misread: binaries with NUL in them, JSON, and text without any entry.

No message quotes a file's content: it may be another file than its author thinks, with secrets in it.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from docker_run.docker_cli.values.scalars import BadValue

# Unicode's White_Space, which Go trims; Python's `str.strip` also trims U+001C to U+001F.
_SPACES = (
    "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
)
_LONGEST = 65_535
"""Limit of a line, in bytes: that of Go's `bufio.Scanner`."""
_PLAIN = "Write plain NAME=value lines"

# The beginnings of lines of other kinds of files, for advice.
_SHELL = re.compile(r"(?:export|declare|typeset|readonly|local|set|source|unset)[ \t]|\.[ \t]")
_DOCKERFILE = re.compile(
    r"(?:FROM|RUN|ENV|ARG|COPY|ADD|CMD|LABEL|USER|WORKDIR|EXPOSE|ENTRYPOINT|VOLUME|SHELL|HEALTHCHECK)[ \t]"
)
_YAML = re.compile(r"(?:- |[\w.\"'-]{1,200}+[ \t]*+:(?:[ \t]|\Z))")
_SPACED = re.compile(r"[^ \t=]++[ \t]++=")
_NAME = re.compile(r"[^\W\d][\w./-]*+")
"""A bare name, as it is in practice."""


class Entry(NamedTuple):
    """A line of a file."""

    line: int
    """Its number, from 1."""
    text: str
    """`NAME=value`, or a bare `NAME`."""


def parse(text: str) -> tuple[Entry, ...]:
    """Return the entries of `text` in order; a line without `=` is a bare name.

    Lines that are empty or begin with `#` are skipped; white space before the name and a byte order mark
    are removed. Raises `BadValue`, with the line's number, for a line without a name, with white space in
    the name, or longer than the CLI's limit; and for a file without entries.
    """
    entries = []
    _refuse_other_kinds(text)
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        # The byte order mark would count, but makes no difference for a line of that length.
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
            f"there is no NAME=value in it; line {entries[0].line} is the first that is not one", hint=_PLAIN
        )
    return tuple(entries)


def _refuse_other_kinds(text: str) -> None:
    """Raise `BadValue` for a file that is obviously of another kind."""
    if (at := text.find("\0")) >= 0:
        number = text.count("\n", 0, at) + 1
        raise BadValue(f"there is a NUL character on line {number}, as in a binary file", hint=_PLAIN)
    if text.lstrip("\ufeff" + _SPACES)[:1] in {"{", "["} and _is_json(text):
        raise BadValue("it is JSON", hint=_PLAIN)


def _is_json(text: str) -> bool:
    try:
        # Numbers are not converted: Python refuses those of thousands of digits.
        json.loads(text.removeprefix("\ufeff"), parse_int=str, parse_float=str)
    except ValueError:
        return False
    except RecursionError:
        return True
    return True


def _advice(entry: str) -> str:
    """Return advice for a line with white space in its name, by the kind of file that it suggests."""
    for kind, hint in (
        (_SHELL, "No shell reads the file: leave out `export`, and write plain NAME=value lines"),
        (_DOCKERFILE, "That looks like a Dockerfile, not like a file of NAME=value lines"),
        (_SPACED, "Leave out the spaces before the `=`"),
        (_YAML, "That looks like YAML: write NAME=value instead of `NAME: value`"),
    ):
        if kind.match(entry):
            return hint
    return _PLAIN
