"""Validators of settings' values. Each returns the value in the form that `Settings` has.

Each raises `ValueError`, whose text says what the value should be.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

from docker_run import patterns as regular_expressions
from docker_run.errors import EngineProblem
from docker_run.model import DIRECT, LAB, TerminalSize
from docker_run.near_matches import near_match
from docker_run.units import BYTES, LONGEST

E = TypeVar("E", bound=StrEnum)

NO_LAB = ("none", "null", "false")
"""Values in a page's front matter for running directly on the engine, in lower case."""

RESERVED = (DIRECT, LAB, *NO_LAB)
"""Names that no kind of lab and no runner of a project can have."""

PLACE_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
"""The pattern for names of kinds of labs and of runners."""

LARGEST = (1 << 63) - 1
"""The largest integer in the Engine API, and in Linux."""


def text(value: object) -> str:
    """Return a text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a text")
    return value


def engine(value: object) -> str:
    """Return `auto`, `none` or the URL of an engine."""
    setting = text(value)
    if setting in ("auto", "none"):
        return setting
    # Not at the top: most projects don't set an engine.
    from docker_run.engine.connection.endpoints import candidates  # noqa: PLC0415

    try:
        candidates(setting, environ={"DOCKER_HOST": "unix:///unused"})
    except EngineProblem as error:
        raise ValueError(f"`auto`, `none` or a URL ({error})") from None
    return setting


def optional_text(value: object) -> str | None:
    """Return None, or a text that is not empty."""
    return None if value is None else text(value)


def catalogue(value: object) -> str | None:
    """Return the directory of a catalogue, or None."""
    if isinstance(value, tuple | list | set):
        raise ValueError(  # noqa: TRY004 (all validators raise the same)
            "the directory of the image catalogue; the list of images that a page has from the start "
            "belongs in the page's front matter, under the same name"
        )
    return optional_text(value)


def truth(value: object) -> bool:
    """Return True or False."""
    # Sphinx has already converted the text of `-D docker_run_private_engine=1`.
    if not isinstance(value, bool):
        raise ValueError("True or False")  # noqa: TRY004 (all validators raise the same)
    return value


def one_of(choices: type[E]) -> Callable[[object], E]:
    """Return a validator of the values of an enumeration."""

    def check(value: object) -> E:
        try:
            return choices(str(value))
        except ValueError:
            raise ValueError(f"one of {', '.join(choices)}") from None

    return check


def count(value: object) -> int:
    """Return a whole number above zero."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LARGEST:
        raise ValueError("a whole number above zero")
    return value


def optional_count(value: object) -> int | None:
    """Return a whole number above zero, or None."""
    try:
        return None if value is None else count(value)
    except ValueError as error:
        raise ValueError(f"{error}, or None") from None


def seconds(value: object) -> float:
    """Return a duration in seconds, above zero and a week at most."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= LONGEST:
        raise ValueError(f"a number of seconds above zero, and {LONGEST:,.0f} (a week) at most")
    return float(value)


def terminal(value: object) -> TerminalSize:
    """Return the size of a terminal, from columns and rows."""
    if (
        not isinstance(value, tuple | list)
        or len(value) != 2
        or not all(isinstance(number, int) and 1 <= number <= 1000 for number in value)
    ):
        raise ValueError("(columns, rows), each from 1 to 1000")
    return TerminalSize(*value)


def texts(value: object) -> tuple[str, ...]:
    """Return a list of texts as a tuple; a set is sorted."""
    if not isinstance(value, tuple | list | set | frozenset) or not all(
        isinstance(word, str) for word in value
    ):
        raise ValueError("a list of texts")
    return tuple(sorted(value)) if isinstance(value, set | frozenset) else tuple(value)


def flags(value: object) -> tuple[str, ...]:
    """Return the names of flags of `docker run` that reach into the host."""
    words = texts(value)
    if not words:
        return ()
    # Not at the top: few projects allow a flag, and the table is slow to import.
    from docker_run.docker_cli.flag_table import FLAGS  # noqa: PLC0415

    refusable = sorted(name for name, flag in FLAGS.items() if flag.reaches)
    for word in words:
        if word not in refusable:
            close = near_match(word.lstrip("-"), refusable)
            meant = f"; did you mean {close!r}?" if close else ""
            raise ValueError(
                f"a list of flags that reach into the host, without dashes ({word!r} is not one{meant})"
            )
    return words


def patterns(value: object) -> tuple[str, ...]:
    """Return regular expressions."""
    for pattern in (words := texts(value)):
        if problem := regular_expressions.problem(pattern):
            raise ValueError(f"a list of regular expressions ({pattern!r}: {problem})")
    return words


def lab_setting(value: object) -> str | None:
    """Return the place in a value of conf.py; None for the engine itself. Raises `ValueError`."""
    # `-D docker_run_lab=none` on the command line sets a string.
    if value is None or value in NO_LAB:
        return None
    if not isinstance(value, str) or not value.strip():
        raise ValueError("None or the name of a kind of lab or runner")
    return value


def labs(value: object) -> tuple[tuple[str, str], ...]:
    """Return the names and directories of kinds of labs, sorted."""
    if not isinstance(value, dict) or not all(
        isinstance(directory, str) and directory.strip() for directory in value.values()
    ):
        raise ValueError("a dictionary: the name of each kind of lab, and its directory")
    for name in value:
        if not isinstance(name, str) or not PLACE_NAME.fullmatch(name):
            raise ValueError(
                f"a dictionary with names of lower-case letters, digits and `-` ({name!r} is not one)"
            )
        if name in RESERVED:
            raise ValueError(f"a dictionary without {name!r}, which already has a meaning")
    return tuple(sorted(value.items()))


def devices(value: object) -> tuple[str, ...]:
    """Return paths of devices, or `all`."""
    for word in (words := texts(value)):
        if word != "all" and not re.fullmatch(r"/dev/[^\s:]+", word):
            raise ValueError(f"a list of devices, such as '/dev/fuse', or of 'all' ({word!r} is not one)")
    return words


def capabilities(value: object) -> tuple[str, ...]:
    """Return names of capabilities, without `CAP_`."""
    for word in (words := texts(value)):
        if not re.fullmatch(r"[A-Z]+(?:_[A-Z]+)*", word) or word.startswith("CAP_"):
            raise ValueError(f"a list of capabilities, such as 'SYS_TIME' ({word!r} is not one)")
    return words


def memory(value: object) -> int:
    """Return a size in bytes, from a number or a text such as `2g`."""
    size = value if isinstance(value, int) and not isinstance(value, bool) else 0
    if isinstance(value, str) and (found := re.fullmatch(r"([0-9]{1,18})([bkmg]?)", value.lower())):
        size = int(found[1]) * BYTES[found[2] or "b"]
    if not 1 <= size <= LARGEST:
        raise ValueError("a number of bytes above zero, or one with k, m or g, such as '2g'")
    return size
