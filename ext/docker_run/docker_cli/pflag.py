"""The grammar of flags, values and arguments.

That of pflag, the CLI's library, including its messages. Flags end at the first word that isn't one:
`docker run busybox -it` passes `-it` to the container.

Source: spf13/pflag, `flag.go`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from docker_run.docker_cli.flag import Flag
from docker_run.docker_cli.flag_table import FLAGS, SHORT
from docker_run.errors import FlagProblem
from docker_run.near_matches import near_match


class Arguments:
    """The words of a command line, consumed from left to right."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = deque(words)

    @property
    def rest(self) -> tuple[str, ...]:
        """The remaining words; after `flags`, the image and what follows it."""
        return tuple(self._words)

    def flags(self) -> Iterator[tuple[Flag, str]]:
        """Consume the flags in order, and yield each with the text of its value, `true` for a bare switch.

        Raises `FlagProblem` for an unknown flag, and for one without its value.
        """
        while self._words and self._words[0].startswith("-") and self._words[0] != "-":
            word = self._words.popleft()
            if word == "--":
                return
            yield from [self._long(word)] if word.startswith("--") else self._bundle(word)

    def _long(self, word: str) -> tuple[Flag, str]:
        name, equals, value = word[2:].partition("=")
        if not name or name.startswith("-"):
            raise FlagProblem(f"bad flag syntax: {word}. A flag has one or two dashes, then its name: --name")
        flag = FLAGS.get(name)
        if flag is None:
            raise FlagProblem(f"unknown flag: --{name}. {_suggestion(name)}")
        if equals:
            return flag, value
        return flag, "true" if flag.is_switch else self._value(flag, f"flag needs an argument: {word}")

    def _bundle(self, word: str) -> Iterator[tuple[Flag, str]]:
        for at, letter in enumerate(word[1:], 1):
            flag = SHORT.get(letter)
            if flag is None:
                raise FlagProblem(
                    f"unknown shorthand flag: '{letter}' in -{word[at:]}. {_suggestion(word.lstrip('-'))}"
                )
            if len(word) > at + 2 and word[at + 1] == "=":
                yield flag, word[at + 2 :]
                return
            if flag.is_switch:
                yield flag, "true"
            elif len(word) > at + 1:
                yield flag, word[at + 1 :]
                return
            else:
                yield flag, self._value(flag, f"flag needs an argument: '{letter}' in -{letter}")
                return

    def _value(self, flag: Flag, message: str) -> str:
        if not self._words:
            raise FlagProblem(f"{message}. Try e.g. --{flag.name} {flag.example}")
        return self._words.popleft()


def _suggestion(name: str) -> str:
    """Return a suggestion for the unknown flag `name`."""
    name = name.partition("=")[0]
    if close := near_match(name, (flag.name for flag in FLAGS.values() if not flag.hidden)):
        return f"Did you mean --{close}?"
    return "`docker run --help` lists the flags; those of the command itself come after the image"
