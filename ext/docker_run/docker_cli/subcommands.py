"""Detecting other commands of the CLI where the arguments of `docker run` are expected.

`exec web ls` after `docker-run` would be parsed as an image `exec`, and only a registry would report that it
does not exist.

Source of the names: `docker --help` and `docker image --help` of version 28, and the plugins that Docker
ships with it and with Docker Desktop (https://docs.docker.com/reference/cli/docker/).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from docker_run.docker_cli.flag_table import FLAGS, SHORT
from docker_run.errors import SyntaxProblem

# fmt: off
COMMANDS = frozenset({
    "attach", "build", "builder", "checkpoint", "commit", "config", "container", "context", "cp",
    "create", "diff", "events", "exec", "export", "help", "history", "image", "images", "import", "info",
    "inspect", "kill", "load", "login", "logout", "logs", "manifest", "network", "node", "pause",
    "plugin", "port", "ps", "pull", "push", "rename", "restart", "rm", "rmi", "run", "save", "search",
    "secret", "service", "stack", "start", "stats", "stop", "swarm", "system", "tag", "top", "trust",
    "unpause", "update", "version", "volume", "wait",
})
# fmt: on
"""The commands of the CLI itself."""

# fmt: off
PLUGINS = frozenset({
    "ai", "buildx", "compose", "debug", "desktop", "extension", "init", "mcp", "model", "offload", "pass",
    "sandbox", "sbom", "scout",
})
# fmt: on
"""The commands that are plugins."""

_ALL = COMMANDS | PLUGINS

OFFICIAL_IMAGES = frozenset({"node"})
"""Commands with the name of a common official image: the image is meant."""

_GROUPS = frozenset({"builder", "buildx", "container", "image"})
"""Commands whose subcommands are also commands of the CLI."""

_GLOBAL_VALUES = frozenset({"config", "context", "host", "log-level", "tlscacert", "tlscert", "tlskey", "H"})
"""Global options of the CLI with a value, except those whose letter `docker run` also has."""
_GLOBAL_SWITCHES = frozenset({"debug", "tls", "tlsverify", "version", "D"})
"""Global options without a value."""

_STANDALONE = {"docker-compose": "compose", "docker-buildx": "buildx"}
"""Standalone programs that are also plugins."""

_WORD = re.compile(
    r"""(?:[ \t\n]|\\\n)*+(?P<word>(?>\\.|'[^']*+'|"(?>\\.|[^"\\]++)*+"|[^\s'"\\|&;<>()]++)++)""", re.DOTALL
)
_QUOTING = re.compile(r"\\(.)|['\"]", re.DOTALL)
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*+=")
_LONGEST = 100
"""Limit of a line in a message, in characters."""

_DIRECTLY = {
    "attach": "the output of a container is shown below its own `docker run`, if that has no `-d`",
    "build": "an image that pages need gets a `Dockerfile` in the directory that `docker_run_images` names",
    "create": "leave out `create`, for `docker run` creates a container and starts it",
    "exec": "give the container its command when it's started (`--rm busybox sh -c '…'`), or type at its "
    "terminal, with `-it`",
    "kill": "containers are removed when the page ends",
    "logs": "the output of a container is shown below its own `docker run`, if that has no `-d`",
    "pull": "an image is pulled when a command needs it and with `--pull always` even if it's there",
    "rm": "containers are removed when the page ends, those with `--rm` when they end",
    "start": "leave out `start`, for `docker run` creates a container and starts it",
    "stop": "containers are removed when the page ends",
    "volume": "a volume is created by the first line that names it such as `-v data:/data`",
}
"""What to do instead on a page that runs directly on an engine."""


class Call(NamedTuple):
    """A command of the CLI in the place of an image."""

    name: str
    """The command as written, e.g. `container exec`."""
    command: str
    """The same as one word: `exec`."""
    line: str
    """The command line for a shell, shortened if it is long; `docker exec …` if options are misplaced."""
    word: str
    """The word that would be parsed as an image, e.g. `container`."""


