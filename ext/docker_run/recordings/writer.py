r"""The text format of a page's recording, designed for reviews, diffs and merges in git.

docs/reference/recordings.md specifies the format. In short: a header of `name: value` lines, then a block for
each step, with `$ command` lines, exit status, seconds and output. Every line of output begins with its
stream (`out|`, `err|`, `tty|`, `ask|`, `key|`). Characters that editors may change, or reviewers can't see,
are escaped.

The text of a recording is canonical: `loads` accepts only what `dumps` writes, and what earlier formats
wrote. So any change of what `dumps` writes is a new `FORMAT`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import repeat

from docker_run.model import CommandRecording, Image, Recording, Segment, StepRecording
from docker_run.recordings.escapes import escape
from docker_run.terminal.segments import is_shown, joined

FORMAT = 2
"""The version of the format, in the first line."""

TITLE = "docker-run recording "
"""The beginning of the first line."""

LARGEST_SIZE = 1000
"""Limit of a terminal's columns and rows, as in the settings."""
LARGEST_EXIT_CODE = 10**10 - 1
"""Limit of an exit status: ten digits, since Windows has 32 bits."""
LARGEST_SECONDS = 10.0**9
"""Limit of a command's duration: some thirty years."""


def dumps(recording: Recording) -> str:
    """Return the text of `recording`: lines with line feeds, without trailing blanks.

    Recordings that are equal when `normalised` have the same text. Raises `ValueError` if a number exceeds
    the limits of the format.
    """
    return "".join(f"{line}\n" for line in text_lines(recording))


def normalised(recording: Recording) -> Recording:
    """Return `recording` as `loads` returns it from its text.

    Adjacent segments of one stream are joined, empty ones dropped, and durations rounded to milliseconds.
    """
    steps = tuple(
        step._replace(commands=tuple(_normalised_command(command) for command in step.commands))
        for step in recording.steps
    )
    return replace(recording, steps=steps)


def _normalised_command(command: CommandRecording) -> CommandRecording:
    return command._replace(seconds=float(f"{command.seconds:.3f}"), output=tuple(joined(command.output)))


def text_lines(recording: Recording) -> Iterator[str]:
    """Yield the lines of `dumps`, without their ends. Raises `ValueError` as `dumps` does."""
    environment = recording.environment
    yield f"{TITLE}{FORMAT}"
    yield field_line("page", recording.page)
    yield field_line("place", recording.place)
    if not all(1 <= number <= LARGEST_SIZE for number in recording.terminal):
        raise ValueError("no terminal has {} columns and {} rows".format(*recording.terminal))
    yield f"terminal: {recording.terminal.columns}x{recording.terminal.rows}"
    yield field_line("date", recording.date)
    yield field_line("engine", environment.engine)
    yield field_line("system", environment.system)
    yield field_line("architecture", environment.architecture)
    for image in recording.images:
        yield image_line(image)
    for step in recording.steps:
        yield ""
        yield from _step_lines(step)
    yield ""
    yield "end"


def _step_lines(step: StepRecording) -> Iterator[str]:
    yield field_line("step", step.key)
    if step.date:
        yield field_line("date", step.date)
    if step.not_run:
        yield field_line("not run", step.not_run)
    for command in step.commands:
        for mark, line in zip(_prompts(), command.command.split("\n"), strict=False):
            yield marked_line(mark, line)
        if abs(command.exit_code) > LARGEST_EXIT_CODE:
            raise ValueError("no command has an exit status of so many digits")
        yield f"exit: {command.exit_code}"
        if not 0 <= command.seconds <= LARGEST_SECONDS:
            raise ValueError(f"a command can't take {command.seconds} seconds")
        yield f"seconds: {abs(command.seconds):.3f}"  # without the sign of a negative zero
        if command.typed is not None:
            yield f"typed: {command.typed}"
        if command.not_text:
            yield field_line("not text", command.not_text)
        for segment in joined(command.output):
            yield from output_lines(segment)


def _prompts() -> Iterator[str]:
    """Yield the prompts of the lines of a command."""
    yield "$"
    yield from repeat(">")


def output_lines(segment: Segment) -> Iterator[str]:
    """Yield the lines for a segment. Raises `ValueError` if a screen could not show its text."""
    prefix = f"{segment.stream.value}|"
    start = 0
    while (end := segment.text.find("\n", start)) >= 0:
        yield closed(prefix + _escaped(segment.text[start:end]))
        start = end + 1
    if start < len(segment.text):
        yield prefix + _escaped(segment.text[start:]) + "\\"


def _escaped(line: str) -> str:
    if not is_shown(line):
        raise ValueError("a screen shows no control characters but those of colours")
    return escape(line)


def field_line(name: str, value: str) -> str:
    """Return the line of a field."""
    return marked_line(f"{name}:", value)


def marked_line(mark: str, value: str) -> str:
    """Return the line with `value` after `mark` and a blank."""
    return closed(f"{mark} {escape(value)}") if value else mark


def image_line(image: Image) -> str:
    """Return the line of an image."""
    return "image: " + " | ".join(map(_cell, (image.name, image.id, image.origin, image.digest)))


def _cell(value: str) -> str:
    """Return `value` as a part of a line whose parts are separated by ` | `."""
    if value in {"", "-"}:
        return r"\x2d" if value else "-"
    return closed(escape(value).replace("|", r"\x7c"))


def closed(line: str) -> str:
    """Return `line` with a trailing blank escaped, which editors would remove."""
    return line[:-1] + r"\x20" if line.endswith(" ") else line
