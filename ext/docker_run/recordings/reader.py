"""Parser of the text of a recording, line by line, without holding all of the text in memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from io import BytesIO

from docker_run.errors import NewerRecording, RecordingProblem
from docker_run.model import (
    Chunk,
    CommandRecording,
    CommandResult,
    Environment,
    Image,
    Recording,
    Segment,
    StepRecording,
    Stream,
    TerminalSize,
)
from docker_run.recordings import format_1
from docker_run.recordings.escapes import unescape
from docker_run.recordings.record import record
from docker_run.recordings.writer import (
    FORMAT,
    LARGEST_SECONDS,
    LARGEST_SIZE,
    image_line,
    marked_line,
    output_lines,
)

_TITLE = re.compile(r"docker-run recording ([1-9][0-9]{0,8})")
_SIZE = re.compile(r"([1-9][0-9]{0,3})x([1-9][0-9]{0,3})")
_EXIT = re.compile(r"-?[0-9]{1,10}")
_SECONDS = re.compile(r"[0-9]{1,10}\.[0-9]{3}")
_CONFLICT = re.compile(r"(<{7}|>{7}|\|{7})( |$)|={7}$")
_ADVICE = "Restore the file from git, or delete it and build with an engine to record it again."
_TYPED = re.compile(r"0|[1-9][0-9]{0,9}")
_STREAMS = {f"{stream.value}|": stream for stream in Stream}
_PLAIN = re.compile(r"(?:[ -\[\]-~]*[!-\[\]-~])?")
"""Text without escapes and trailing blanks."""


def loads(text: str, *, source: str) -> Recording:
    """Parse the recording in `text`, as `load` does."""
    # Unlike `splitlines`, iteration over bytes splits at line feeds only.
    return load(BytesIO(text.encode("utf-8", "surrogatepass")), source=source)


def load(lines: Iterable[bytes], *, source: str) -> Recording:
    """Parse the recording in `lines`, which include their ends: the inverse of `format.text_lines`.

    `source` is the name of the file, for messages. Line ends may have been changed to CRLF (git does that on
    some machines); nothing else may differ from the canonical text.

    Raises `NewerRecording` if a later version wrote it, and `RecordingProblem`, with the line and what was
    expected there, if the text is damaged.
    """
    return _Reader(lines, source).recording()


class _Reader:
    """A recursive-descent parser of the lines of a recording."""

    def __init__(self, lines: Iterable[bytes], source: str) -> None:
        self._lines = iter(lines)
        self._source = source
        self._number = 0
        self._current: str | None = ""
        """The current line, without its end; None after the last."""
        self._is_ended = True
        """Whether the last line that was read had an end."""
        self._format = FORMAT
        self._size = TerminalSize()
        self._next()

    def recording(self) -> Recording:
        """Parse all lines, or raise at the first invalid one."""
        self._read_format()
        recording = Recording(
            page=self._field("page"),
            place=self._field("place"),
            terminal=self._read_size(),
            date=self._field("date"),
            environment=Environment(
                engine=self._field("engine"),
                system=self._field("system"),
                architecture=self._field("architecture"),
            ),
            images=tuple(self._images()),
            steps=tuple(self._steps()),
        )
        if self._current is not None or not self._is_ended:
            raise self._problem("one line feed and the end of the file")
        return recording

    def _read_format(self) -> None:
        title = _TITLE.fullmatch(self._current or "")
        if title is None:
            raise self._problem(f"`docker-run recording {FORMAT}`")
        self._format = int(title[1])
        if self._format > FORMAT:
            raise NewerRecording(
                f"{self._source}: written by a later version of docker_run (format {title[1]}; this version"
                f" reads up to {FORMAT}). Upgrade the extension."
            )
        self._next()

    def _steps(self) -> Iterator[StepRecording]:
        while True:
            self._skip_line("", "an empty line")
            if self._line() == "end":
                self._next()
                return
            key = self._field("step")
            date = self._optional_field("date")
            not_run = self._optional_field("not run")
            yield StepRecording(key=key, commands=tuple(self._commands()), not_run=not_run, date=date)

    def _commands(self) -> Iterator[CommandRecording]:
        while self._line().startswith("$"):
            command = [self._command_line("$")]
            while self._line().startswith(">"):
                command.append(self._command_line(">"))
            exit_code = int(self._matched("exit", _EXIT, "a whole number")[0])
            self._expect(f"exit: {exit_code}")
            self._next()
            seconds = float(self._matched("seconds", _SECONDS, "a number with three decimals")[0])
            self._expect(f"seconds: {min(seconds, LARGEST_SECONDS):.3f}")
            self._next()
            read = self._output_of_format_1 if self._format == 1 else self._output
            yield read("\n".join(command), exit_code, seconds)

    def _output(self, command: str, exit_code: int, seconds: float) -> CommandRecording:
        typed = None
        if self._line().startswith("typed:"):
            typed = int(self._matched("typed", _TYPED, "a whole number")[0])
            self._next()
        not_text = self._optional_field("not text")
        return CommandRecording(command, exit_code, seconds, tuple(self._segments()), typed, not_text)

    def _output_of_format_1(self, command: str, exit_code: int, seconds: float) -> CommandRecording:
        chunks = tuple(self._chunks())
        # Unknown for a pipe: format 1 does not record its input.
        typed = sum(chunk.stream is Stream.TYPED for chunk in chunks) or None
        return record(CommandResult(command, exit_code, seconds, chunks, typed), self._size)

    def _command_line(self, mark: str) -> str:
        value = self._value(mark)
        if "\n" in value:
            raise self._problem("a line of its own for each line of a command")
        self._next()
        return value

    def _segments(self) -> Iterator[Segment]:
        """Yield the output, adjacent lines of one stream as one segment."""
        while stream := _STREAMS.get(mark := self._line()[:4]):
            text = bytearray()
            is_open = False
            while self._line().startswith(mark):
                if is_open:
                    raise self._problem("another stream: the line above has no end")
                text += (line := self._text()).encode()
                is_open = not line.endswith("\n")
            yield Segment(stream, text.decode())

    def _text(self) -> str:
        """Return the text of this line of output, and go to the next line."""
        line = self._line()[4:]
        if _PLAIN.fullmatch(line):  # most lines; they are always canonical
            text = f"{line}\n"
        else:
            is_open = _is_open(line)
            text = self._unescaped(line[:-1] if is_open else line) + ("" if is_open else "\n")
            self._expect_lines(partial(output_lines, Segment(_STREAMS[self._line()[:4]], text)))
        self._next()
        return text

    def _chunks(self) -> Iterator[Chunk]:
        """Yield the output of format 1, adjacent lines of one stream as one chunk."""
        while stream := _STREAMS.get(mark := self._line()[:4]):
            if stream is Stream.PROMPT:
                raise self._problem("a line of format 1")
            if stream is Stream.TYPED:
                yield self._chunk(stream)
                continue
            data = bytearray()
            is_open = False
            while self._line().startswith(mark):
                if is_open:
                    raise self._problem("another stream: the line above has no end")
                data += (chunk := self._chunk(stream)).data
                is_open = not chunk.data.endswith(b"\n")
            yield Chunk(stream, bytes(data))

    def _chunk(self, stream: Stream) -> Chunk:
        """Return the chunk of this line of format 1, and go to the next line."""
        line = self._line()[4:]
        is_open = _is_open(line) and stream is not Stream.TYPED
        try:
            chunk = format_1.chunk_of(stream, line[:-1] if is_open else line, is_open=is_open)
        except UnicodeEncodeError:
            raise self._problem("no half of a surrogate pair") from None
        except ValueError:
            raise self._bad_escape() from None
        self._expect_lines(partial(format_1.output_lines, chunk))
        self._next()
        return chunk

    def _expect_lines(self, write: Callable[[], Iterator[str]]) -> None:
        """Raise if this line is not canonical, because it has been edited.

        For example, if it has a trailing blank, an unescaped control character, or an unnecessary escape.
        """
        try:
            written = list(write())
        except ValueError:
            raise self._problem(r"no control characters but those of colours (`\e[1;34m`)") from None
        if len(written) != 1:
            raise self._problem("a line of its own for each line of the output")
        self._expect(written[0])

    def _images(self) -> Iterator[Image]:
        while self._line().startswith("image:"):
            cells = self._line().removeprefix("image: ").split(" | ")
            if len(cells) != 4:
                raise self._problem("`image: NAME | ID | ORIGIN | DIGEST`")
            image = Image(*("" if cell == "-" else self._unescaped(cell) for cell in cells))
            self._expect(image_line(image))
            self._next()
            yield image

    def _read_size(self) -> TerminalSize:
        what = f"columns and rows like 80x24, each from 1 to {LARGEST_SIZE}"
        match = self._matched("terminal", _SIZE, what)
        size = TerminalSize(int(match[1]), int(match[2]))
        if max(size) > LARGEST_SIZE:
            raise self._problem(f"`terminal:` and {what}")
        self._next()
        self._size = size
        return size

    def _matched(self, name: str, pattern: re.Pattern[str], what: str) -> re.Match[str]:
        """Match the value of this line, which has to be that of the field `name`."""
        match = pattern.fullmatch(self._line().removeprefix(f"{name}: "))
        if not match or not self._line().startswith(f"{name}: "):
            raise self._problem(f"`{name}:` and {what}")
        return match

    def _field(self, name: str) -> str:
        if not self._line().startswith(f"{name}:"):
            raise self._problem(f"`{name}:`")
        return self._marked(f"{name}:")

    def _optional_field(self, name: str) -> str:
        if not self._line().startswith(f"{name}:"):
            return ""
        if self._line() == f"{name}:":
            raise self._problem(f"a value after `{name}:`")
        return self._marked(f"{name}:")

    def _marked(self, mark: str) -> str:
        """Return the value after `mark` and a space in this line, and go to the next line."""
        value = self._value(mark)
        self._next()
        return value

    def _value(self, mark: str) -> str:
        """Return the value after `mark` and a space in this line."""
        line = self._line()
        if line != mark and not line.startswith(f"{mark} "):
            raise self._problem(f"a space after `{mark}`")
        value = self._unescaped(line[len(mark) + 1 :])
        self._expect(marked_line(mark, value))
        return value

    def _unescaped(self, text: str) -> str:
        try:
            return unescape(text)
        except ValueError:
            raise self._bad_escape() from None

    def _skip_line(self, line: str, what: str) -> None:
        """Go to the next line, or raise if this one is not `line`."""
        if self._line() != line:
            raise self._problem(what)
        self._next()

    def _expect(self, written: str) -> None:
        """Raise if this line is not the canonical text `written`."""
        if self._line() != written:
            raise self._problem(f"`{written:.80}`")

    def _line(self) -> str:
        if self._current is None:
            raise self._problem("more lines: the file ends too early")
        return self._current

    def _next(self) -> None:
        """Go to the next line."""
        line = next(self._lines, None)
        if line is None:
            self._number += self._is_ended
            self._current = None
            return
        self._number += 1
        self._is_ended = line.endswith(b"\n")
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            raise RecordingProblem(
                f"{self._source}, line {self._number}: not UTF-8 text. {_ADVICE}", line=self._number
            ) from None
        self._current = text.removesuffix("\n").removesuffix("\r") if self._is_ended else text

    def _bad_escape(self) -> RecordingProblem:
        return self._problem(r"only the escapes \\ \e \r \n \t \xHH \u{H…}")

    def _problem(self, expected: str) -> RecordingProblem:
        """Return the error for this line, which isn't what was `expected`."""
        line = self._current or ""
        where = f"{self._source}, line {self._number}"
        if _CONFLICT.match(line):
            return RecordingProblem(
                f"{where}: a merge left its conflict here. Don't fix it by hand: take either side, and build"
                " with an engine to record the page again.",
                line=self._number,
            )
        found = ascii(line[:80])[1:-1]
        return RecordingProblem(
            f"{where}: expected {expected}, found `{found:.80}`. {_ADVICE}", line=self._number
        )


def _is_open(line: str) -> bool:
    """Return whether a line of output has no end: it ends with an unescaped backslash."""
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1
