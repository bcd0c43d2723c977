"""Parsing a `docker-run` directive: text → `Step` and `Presentation`."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import chain

from docker_run.authoring import options as read_option
from docker_run.authoring.console import AnyStatus, ConsoleCommand, ExitCode, parse_console, parse_typed
from docker_run.authoring.line_problem import LineProblem
from docker_run.authoring.presentation import Presentation
from docker_run.docker_cli import run_line
from docker_run.docker_cli import subcommands as cli
from docker_run.docker_cli.container_options import RunLine
from docker_run.errors import BodyProblem, DockerRunError, SyntaxProblem
from docker_run.model import Command, Expectation, Input, Location, RunnerTraits, Step
from docker_run.terminal import keys, waits

OPTIONS = (
    "capture",
    "caption",
    "class",
    "collapse",
    "emphasize-lines",
    "exit-code",
    "fold",
    "hidden",
    "lab",
    "lines",
    "match",
    "name",
    "optional",
    "timeout",
    "volatile",
)
"""The names of the directive's options."""

DEFAULT_SUMMARY = "Show the output"
"""The default summary of a collapsed block."""

END_OF_INPUT = "<C-d>"

_PROMPT = re.compile(r"\s*\$(?:\s|\Z)")
_WORDS = r"""(?>\\.|'[^']*+'|"(?>\\.|[^"\\]++)*+"|[^\\'"|&;<>()]++)*+"""
_FIRST_COMMAND = re.compile(
    rf"(?P<words>{_WORDS})(?>(?>>&|&>>?|>>?|>\|){_WORDS})*+(?P<end>&&|[|;&<>()]|\Z)", re.DOTALL
)
"""A command up to the unquoted operator that ends it, and its words before any output redirection.

Atomic groups prevent backtracking, which would be exponential in the number of `>>`."""


def parse_step(
    argument: str,
    options: Mapping[str, str],
    body: Sequence[str],
    *,
    location: Location,
    allow: Collection[str] | None,
    read: Callable[[str], str],
    traits: RunnerTraits = RunnerTraits(),
    is_image: Callable[[str], bool] = lambda _: False,
) -> Step:
    """Parse the parts of the directive that decide what is run and what is expected.

    `argument` is what follows `docker-run` on its line, `options` the text of each option (empty
    for one without a value), `body` the lines below. `traits` are those of the page's runner.
    Without console sessions, `allow` names the flags that may reach into the host (None allows all), and
    `read` returns the text of a file that a flag names, and raises `OSError`; in a console session, the
    lab's CLI validates flags, and reads files. `is_image` returns whether a word is the name of an image that
    the page may mean although the CLI has a command of that name.

    Raises `SyntaxProblem` or one of its subclasses.
    """
    read_option.refuse_unknown(options, OPTIONS)
    lab = read_option.lab(options, traits)
    files: dict[str, str] = {}

    def note(name: str) -> str:
        files[name] = read(name)
        return files[name]

    if argument.strip():
        _refuse_misplaced(argument)
        cli.refuse(argument, console=traits.console, is_image=is_image)
        commands = (_typed_line if traits.console else _direct)(argument, body, allow, note)
    else:
        commands = _console(body, console=traits.console)
    return Step(
        location=location,
        commands=tuple(_command(command, console=traits.console) for command in commands),
        files=tuple(sorted(files.items())),
        expect=Expectation(
            exit_codes=_exit_codes(options.get("exit-code", "0"), commands),
            match=read_option.patterns(options, "match"),
        ),
        captures=read_option.captures(options),
        timeout=read_option.seconds(options["timeout"]) if "timeout" in options else None,
        optional=read_option.flag(options, "optional"),
        volatile=read_option.patterns(options, "volatile"),
        lab=lab,
    )


def parse_presentation(options: Mapping[str, str]) -> Presentation:
    """Parse the options for the presentation of a step. Raises `OptionProblem`."""
    collapse = options.get("collapse")
    return Presentation(
        caption=options.get("caption", "").strip(),
        name=options.get("name", "").strip(),
        classes=tuple(options.get("class", "").split()),
        lines=read_option.line_ranges(options, "lines"),
        emphasize=read_option.line_ranges(options, "emphasize-lines"),
        collapse="" if collapse is None else collapse.strip() or DEFAULT_SUMMARY,
        fold=read_option.fold(options),
        hidden=read_option.flag(options, "hidden"),
    )


def _direct(
    argument: str, body: Sequence[str], allow: Collection[str] | None, read: Callable[[str], str]
) -> tuple[ConsoleCommand, ...]:
    """Return the command of a page that runs directly on the engine."""
    line = run_line.parse(argument, allow=allow, read=read)
    _refuse_unread(line, body)
    typed = tuple(body)
    if line.tty:
        for text in body:
            keys.check(text)
        typed = tuple(chain.from_iterable(map(waits.split, body)))
    return (ConsoleCommand(f"docker run {argument.strip()}", typed),)


