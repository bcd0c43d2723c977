"""What an author writes, of any length and shape: read or refused, in time that grows with its length.

Each entry of the tables is text made of a piece that is repeated. Python's own work is counted; what goes
on within a regular expression can't be, so that those texts are also read at a length at which a second
power would take hours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from docker_run.authoring.console import parse_console, parse_typed
from docker_run.authoring.run_directive import OPTIONS, parse_presentation, parse_step
from docker_run.catalogue.reference import REFERENCE
from docker_run.docker_cli import run_line
from docker_run.docker_cli.subcommands import refuse
from docker_run.docker_cli.values import env_file
from docker_run.docker_cli.values.scalars import BadValue
from docker_run.engine.labs.lab_shell import starts_terminal
from docker_run.errors import DockerRunError
from docker_run.model import Location
from docker_run.shell import invocations
from docker_run.shell.argv import split
from docker_run.shell.continuation import Reader
from lab_sessions import TRAITS
from patience import patience
from work import grows_linearly, instructions

SHORT = 200
LONG = 50_000

Texts = Mapping[str, Callable[[int], str]]
"""By what is repeated in them, the texts for a number of repetitions."""


def _line(text: str) -> None:
    run_line.parse(text, allow=None, read=lambda _: "")


def _feed(text: str) -> None:
    reader = Reader()
    for line in text.split("\n"):
        reader.feed(line)
        reader.open()


def _console(text: str) -> None:
    parse_console(text.split("\n"))


def _option(name: str) -> Callable[[str], None]:
    def read(text: str) -> None:
        parse_presentation({name: text})
        parse_step(
            "busybox",
            {name: text},
            (),
            location=Location("page", 1),
            allow=(),
            read=lambda _: "",
        )

    return read


def _on_lab(text: str) -> None:
    parse_step(text, {}, (), location=Location("page", 1), allow=(), read=lambda _: "", traits=TRAITS)


WORDS: Texts = {
    "open braces": lambda n: "{" * n,
    "nested braces": lambda n: "{" * n + "}" * n,
    "braces with a comma": lambda n: "{," * n,
    "braces with digits": lambda n: "{1" * n,
    "open brackets": lambda n: "[" * n,
    "dollar signs": lambda n: "$ " * n,
    "dollar signs before continued lines": lambda n: "a$" + "\\\n" * n,
    "tildes": lambda n: "a=" + ":~a!" * n,
    "letters behind a tilde": lambda n: "a=~" + "a" * n + "!",
    "single quotes": lambda n: "''" * n,
    "double quotes": lambda n: '""' * n,
    "open quotes": lambda n: "\"'" * n,
    "backslashes": lambda n: "\\" * n,
    "continued lines": lambda n: "a\\\n" * n,
    "words": lambda n: "a " * n,
}

FLAGS: Texts = {
    "switches": lambda n: "--rm " * n + "busybox",
    "letters": lambda n: f"-{'i' * n} busybox",
    "letters before a wrong one": lambda n: f"-{'i' * n}! busybox",
    "letters of an unknown flag": lambda n: f"--{'i' * n} busybox",
    "variables": lambda n: "-e A=1 " * n + "busybox",
    "volumes": lambda n: "-v a:/b " * n + "busybox",
    "ports": lambda n: "-p 1:2 " * n + "busybox",
    "networks": lambda n: "--network a " * n + "busybox",
    "words of a command": lambda n: "busybox " + "a " * n,
    "digits": lambda n: f"-m {'1' * n} busybox",
    "digits before a letter": lambda n: f"-m {'1' * n}x1 busybox",
    "digits of a number of CPUs": lambda n: f"--cpus {'1' * n}x busybox",
    "digits of a quotient": lambda n: f"--cpus {'1' * n}/{'1' * n} busybox",
    "digits behind a point": lambda n: f"--cpus .{'1' * n} busybox",
    "digits of an exponent": lambda n: f"--cpus 1e{'1' * n} busybox",
    "digits of a duration": lambda n: f"--health-timeout {'1' * n} busybox",
    "seconds": lambda n: f"--health-timeout {'1s' * n} busybox",
    "digits of a number with underscores": lambda n: f"--pids-limit {'1_' * n} busybox",
    "hexadecimal digits": lambda n: f"--pids-limit 0x{'f' * n}g busybox",
    "parts of a domain": lambda n: f"--dns-search {'a-a.' * n}! busybox",
    "hyphens of a domain": lambda n: f"--dns-search a{'-' * n} busybox",
    "colons of an address": lambda n: f"--dns {':' * n} busybox",
    "bytes of a hardware address": lambda n: f"--mac-address {'00:' * n} busybox",
    "colons of a port": lambda n: f"-p {':' * n}80 busybox",
    "hyphens of a port": lambda n: f"-p 1{'-' * n} busybox",
    "fields of a mount": lambda n: f"--mount {'readonly,' * n}target=/a busybox",
    "quoted fields of a mount": lambda n: "--mount '" + '"ro",' * n + "target=/a' busybox",
    "quotes in a field": lambda n: "--mount '\"" + '""' * n + "\"' busybox",
    "colons of a volume": lambda n: f"-v {'a:' * n} busybox",
    "letters of a device's mode": lambda n: f"--device /a:/b:{'r' * n} busybox",
    "letters of a CDI device": lambda n: f"--device {'a-' * n}/b=c busybox",
    "octal digits": lambda n: f"--mount type=tmpfs,target=/a,tmpfs-mode={'7' * n} busybox",
    "options of a GPU": lambda n: f"--gpus {'a=b,' * n} busybox",
    "limits": lambda n: f"--ulimit nofile={'1:' * n} busybox",
    "digits of a limit": lambda n: f"--ulimit nofile={'1' * n} busybox",
    "labels": lambda n: "-l a=b " * n + "busybox",
}

SHELL: Texts = {
    "defaults in double quotes": lambda n: '"${a:-' * n,
    "nested defaults": lambda n: '"' + "${a:-" * n,
    "indices": lambda n: '"' + "${a[" * n,
    "indices and one end": lambda n: '"' + "${a[" * n + "]",
    "substitutions": lambda n: "$(" * n,
    "sums": lambda n: "((" * n,
    "sums in quotes": lambda n: '"$((' * n,
    "backticks": lambda n: "`" * n,
    "quotes of bash": lambda n: "$'" * n,
    "open quotes": lambda n: "'\"" * n,
    "here-documents": lambda n: "cat " + "<<E " * n + "\nE" * n,
    "here-documents with a quoted word": lambda n: "cat <<'" * n,
    "here-documents without a word": lambda n: "cat << " * n,
    "backslashes in a here-document": lambda n: "cat <<E\n" + "\\" * n + "a",
    "blanks": lambda n: "a " * n,
    "operators": lambda n: "a ||" * n,
    "lines": lambda n: "a \\\n" * n,
    "closing brackets": lambda n: ")" * n,
}

CONSOLE: Texts = {
    "lines with a mark": lambda n: "$ for x in 1" + "\n> a" * n,
    "lines of a quote": lambda n: "$ '" + "\na" * n,
    "commands": lambda n: "$ a\n" * n,
    "typed lines": lambda n: "$ a" + "\nb" * n,
    "blanks in an exit status": lambda n: f"$ a # exit-code: {' ' * n}x",
    "exit statuses": lambda n: "$ a " + "# exit-code:" * n,
    "digits of an exit status": lambda n: f"$ a # exit code {'1' * n}x",
    "exit statuses that are typed": lambda n: "$ a\n" + "# exit-code" * n,
    "backslashes and blanks": lambda n: "$ a " + "\\ " * n,
    "escaped prompts": lambda n: "$ a\n" + "\\" * n + "$",
}

TYPED: Texts = {
    "waits that don't end": lambda n: "<wait /" * n,
    "waits with an escaped end": lambda n: "<wait /" * n + "\\/>",
    "waits that end": lambda n: "<wait /a/>" * n,
    "slashes and blanks in a wait": lambda n: "<wait /a" + "/ " * n,
    "blanks of a wait": lambda n: f"<wait {' ' * n}",
    "blanks before the unit": lambda n: f"<wait 1{' ' * n}x",
    "digits of a wait": lambda n: f"<wait {'1' * n}>",
    "keys": lambda n: "<C-a>" * n,
    "keys that don't end": lambda n: "<C-" * n,
    "less-than signs": lambda n: "<" * n,
    "blanks": lambda n: "<" + " " * n,
}

LAB_LINES: Texts = {
    "redirections": lambda n: "busybox" + " >>a" * n + ' "x' + "'\"" * 2,
    "operators of redirections": lambda n: "busybox " + ">>" * n + "'",
    "quotes": lambda n: "busybox " + "'a|'" * n + "(",
    "double quotes": lambda n: "busybox " + '"\\"' * n + '"(',
}

COMMANDS: Texts = {
    "global options": lambda n: "--context a " * n + "ps",
    "switches": lambda n: "-D " * n + "ps",
    "letters": lambda n: f"-{'D' * n} ps",
    "assignments": lambda n: "A=1 " * n + "docker ps",
    "quotes": lambda n: "--name '" + "'\"" * n,
    "backslashes": lambda n: "\\" * n + "\n",
    "continued lines": lambda n: "\\\n" * n + "ps",
    "words": lambda n: "exec" + " a" * n,
    "blanks": lambda n: "docker" + " " * n + "ps",
}

TERMINALS: Texts = {
    "commands": lambda n: "docker run " * n,
    "flags": lambda n: "docker exec" + " -i" * n,
    "letters of a flag": lambda n: "docker run -" + "i" * n,
    "flags of several commands": lambda n: "docker run -i " * n,
}

CALLS: Texts = {
    "assignments in brackets": lambda n: "(a=" * n,
    "assignments": lambda n: "a=b " * n,
    "flags": lambda n: "docker" + " --a" * n + " x",
    "flags with values": lambda n: "docker -x=(" * n,
    "words before a command": lambda n: "exec " * n,
    "brackets": lambda n: "( " * n,
}

ENV_FILES: Texts = {
    "lines": lambda n: "A=1\n" * n,
    "blanks": lambda n: " " * n + "A=1",
    "blanks behind a name": lambda n: "A" + " " * n + "B",
    "letters of a name": lambda n: "a" * n + " :",
    "bare names": lambda n: "{}\n" * n,
    "brackets": lambda n: "[" * n,
    "braces": lambda n: '{"a":' * n,
    "letters beyond ASCII": lambda n: "A=" + "\u20ac" * n,
}

IMAGES: Texts = {
    "parts of a domain": lambda n: "a-a." * n + "!",
    "hyphens": lambda n: "a" + "-" * n,
    "underscores": lambda n: "a__" * n,
    "folders": lambda n: "a/" * n,
    "digits of a port": lambda n: "a:" + "1" * n + "!",
    "digits of a digest": lambda n: "a@b:" + "f" * n + "g",
    "parts of a digest's name": lambda n: "a@" + "b+" * n,
}

OPTION_VALUES: Texts = {
    "digits": lambda n: "1" * n,
    "digits and blanks": lambda n: "1" + " " * n + "x",
    "a range and blanks": lambda n: "1" + " " * n + "-" + " " * n + "x",
    "commas": lambda n: "," * n,
    "ranges": lambda n: "1-2," * n + "3",
    "hyphens": lambda n: "-" * n,
    "lines": lambda n: "a = b\n" * n,
    "letters": lambda n: "a" * n,
}

READERS: list[tuple[str, Callable[[str], object], Texts]] = [
    ("words", split, WORDS),
    ("flags", _line, FLAGS),
    ("shell", _feed, SHELL),
    ("console", _console, CONSOLE),
    ("typed", lambda text: parse_typed(text, number=1), TYPED),
    ("lab", _on_lab, LAB_LINES),
    ("commands", lambda text: refuse(text, console=True, is_image=lambda _: False), COMMANDS),
    ("terminals", starts_terminal, TERMINALS),
    ("calls", lambda text: invocations.calls(text, "docker image"), CALLS),
    ("image", REFERENCE.fullmatch, IMAGES),
    ("env file", env_file.parse, ENV_FILES),
    *((f":{name}:", _option(name), OPTION_VALUES) for name in OPTIONS),
]
CASES = [
    pytest.param(read, text, id=f"{reader}-{name}")
    for reader, read, texts in READERS
    for name, text in texts.items()
]


def _read(read: Callable[[str], object], text: str) -> None:
    try:
        read(text)
    except (DockerRunError, BadValue):
        return


@pytest.mark.parametrize(("read", "text"), CASES)
def test_work_grows_with_the_text(read: Callable[[str], object], text: Callable[[int], str]) -> None:
    def work(size: int) -> int:
        once = text(size)
        return instructions(lambda: _read(read, once))

    work(1)  # what is computed once, and remembered, is no part of it
    assert grows_linearly(work, SHORT)


@pytest.mark.parametrize(("read", "text"), CASES)
def test_a_long_text_comes_to_an_end(read: Callable[[str], object], text: Callable[[int], str]) -> None:
    with patience():
        _read(read, text(LONG))


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("docker run -it busybox", True),
        ("sudo docker exec --tty web sh", True),
        ("docker run -i \\\n  -t busybox", True),
        ("docker run --rm busybox", False),
        ("docker ps -t", False),
        ("run docker -t", False),
        ("podman run -t", False),
    ],
)
def test_a_command_that_starts_a_terminal_is_known(command: str, *, expected: bool) -> None:
    assert starts_terminal(command) is expected
