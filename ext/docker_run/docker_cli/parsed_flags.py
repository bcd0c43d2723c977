"""The flags of a command line: parsed, checked against what is allowed, and accessed by name and type."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from collections.abc import Set as AbstractSet
from typing import TypeVar

from docker_run.docker_cli.flag import Combine, Flag
from docker_run.docker_cli.flag_table import FLAGS
from docker_run.docker_cli.pflag import Arguments
from docker_run.docker_cli.values.scalars import BadValue, quote
from docker_run.errors import FlagProblem, RefusedFlag

T = TypeVar("T")

_PORTS = frozenset({"publish", "expose"})
_MOST_PORTS = 3 << 16
"""All ports of three protocols: a range of a few characters names 65,536."""


class ParsedFlags:
    """The values of all flags of one command line, by the flag's main name."""

    def __init__(self, *, allow: Collection[str] | None) -> None:
        self._allow = allow
        self._values: dict[str, list[object]] = {}

    def read(self, arguments: Arguments) -> None:
        """Read the flags from `arguments`, parse their values, and refuse those that aren't allowed.

        Raises `FlagProblem`, or `RefusedFlag`.
        """
        late: list[tuple[Flag, str]] = []
        for flag, text in arguments.flags():
            if flag.refused:
                raise FlagProblem(_refused(flag))
            if flag.late:
                late.append((flag, text))
                self._values.setdefault(flag.spelling_of or flag.name, [])
            else:
                self._add(flag, _converted(flag, text))
        ports = 0
        for flag, text in late:
            value = _converted(flag, text)
            self._add(flag, value)
            if flag.name in _PORTS and isinstance(value, tuple):
                ports += len(value)
            if ports > _MOST_PORTS:
                raise FlagProblem(
                    f"--publish and --expose name more than {_MOST_PORTS:,} ports: "
                    "leave out ranges that overlap"
                )
        for name in self._values:
            flag = FLAGS[name]
            for value in self._values[name] if flag.combine is not Combine.LAST else self._values[name][-1:]:
                if name != "env-file":
                    self.check(flag, value)

    def check(self, flag: Flag, value: object, *, place: str = "") -> None:
        """Raise `RefusedFlag` if `value` reaches into the host and `flag` is not allowed.

        `place` is appended to the message if the value is not on the command line.
        """
        if self._allow is None or flag.name in self._allow or flag.reaches is None or not flag.reaches(value):
            return
        raise RefusedFlag(
            f"--{flag.name} {flag.why}{place}, and is not allowed here: leave it out, or, if you trust every "
            f"page of this project, add {quote(flag.name)} to `docker_run_allow` in conf.py"
        )

    def __contains__(self, name: object) -> bool:
        """Return whether the flag is on the command line, whatever its value."""
        return name in self._values

    def __iter__(self) -> Iterator[Flag]:
        """Iterate over the flags, in order of their first occurrence."""
        return (FLAGS[name] for name in self._values)

    def are_only(self, names: AbstractSet[str]) -> bool:
        """Return whether the command line has no flags besides `names`."""
        return self._values.keys() <= names

    def all(self, name: str, kind: type[T]) -> list[T]:
        """Return all values of a flag, in order."""
        return (
            [value for value in self._values[name] if isinstance(value, kind)] if name in self._values else []
        )

    def last(self, name: str, default: T) -> T:
        """Return the last value of a flag, or `default`, which has the same type."""
        # Fast path: a line sets only few of some hundred flags.
        return (self.all(name, type(default)) or [default])[-1] if name in self._values else default

    def optional(self, name: str, kind: type[T]) -> T | None:
        """Return the last value of a flag, or None."""
        return next(reversed(self.all(name, kind)), None)

    def words(self, name: str) -> tuple[str, ...]:
        """Return all string values of a flag, in order."""
        return tuple(self.all(name, str)) if name in self._values else ()

    def pairs(self, name: str) -> tuple[tuple[str, str], ...]:
        """Return the values of a flag whose values are pairs; the last of a name wins."""
        if name not in self._values:
            return ()
        return tuple(dict(value for value in self.all(name, tuple) if len(value) == 2).items())

    def api_versions(self) -> tuple[tuple[str, str], ...]:
        """Return the flags that need a later engine, sorted, each with its version of the Engine API."""
        return tuple(sorted((flag.name, flag.api) for flag in self if flag.api))

    def _add(self, flag: Flag, value: object) -> None:
        self._values.setdefault(flag.spelling_of or flag.name, []).append(value)


def _converted(flag: Flag, text: str) -> object:
    try:
        return flag.convert(text)
    except BadValue as error:
        hint = f". Try e.g. --{flag.name} {flag.example}" if flag.example else ""
        if flag.late:
            raise FlagProblem(f"{error}{hint}") from error
        where = f"invalid argument {quote(text)} for {quote(flag.title)} flag"
        raise FlagProblem(f"{where}: {error}{hint}") from error


def _refused(flag: Flag) -> str:
    if flag.hidden:
        return f'"--{flag.name}" {flag.refused}, and pages run on Linux: leave it out'
    return f"--{flag.name} {flag.refused}: leave it out"