def _console(body: Sequence[str], *, console: bool) -> tuple[ConsoleCommand, ...]:
    """Return the commands of a console session."""
    if not any(map(str.strip, body)):
        or_body = ", or a console session into its body, `$ ` before each command" if console else ""
        raise SyntaxProblem(
            "there is nothing to run: write the options, the image and the command of `docker run` "
            f"on the directive's own line, e.g. `{{docker-run}} --rm busybox ls /bin`{or_body}"
        )
    if not console:
        raise SyntaxProblem(
            "a console session, which is a body below a line with nothing but `docker-run`, needs a lab: see "
            "`docker_run_lab` in conf.py, or in the page's front matter. Directly on the engine, write "
            "what follows `docker run` on the directive's own line"
        )
    commands = parse_console(body)
    for text in chain.from_iterable(command.typed for command in commands):
        _refuse_option(text)
    return commands


def _typed_line(
    argument: str,
    body: Sequence[str],
    _allow: Collection[str] | None,
    _read: Callable[[str], str],
) -> tuple[ConsoleCommand, ...]:
    """Return the command of an argument that is typed into a lab's shell, after `docker run`."""
    try:
        command, *others = parse_console(f"$ docker run {argument.strip()}".split("\n"))
    except LineProblem as error:
        raise SyntaxProblem(f"the directive's own line can't be typed into a shell: {error}") from None
    if others or command.typed:
        raise SyntaxProblem(
            "the directive's own line breaks where a shell would begin another command: "
            "end it with a backslash to go on below"
        )
    for number, text in enumerate(body, 1):
        if text.startswith("$ "):
            raise LineProblem(
                number,
                text,
                "with an argument on the directive's own line, the body is typed into that command. For a "
                "console session, move it into the body, behind `$ docker run`; to type this, write `\\$ `",
            )
    typed = tuple(
        chain.from_iterable(
            parse_typed(text[1:] if text.startswith("\\$ ") else text, number=number)
            for number, text in enumerate(body, 1)
        )
    )
    words, alone = _own_words(command.text.removeprefix("docker run"))
    try:
        line = run_line.parse(words, allow=None, read=lambda _: "")
    except DockerRunError:
        # The lab's shell or CLI reports the error, or accepts what our grammar does not know.
        return (ConsoleCommand(command.text, typed, command.exit_code),)
    if alone:
        _refuse_unread(line, body)
    if _has_input(line) and typed[-1:] != (END_OF_INPUT,):
        typed = (*typed, END_OF_INPUT)
    return (ConsoleCommand(command.text, typed, command.exit_code),)


def _own_words(text: str) -> tuple[str, bool]:
    """Return the arguments of `docker run` in a line for a shell, and whether that is the whole line.

    Empty if its input may come from elsewhere: from a file, or because it runs in the background.
    """
    found = _FIRST_COMMAND.match(text)
    if found is None or found["end"] not in {"", "|", ";", "&&"}:
        return "", False
    return found["words"], found["words"] == text


def _refuse_misplaced(argument: str) -> None:
    """Refuse a console session on the directive's own line."""
    if _PROMPT.match(argument):
        raise SyntaxProblem(
            "a console session belongs in the body, not on the directive's own line: in reStructuredText "
            "an empty line is missing between `.. docker-run::` and the session; in MyST, begin it below"
        )


def _refuse_unread(line: RunLine, body: Sequence[str]) -> None:
    """Refuse a body that the container can't read."""
    if not body:
        return
    if line.detach:
        raise BodyProblem(
            "a detached container (`-d`) reads nothing: what would be typed has nowhere to go. "
            "Leave out `-d`, or the body"
        )
    if not line.interactive:
        _refuse_option(next(filter(str.strip, body), ""))
        raise BodyProblem(
            "the container's standard input is closed: add `-i` to feed it the body, or `-it` to type "
            "the body at a terminal"
        )


def _command(command: ConsoleCommand, *, console: bool) -> Command:
    return Command(command.text, command.typed, _input(command, console=console))


def _input(command: ConsoleCommand, *, console: bool) -> Input:
    """Return how the input is read: `docker run -i` without `-t` leaves the shell's terminal unchanged."""
    if not command.typed:
        return Input.NONE
    if not command.text.startswith("docker run "):
        return Input.TERMINAL
    words = command.text.removeprefix("docker run")
    if console:
        words, _ = _own_words(words)
    try:
        line = run_line.parse(words, allow=None, read=lambda _: "")
    except DockerRunError:
        return Input.TERMINAL  # the lab's CLI knows more, or reports the error
    return Input.PIPE if _has_input(line) else Input.TERMINAL


def _has_input(line: RunLine) -> bool:
    """Return whether the container reads its input, but not from a terminal of its own."""
    return line.interactive and not line.tty and not line.detach


def _refuse_option(text: str) -> None:
    """Refuse input that looks like an option of the directive."""
    name, colon, _ = text.removeprefix(":").partition(":")
    if text.startswith(":") and colon and name in OPTIONS:
        raise BodyProblem(
            f"`{text}` would be typed: options belong at the top of the block, with no empty line above them"
        )


def _exit_codes(option: str, commands: Sequence[ConsoleCommand]) -> tuple[int | None, ...] | None:
    """Return the expected exit statuses; a command's own comment takes precedence over the option."""
    codes = read_option.exit_codes(option, commands=len(commands))
    if all(command.exit_code is None for command in commands):
        return codes
    each = codes or (None,)
    each = each if len(each) == len(commands) else each * len(commands)
    return tuple(
        code if command.exit_code is None else _status(command.exit_code)
        for command, code in zip(commands, each, strict=True)
    )


def _status(code: ExitCode) -> int | None:
    """Return the status that a comment names; None for any."""
    return None if isinstance(code, AnyStatus) else code