def find(text: str, *, is_image: Callable[[str], bool]) -> Call | None:
    """Return the command that `text`, which follows `docker run` on a line, calls; None for an image.

    It is a command if the first word that is neither an option (of `docker run`, or of the CLI) nor the
    value of one is its name, without tag, registry or digest, and there is no image of that name by
    `is_image`. The word may follow `docker`, if no option of `docker run` precedes that.
    """
    words = _Words(text)
    word, begins = _first_word(words)
    first = word
    if word == "docker" and not words.has_run_options:
        begins, first = words.end, words.next_argument()
    command = _STANDALONE.get(first, first)
    # `is_image` comes last: it has to read the whole page.
    if command not in _ALL or word in OFFICIAL_IMAGES or is_image(word):
        return None
    if first in _STANDALONE:
        line = _line(command + text[words.end :])
    else:
        line = f"docker {first} …" if words.has_run_options else _line(text[begins:])
    second = words.next_argument() if first in _GROUPS else ""
    if second in COMMANDS:
        return Call(f"{first} {second}", second, line, word)
    return Call(first, command, line, word)


def refuse(text: str, *, console: bool, is_image: Callable[[str], bool]) -> None:
    """Raise `SyntaxProblem` if `text`, which follows `docker run`, calls another command of the CLI.

    The message says what to write instead, on a page with `console` sessions or directly on the engine.
    """
    call = find(text, is_image=is_image)
    if call is None:
        return
    if call.command == "run":
        said = "docker run" if call.word == "docker" else call.name
        raise SyntaxProblem(
            f"`{said}` is already there: the text on the directive's own line follows `docker run`, "
            "e.g. `{docker-run} --rm busybox true`"
        )
    wrong = f"`{call.name}` is a command of the CLI, not an image"
    body = f"write `$ {call.line}` into the body. An image of this name would be `{call.word}:latest`"
    if console:
        raise SyntaxProblem(
            f"{wrong}, and the directive's own line is what follows `docker run`: leave it empty, and {body}"
        )
    advice = f" ({_DIRECTLY[call.command]})" if call.command in _DIRECTLY else ""
    raise SyntaxProblem(
        f"{wrong}. Directly on the engine, only `docker run` can be run{advice}. Other commands need a lab "
        "(`docker_run_lab` in conf.py, or in the page's front matter): leave the directive's own line "
        f"empty, and {body}"
    )


def _first_word(words: _Words) -> tuple[str, int]:
    """Return the first argument, and where the CLI's own words begin, skipping assignments and `sudo`."""
    first, begins = words.next_argument(), 0
    if first != "sudo" and not _ASSIGNMENT.match(first):
        return first, begins
    while first == "sudo" or _ASSIGNMENT.match(first):
        begins, first = words.end, words.next_argument()
    # An image `sudo` could be followed by any command.
    return (first if first == "docker" or first in _STANDALONE else ""), begins


def _line(text: str) -> str:
    """Return the first line of a command for a shell."""
    first, more, _ = text.strip().partition("\n")
    short = first.removesuffix("\\").rstrip()
    if len(short) > _LONGEST:
        short, more = short[:_LONGEST], "…"
    return f"docker {short}{' …' if more else ''}"


class _Words:
    """Reads a line word by word, lazily, without errors for shell syntax."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.start = 0
        """Where the last word that was read begins."""
        self.end = 0
        """Where it ends."""
        self.has_run_options = False
        """Whether an option of `docker run`, or `--`, was skipped."""
        self._words = self._read()

    def next_argument(self) -> str:
        """Return the next word that is neither an option nor its value; empty if there is none."""
        for word in self._words:
            if word == "--":
                self.has_run_options = True
                return next(self._words, "")
            if word == "-" or not word.startswith("-"):
                return word
            if self._takes_value(word):
                next(self._words, "")
        return ""

    def _read(self) -> Iterator[str]:
        while found := _WORD.match(self._text, self.end):
            self.start, self.end = found.span("word")
            yield _QUOTING.sub(r"\1", found["word"])

    def _takes_value(self, word: str) -> bool:
        """Return whether the value of the option `word` is the next word."""
        if word.startswith("--"):
            name, equals, _ = word[2:].partition("=")
            is_global = len(name) > 1 and name in _GLOBAL_VALUES | _GLOBAL_SWITCHES
            self.has_run_options |= not is_global
            return not equals and (
                name in _GLOBAL_VALUES if is_global else name in FLAGS and not FLAGS[name].is_switch
            )
        for at, letter in enumerate(word[1:], 1):
            is_global = letter in _GLOBAL_VALUES | _GLOBAL_SWITCHES
            self.has_run_options |= not is_global
            flag = SHORT.get(letter)
            if letter in _GLOBAL_VALUES or (flag is not None and not flag.is_switch):
                return at + 1 == len(word)
        return False
