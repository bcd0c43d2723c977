r"""The text of a page's recording: made to be read in a review, compared by line, and merged by git.

docs/reference/recordings.md describes the format for people. In short: a header of `name: value`
lines, a block for each step, in it `$ command` lines with exit status, seconds and output. Every
line of output carries its stream (`out|`, `err|`, `tty|`, `key|`). What could get lost in an editor
or stay unseen in a review is escaped, so that any bytes survive.

There is exactly one text for a recording: `loads` accepts only what `dumps` writes. Any change of
what `dumps` writes is therefore a new `FORMAT`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby, repeat, zip_longest

from docker_run.errors import NewerRecording, RecordingProblem
from docker_run.model import (
    Chunk,
    CommandRecording,
    Environment,
    Image,
    Recording,
    StepRecording,
    Stream,
    TerminalSize,
)

FORMAT = 1
"""The version of the format, in the first line."""

_TITLE = re.compile(r"docker-run recording ([1-9][0-9]{0,8})")
_SIZE = re.compile(r"([0-9]{1,6})x([0-9]{1,6})")
_EXIT = re.compile(r"-?[0-9]{1,20}")
_SECONDS = re.compile(r"[0-9]{1,400}\.[0-9]{3}")
_CONFLICT = re.compile(r"(<{7}|>{7}|\|{7})( |$)|={7}$")
_ADVICE = "Restore the file from git, or delete it and build with an engine to record it again."

# What must not stand in a text as it is: the backslash, all control, format, separator, private and
# surrogate characters, and those that take no room or look like a blank. A list of our own, because
# Python's grows with each version of Unicode, and the text of a recording must not depend on Python.
_HIDDEN = (
    (0x00, 0x1F), (0x5C, 0x5C), (0x7F, 0xA0), (0xAD, 0xAD), (0x34F, 0x34F), (0x600, 0x605),
    (0x61C, 0x61C), (0x6DD, 0x6DD), (0x70F, 0x70F), (0x890, 0x891), (0x8E2, 0x8E2),
    (0x115F, 0x1160), (0x1680, 0x1680), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x2000, 0x200F),
    (0x2028, 0x202F), (0x205F, 0x206F), (0x2800, 0x2800), (0x3000, 0x3000), (0x3164, 0x3164),
    (0xD800, 0xF8FF), (0xFDD0, 0xFDEF), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFB), (0xFFFE, 0xFFFF), (0x110BD, 0x110BD), (0x110CD, 0x110CD),
    (0x13430, 0x13455), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
    (0xF0000, 0x10FFFF),
)  # fmt: skip
_TO_ESCAPE = re.compile("[" + "".join(rf"\U{low:08x}-\U{high:08x}" for low, high in _HIDDEN) + "]")
_ESCAPE = re.compile(r"\\(?:([\\ernt])|x([0-9a-f]{2})|u\{([0-9a-f]{1,6})\})?")
_NAMED = {"\\": "\\", "\x1b": "e", "\r": "r", "\n": "n", "\t": "t"}
_LETTERS = {letter: character for character, letter in _NAMED.items()}

# A byte that is not part of UTF-8 text travels as one of these (Python's "surrogateescape").
_FIRST_BYTE, _LAST_BYTE = 0xDC80, 0xDCFF


def dumps(recording: Recording) -> str:
    """Return the text of `recording`: lines that end in a line feed, none with blanks at its end.

    The same recording always gives the same text; two that are equal when `normalised` give the
    same one. Raises `ValueError` where a duration is negative or not finite.
    """
    return "".join(f"{line}\n" for line in _lines(recording))


def loads(text: str, *, source: str) -> Recording:
    """Return the recording that `text` holds: the inverse of `dumps`.

    `source` is the name of the file, for messages. Line ends may have been changed to CRLF (git does
    that on some machines); nothing else may differ from what `dumps` writes.

    Raises `NewerRecording` where a later version wrote it, and `RecordingProblem`, with the line
    and what was expected there, where the text is damaged.
    """
    text = text.replace("\r\n", "\n")
    recording = _Reader(text, source).recording()
    expected = dumps(recording)
    if text != expected:
        # Understood, yet not what is written for it: blanks at the end of a line, a raw control
        # character, an escape that is not needed. Something has edited the file.
        found, right = text.split("\n"), expected.split("\n")
        at = next(i for i, pair in enumerate(zip_longest(found, right)) if pair[0] != pair[1])
        raise _problem(source, found, at + 1, f"`{right[at]:.80}`" if at < len(right) else "the end")
    return recording


def normalised(recording: Recording) -> Recording:
    """Return `recording` as it comes back from its text.

    Neighbouring chunks of one stream are joined (typed lines stay apart), empty ones dropped, and
    durations rounded to thousandths of a second.
    """
    steps = tuple(
        replace(step, commands=tuple(_normalised_command(command) for command in step.commands))
        for step in recording.steps
    )
    return replace(recording, steps=steps)


def _normalised_command(command: CommandRecording) -> CommandRecording:
    return replace(command, seconds=float(f"{command.seconds:.3f}"), output=tuple(_joined(command.output)))


def _joined(chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """Yield `chunks` with neighbours of one stream as one, and without empty ones."""
    kept = (chunk for chunk in chunks if chunk.data or chunk.stream is Stream.TYPED)
    for stream, group in groupby(kept, key=lambda chunk: chunk.stream):
        if stream is Stream.TYPED:
            yield from group
        else:
            yield Chunk(stream, b"".join(chunk.data for chunk in group))


# Writing.


def _lines(recording: Recording) -> Iterator[str]:
    environment = recording.environment
    yield f"docker-run recording {FORMAT}"
    yield _field("page", recording.page)
    yield _field("place", recording.place)
    yield f"terminal: {recording.terminal.columns}x{recording.terminal.rows}"
    yield _field("date", recording.date)
    yield _field("engine", environment.engine)
    yield _field("system", environment.system)
    yield _field("architecture", environment.architecture)
    for image in recording.images:
        yield "image: " + " | ".join(map(_cell, (image.name, image.id, image.origin, image.digest)))
    for step in recording.steps:
        yield ""
        yield from _step_lines(step)
    yield ""
    yield "end"


def _step_lines(step: StepRecording) -> Iterator[str]:
    yield _field("step", step.key)
    if step.date:
        yield _field("date", step.date)
    if step.not_run:
        yield _field("not run", step.not_run)
    for command in step.commands:
        for mark, line in zip(_prompts(), command.command.split("\n"), strict=False):
            yield _closed(f"{mark} {escape(line)}" if line else mark)
        yield f"exit: {command.exit_code}"
        if not 0 <= command.seconds < float("inf"):
            raise ValueError(f"a command can't take {command.seconds} seconds")
        yield f"seconds: {abs(command.seconds):.3f}"  # no sign for a negative zero
        for chunk in _joined(command.output):
            yield from _output_lines(chunk)


def _prompts() -> Iterator[str]:
    """Yield what stands before each line of a command."""
    yield "$"
    yield from repeat(">")


def _output_lines(chunk: Chunk) -> Iterator[str]:
    prefix = f"{chunk.stream.value}|"
    if chunk.stream is Stream.TYPED:
        yield _closed(prefix + _escaped_bytes(chunk.data))
        return
    *whole, rest = chunk.data.split(b"\n")
    for line in whole:
        if chunk.stream is not Stream.TERMINAL:
            yield _closed(prefix + _escaped_bytes(line))
        elif line.endswith(b"\r"):  # a terminal ends its lines in CR LF: that goes without saying
            yield _closed(prefix + _escaped_bytes(line[:-1]))
        else:
            yield prefix + _escaped_bytes(line) + r"\n"
    if rest:
        yield prefix + _escaped_bytes(rest) + "\\"


def _field(name: str, value: str) -> str:
    return _closed(f"{name}: {escape(value)}") if value else f"{name}:"


def _cell(value: str) -> str:
    """Return `value` as a part of a line whose parts have ` | ` between them."""
    if value in {"", "-"}:
        return r"\x2d" if value else "-"
    return _closed(escape(value).replace("|", r"\x7c"))


def _closed(line: str) -> str:
    """Return `line` so that it doesn't end in a blank, which editors remove."""
    return line[:-1] + r"\x20" if line.endswith(" ") else line


