r"""Parsing a console session: the body of a directive → commands and their input.

`$ ` begins a command. A line below it continues it if bash would ask for more (within a quote, a bracket or
a here-document, after `\`, `|`, `&&` and `||`), or if it begins with `> `, as a terminal shows it. Any other
line is typed into the command above. docs/authors/console.md is the manual.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from docker_run.authoring.line_problem import CONTROL, LineProblem
from docker_run.errors import SyntaxProblem
from docker_run.shell import continuation
from docker_run.terminal import keys, waits


class AnyStatus(Enum):
    """Stands for any exit status."""

    ANY = "any"


ExitCode = int | AnyStatus

_PROMPT = re.compile(r"\$(?:[ \t]+|\Z)")
_INDENTED_PROMPT = re.compile(r"[ \t]+\$[ \t]")
_CONTINUED = re.compile(r">(?:[ \t]|\Z)")
_ROOT_PROMPT = re.compile(r"#(?:[ \t]|\Z)")
_ESCAPED = re.compile(r"\\+[$>#]")
_BLANKS_BEHIND = re.compile(r"\\[ \t]+\Z")
_EXIT_CODE = re.compile(r"#[ \t]*exit-code:(?P<value>.*)\Z")
_LIKE_EXIT_CODE = re.compile(r"#[ \t]*:?exit[ _-]?code[ \t:=]*(?:\d+|any)[ \t]*\Z", re.IGNORECASE)
_STATUS = re.compile(r"[0-9]{1,3}")
_MAY_BE_OPEN = re.compile(r"\b(?:for|while|until|select|if|case|function)\b|[({]")
"""Syntax that bash may expect to be closed, but `shell.continuation` does not parse."""


class ConsoleCommand(NamedTuple):
    """A command of a console session."""

    text: str
    """Its lines, as they are typed into bash."""
    typed: tuple[str, ...] = ()
    """Its input: lines in the notation of `docker_run.terminal.keys`, and waits."""
    exit_code: ExitCode | None = None
    """The exit status that a comment (`# exit-code: 1`) expects; None without one."""


def parse_console(body: Sequence[str]) -> tuple[ConsoleCommand, ...]:
    """Parse the body of a console session. Raises `LineProblem`."""
    commands: list[_Command] = []
    for number, line in enumerate(body, 1):
        _add_line(commands, _Line(number, line.removesuffix("\r")))
    return tuple(command.finished() for command in commands)


def parse_typed(text: str, *, number: int) -> tuple[str, ...]:
    """Return the entries of a typed line, with checked keys and separate waits.

    `number` is the line's number in the body, for messages. Raises `LineProblem`.
    """
    if found := CONTROL.search(text):
        raise LineProblem(
            number, text, f"{_named(found[0])} is not text: write the key, e.g. `<C-c>`, `<Esc>`"
        )
    try:
        keys.check(text)
        return waits.split(text)
    except SyntaxProblem as error:
        raise LineProblem(number, text, str(error)) from None


class _Line(NamedTuple):
    """A line of the body."""

    number: int
    text: str

    def problem(self, message: str) -> LineProblem:
        """Return the error for this line."""
        return LineProblem(self.number, self.text, message)


@dataclass(slots=True)
class _Command:
    """A command that is being parsed."""

    source: list[_Line] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    typed: list[str] = field(default_factory=list)
    exit_code: ExitCode | None = None
    reader: continuation.Reader = field(default_factory=continuation.Reader)
    may_be_open: bool = False
    """Whether the command may be incomplete in a way that the reader does not track."""

    def add(self, text: str, line: _Line) -> None:
        """Add the next line of the command: `text`, from `line`."""
        if found := CONTROL.search(text):
            raise line.problem(f"{_named(found[0])} can't be typed into a shell: write it as bash does, $'…'")
        was_literal = self.reader.literal
        comment = self.reader.feed(text)
        if comment >= 0:
            text = self._without_exit_code(text, comment, line)
        is_code = not was_literal and not self.reader.literal
        if is_code and comment < 0 and _BLANKS_BEHIND.search(text):
            raise line.problem("a space after the `\\` keeps it from continuing the line: remove the space")
        if is_code:
            text = text.rstrip(" \t")
        self.may_be_open = self.may_be_open or _MAY_BE_OPEN.search(text) is not None
        self.lines.append(text)
        self.source.append(line)

    def _without_exit_code(self, text: str, comment: int, line: _Line) -> str:
        """Remove the expected exit status from a line with a comment at column `comment`, and note it."""
        found = _EXIT_CODE.search(text, comment)
        if found is None:
            if like := _LIKE_EXIT_CODE.search(text, comment):
                raise line.problem(f"`{like[0].strip()}` is shown as it stands: write `# exit-code: 1`")
            return text
        if self.exit_code is not None:
            raise line.problem("there is an exit status for this command already")
        value = found["value"].strip(" \t")
        if value == AnyStatus.ANY.value:
            self.exit_code = AnyStatus.ANY
        elif _STATUS.fullmatch(value) and int(value) <= 255:
            self.exit_code = int(value)
        else:
            raise line.problem("`# exit-code:` takes a status from 0 to 255, or `any`")
        return text[: found.start()].rstrip(" \t")

    def finished(self) -> ConsoleCommand:
        """Return the command. Raises `LineProblem` if it is incomplete."""
        opened, number = self.reader.open()
        if opened:
            raise self.source[number - 1].problem(f"{opened} {self._what_lacks()}")
        if self.reader.empty:
            raise self.source[0].problem(
                "there is a remark and no command: nothing would be run; write it above the block"
                if any(self.lines)
                else "there is a prompt and no command"
            )
        return ConsoleCommand("\n".join(self.lines), tuple(self.typed), self.exit_code)

    def _what_lacks(self) -> str:
        """Return the predicate for what is still open at the body's end."""
        if not (word := self.reader.here_word):
            return "has nothing after it" if self.reader.continues else "is never closed"
        near = [line.number for line in self.source if line.text.strip() == word]
        spaces = f" (line {near[0]} has spaces around it)" if near else ""
        return f"is never closed: a line that is `{word}` and nothing else ends it{spaces}"


