"""Verifying recordings against the authors' expectations, on every build, even if nothing was run.

The findings are: an unexpected result of a command, input that was not typed, output that a page can't show,
and a missing or stale recording.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from docker_run.errors import SlowPattern
from docker_run.model import (
    Capture,
    Command,
    CommandRecording,
    Expectation,
    Finding,
    Recording,
    Session,
    Step,
    StepRecording,
)
from docker_run.patterns import Pattern
from docker_run.terminal.segments import plain_text
from docker_run.warning_types import WarningType

LAST_LINES = 5
"""The number of lines of output in a message."""

LONGEST_LINE = 200
"""Limit of such a line, in characters."""

_END_OF_INPUT = "<C-d>"


def step_text(recording: StepRecording) -> str:
    """Return the plain text of all that a step printed; a line that the terminal broke is whole."""
    return "\n".join(filter(None, (plain_text(each.output) for each in recording.commands)))


def held_steps(session: Session, recording: Recording | None) -> int:
    """Return how many of the session's first steps `recording` has in their current form.

    A step that was not run ends them unless it is optional: the page may have changed its mind.
    """
    held = 0
    if recording is not None:
        for key, asked, step in zip(session.keys, session.steps, recording.steps, strict=False):
            if key != step.key or (step.not_run and not asked.optional):
                break
            held += 1
    return held


def is_current(session: Session, recording: Recording | None) -> bool:
    """Return whether `recording` is that of this session, with the same steps."""
    return (
        recording is not None
        and len(recording.steps) == len(session.steps)
        and held_steps(session, recording) == len(session.steps)
    )


def verify(session: Session, recording: Recording | None) -> tuple[Finding, ...]:
    """Check all expectations of a page against its recording."""
    held = held_steps(session, recording)
    findings: list[Finding] = []
    for step, recorded in zip(session.steps[:held], recording.steps if recording else (), strict=False):
        if not recorded.not_run:
            findings += _verify_step(step, recorded)
    return tuple(findings)


def verify_presence(session: Session, recording: Recording | None) -> tuple[Finding, ...]:
    """Report steps without a recording; at most one finding per page, at the first such step."""
    held = held_steps(session, recording)
    if held == len(session.steps):
        return ()
    lacking = len(session.steps) - held
    what = "this command" if session.steps[held].commands else "this file"
    steps = what if lacking == 1 else f"{what} and {lacking - 1} after it"
    subtype, reason = (
        (WarningType.RECORDING_MISSING, "there is no recording of")
        if recording is None
        else (WarningType.RECORDING_STALE, "the recording of this page does not have the current form of")
    )
    return (
        Finding(
            session.steps[held].location,
            subtype,
            f"{reason} {steps}: build once on a machine with a Docker engine, and commit the recording",
        ),
    )


def captured(step: Step, recording: StepRecording) -> Mapping[str, str]:
    """Return the captured values of the step, by name, without those that were not found."""
    values: dict[str, str] = {}
    if step.captures and not recording.not_run:
        text = step_text(recording)
        for capture in step.captures:
            with suppress(SlowPattern):  # reported by `verify`
                value = _value(capture, text)
                if value is not None:
                    values[capture.name] = value
    return values


def _value(capture: Capture, text: str) -> str | None:
    """Return the value of a capture; None if it is not found. Raises `SlowPattern`."""
    pattern = Pattern(capture.pattern)
    found = pattern.search(text)
    return None if found is None else found[1 if pattern.has_groups else 0] or ""


def _verify_step(step: Step, recording: StepRecording) -> Iterator[Finding]:
    # Only rendered if needed: outputs may be large.
    text = step_text(recording) if step.expect.match or step.captures else ""
    for problem in _exit_codes(step.expect, recording.commands):
        yield Finding(step.location, WarningType.EXIT_CODE, problem)
    yield from _matches(step, text)
    yield from _captures(step, text)
    for asked, command in zip(step.commands, recording.commands, strict=False):
        if problem := _untyped(asked, command):
            yield Finding(step.location, WarningType.BODY, problem)
    for command in recording.commands:
        if problem := _unshowable(command):
            yield Finding(step.location, WarningType.OUTPUT_ENCODING, problem)


def _matches(step: Step, text: str) -> Iterator[Finding]:
    for pattern in step.expect.match:
        try:
            if not Pattern(pattern).search(text):
                yield Finding(
                    step.location, WarningType.MATCH, f"the output does not match `{pattern}`{quoted(text)}"
                )
        except SlowPattern as error:
            yield Finding(step.location, error.subtype, f"`:match:`: {error}")


def _captures(step: Step, text: str) -> Iterator[Finding]:
    for capture in step.captures:
        try:
            if _value(capture, text) is None:
                yield Finding(
                    step.location,
                    WarningType.CAPTURE,
                    f"`{capture.pattern}`, which should find the value `{capture.name}`, "
                    f"finds nothing in the output{quoted(text)}",
                )
        except SlowPattern as error:
            yield Finding(step.location, error.subtype, f"`:capture: {capture.name}`: {error}")


def _exit_codes(expected: Expectation, commands: Sequence[CommandRecording]) -> Iterator[str]:
    each = expected.statuses(len(commands))
    for command, code in zip(commands, each, strict=True):
        if code is not None and command.exit_code != code:
            advice = f"say `:exit-code: {command.exit_code}`"
            if len(commands) > 1:
                found = [
                    "any" if wanted is None else str(other.exit_code if other is command else wanted)
                    for other, wanted in zip(commands, each, strict=True)
                ]
                advice = (
                    f"end its line with `# exit-code: {command.exit_code}`, "
                    f"or say `:exit-code: {', '.join(found)}`"
                )
            yield (
                f"`{_named(command.command)}` ended with exit status {command.exit_code}, expected {code} "
                f"(if that is what the page is to show, {advice})"
                f"{quoted(plain_text(command.output))}"
            )


def _named(command: str) -> str:
    """Return the name of a command in messages: its first line."""
    first, newline, _ = command.partition("\n")
    return f"{first} …" if newline else first


def _untyped(asked: Command, recorded: CommandRecording) -> str:
    """Return a message if not all input was typed, otherwise an empty string."""
    if recorded.typed is None:
        return ""
    # Not at the top: most commands have no input.
    from docker_run.terminal import waits  # noqa: PLC0415

    missing = [entry for entry in asked.typed if not waits.is_wait(entry)][recorded.typed :]
    if not missing or missing == [_END_OF_INPUT]:
        # The end of the input, for a program that has ended by itself, is not missing.
        return ""
    more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    return (
        f"`{_named(asked.text)}` ended, or was detached from, before `{missing[0]}`{more} was typed; "
        "remove from the body what comes after its end, or let it end later"
    )


def _unshowable(command: CommandRecording) -> str:
    """Return a message if some of the output can't be shown as text, otherwise an empty string."""
    if not command.not_text:
        return ""
    return (
        f"the output of `{_named(command.command)}` holds {command.not_text}, which a page can't show; "
        "print them as text, e.g. with `| od -c` in the container"
    )


def quoted(text: str) -> str:
    """Return the last lines of `text`, as the end of a message."""
    lines = text.splitlines()[-LAST_LINES:]
    if not lines:
        return "; it printed nothing"
    short = (line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}…" for line in lines)
    return "; its last lines:\n" + "\n".join(f"    {line}" for line in short)