def escape(text: str) -> str:
    """Return `text` with a backslash sequence for each character that could get lost or not be seen."""
    return _TO_ESCAPE.sub(_escaped_character, text)


def _escaped_bytes(data: bytes) -> str:
    return escape(data.decode("utf-8", "surrogateescape"))


def _escaped_character(match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    if character in _NAMED:
        return "\\" + _NAMED[character]
    if code < 0x80:
        return f"\\x{code:02x}"
    if _FIRST_BYTE <= code <= _LAST_BYTE:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\u{{{code:x}}}"


def unescape(text: str) -> str:
    """Return the text of which `escape` made `text`. Raises `ValueError` at an unknown sequence."""
    return _ESCAPE.sub(_unescaped_character, text)


def _unescaped_character(match: re.Match[str]) -> str:
    letter, byte, code = match.groups()
    if letter:
        return _LETTERS[letter]
    if byte:
        value = int(byte, 16)
        return chr(value if value < 0x80 else 0xDC00 + value)
    if code:
        return chr(int(code, 16))  # a ValueError beyond the last character
    raise ValueError("a backslash begins no known sequence")


# Reading.


class _Reader:
    """Goes through the lines of a recording, from the first to the last."""

    def __init__(self, text: str, source: str) -> None:
        self._lines = text.split("\n")
        self._source = source
        self._next = 0

    def recording(self) -> Recording:
        """Return what the lines say, or raise at the first that can't be understood."""
        self._check_version()
        self._check_conflicts()
        self._take(f"docker-run recording {FORMAT}", f"`docker-run recording {FORMAT}`")
        recording = Recording(
            page=self._field("page"),
            place=self._field("place"),
            terminal=self._size(),
            date=self._field("date"),
            environment=Environment(
                engine=self._field("engine"),
                system=self._field("system"),
                architecture=self._field("architecture"),
            ),
            images=tuple(self._images()),
            steps=tuple(self._steps()),
        )
        if self._lines[self._next :] != [""]:
            raise self._problem("one line feed and the end of the file")
        return recording

    def _check_version(self) -> None:
        title = _TITLE.fullmatch(self._lines[0])
        if title and int(title[1]) > FORMAT:
            raise NewerRecording(
                f"{self._source}: written by a later version of docker_run (format {title[1]}; this version"
                f" reads up to {FORMAT}). Upgrade the extension."
            )

    def _check_conflicts(self) -> None:
        for number, line in enumerate(self._lines, start=1):
            if _CONFLICT.match(line):
                raise RecordingProblem(
                    f"{self._source}, line {number}: a merge left its conflict here. Don't mend it by hand:"
                    " take either side, and build with an engine to record the page again.",
                    line=number,
                )

    def _steps(self) -> Iterator[StepRecording]:
        while True:
            self._take("", "an empty line")
            if self._line() == "end":
                self._next += 1
                return
            key = self._field("step")
            date = self._optional_field("date")
            not_run = self._optional_field("not run")
            yield StepRecording(key=key, commands=tuple(self._commands()), not_run=not_run, date=date)

    def _commands(self) -> Iterator[CommandRecording]:
        while self._line().startswith("$"):
            command = [self._marked("$")]
            while self._line().startswith(">"):
                command.append(self._marked(">"))
            exit_code = int(self._matched("exit", _EXIT, "a whole number")[0])
            seconds = float(self._matched("seconds", _SECONDS, "a number with three decimals")[0])
            output = tuple(_joined(self._output()))
            yield CommandRecording("\n".join(command), exit_code, seconds, output)

    def _output(self) -> Iterator[Chunk]:
        streams = {f"{stream.value}|": stream for stream in Stream}
        while stream := streams.get(self._line()[:4]):
            line = self._line()[4:]
            open_end = (len(line) - len(line.rstrip("\\"))) % 2 == 1 and stream is not Stream.TYPED
            data = self._unescaped_bytes(line[:-1] if open_end else line)
            self._next += 1
            if open_end or stream is Stream.TYPED:
                yield Chunk(stream, data)
            elif stream is Stream.TERMINAL:
                yield Chunk(stream, data if data.endswith(b"\n") else data + b"\r\n")
            else:
                yield Chunk(stream, data + b"\n")

    def _images(self) -> Iterator[Image]:
        while self._line().startswith("image:"):
            cells = self._line().removeprefix("image: ").split(" | ")
            if len(cells) != 4:
                raise self._problem("`image: NAME | ID | ORIGIN | DIGEST`")
            yield Image(*("" if cell == "-" else self._unescaped(cell) for cell in cells))
            self._next += 1

    def _size(self) -> TerminalSize:
        match = self._matched("terminal", _SIZE, "columns and rows like 80x24")
        return TerminalSize(int(match[1]), int(match[2]))

    def _matched(self, name: str, pattern: re.Pattern[str], what: str) -> re.Match[str]:
        match = pattern.fullmatch(self._line().removeprefix(f"{name}: "))
        if not match:
            raise self._problem(f"`{name}:` and {what}")
        self._take(f"{name}: {match[0]}", f"`{name}:`")
        return match

    def _field(self, name: str) -> str:
        if not self._line().startswith(f"{name}:"):
            raise self._problem(f"`{name}:`")
        return self._marked(f"{name}:")

    def _optional_field(self, name: str) -> str:
        return self._marked(f"{name}:") if self._line().startswith(f"{name}:") else ""

    def _marked(self, mark: str) -> str:
        """Return what stands after `mark` and a blank in this line, and go to the next."""
        line = self._line()
        if line != mark and not line.startswith(f"{mark} "):
            raise self._problem(f"a blank after `{mark}`")
        value = self._unescaped(line[len(mark) + 1 :])
        self._next += 1
        return value

    def _unescaped(self, text: str) -> str:
        try:
            return unescape(text)
        except ValueError:
            raise self._problem(r"only the escapes \\ \e \r \n \t \xHH \u{H…}") from None

    def _unescaped_bytes(self, text: str) -> bytes:
        try:
            return self._unescaped(text).encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            raise self._problem("no half of a surrogate pair") from None

    def _take(self, line: str, what: str) -> None:
        if self._line() != line:
            raise self._problem(what)
        self._next += 1

    def _line(self) -> str:
        if self._next >= len(self._lines):
            raise self._problem("more lines: the file ends too early")
        return self._lines[self._next]

    def _problem(self, expected: str) -> RecordingProblem:
        return _problem(self._source, self._lines, self._next + 1, expected)


def _problem(source: str, lines: Sequence[str], number: int, expected: str) -> RecordingProblem:
    """Return the error for line `number` (from 1), which isn't what was `expected`."""
    number = min(number, len(lines))
    found = ascii(lines[number - 1])[1:-1]
    return RecordingProblem(
        f"{source}, line {number}: expected {expected}, found `{found:.80}`. {_ADVICE}", line=number
    )