def _add_line(commands: list[_Command], line: _Line) -> None:
    """Parse a line of the body, and add it to `commands`."""
    command = commands[-1] if commands else None
    if command and command.reader.literal:
        command.add(line.text, line)
    elif command and command.reader.open()[0]:
        _take_expected(command, line)
    elif not line.text.strip():
        return  # blank lines only separate
    elif found := _PROMPT.match(line.text):
        rest = line.text[found.end() :]
        if _PROMPT.match(rest):
            raise line.problem("there are two prompts: write one `$ `")
        commands.append(_Command())
        commands[-1].add(rest, line)
    else:
        _refuse_prompts(line)
        if command is None:
            raise line.problem("there is no command yet into which this could be typed: `$ ` begins one")
        if _CONTINUED.match(line.text):
            _take_continued(command, line)
        else:
            command.typed += _typed(line)


def _take_expected(command: _Command, line: _Line) -> None:
    """Add a line that the command requires to be complete."""
    if _PROMPT.match(line.text):
        raise line.problem(f"the command above is incomplete: {command.reader.open()[0]} waits for more")
    if command.reader.after_backslash and not line.text.strip():
        raise command.source[-1].problem("the `\\` at the line's end has nothing after it")
    command.add(_without_mark(line.text), line)


def _take_continued(command: _Command, line: _Line) -> None:
    """Add a line that continues the command because of its `> `."""
    if command.typed:
        raise line.problem(
            "`> ` continues a command, and has to be directly below it; to type it, write `\\> `"
        )
    if not command.may_be_open:
        raise line.problem(
            "`> ` continues a command, and the one above is at its end; to type it, write `\\> `"
        )
    command.add(_without_mark(line.text), line)


def _without_mark(text: str) -> str:
    """Return a continuation line without its `> `."""
    return text[2:] if _CONTINUED.match(text) else text


def _refuse_prompts(line: _Line) -> None:
    """Refuse a line that looks like a prompt, but would be typed."""
    if _INDENTED_PROMPT.match(line.text):
        raise line.problem("the prompt `$ ` has to be at the start of its line: remove the spaces before it")
    if line.text.startswith("$"):
        space = " (what is after this `$` only looks like one)" if line.text[1].isspace() else ""
        raise line.problem(
            f"a prompt is `$` and a space{space}; to type a line that begins with `$`, write `\\$`"
        )
    if line.text.startswith("#") and (_EXIT_CODE.match(line.text) or _LIKE_EXIT_CODE.match(line.text)):
        raise line.problem("`# exit-code: 1` has to be at the end of the command's own line")
    if _ROOT_PROMPT.match(line.text):
        raise line.problem(
            "the prompt is `$ `, for root too; to type a line that begins with `#`, write `\\#`"
        )


def _typed(line: _Line) -> tuple[str, ...]:
    """Return the entries of a line that is typed into the command above it."""
    text = line.text.rstrip(" \t")
    if _EXIT_CODE.search(text) or _LIKE_EXIT_CODE.search(text):
        raise line.problem("this would be typed as it stands: `# exit-code: 1` is for the lines with `$ `")
    if _ESCAPED.match(text):
        text = text[1:]
    if text[:1] in " \t" and not CONTROL.search(text) and keys.is_keys(text.lstrip(" \t")):
        text = text.lstrip(" \t")
    return parse_typed(text, number=line.number)


def _named(character: str) -> str:
    return f"the control character U+{ord(character):04X}"
