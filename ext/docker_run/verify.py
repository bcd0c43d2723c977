"""What authors expect, held against what was recorded: on every build, also when nothing ran.

The subtypes of the findings made here: `exit-code`, `match`, `capture` (the command did something
unexpected), `body` (it ended before all of its body was typed), `output-encoding` (it printed what a
page can't show), `recording-missing` and `recording-stale` (there is nothing to show).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from docker_run.errors import DockerRunError
from docker_run.grammar import runline
from docker_run.model import (
    Command,
    CommandRecording,
    Finding,
    Recording,
    Session,
    Step,
    StepRecording,
    Stream,
    TerminalSize,
)
from docker_run.terminal import screen

LAST_LINES = 5
"""How many lines of output a message quotes."""


def step_text(recording: StepRecording, size: TerminalSize) -> str:
    """Return the plain text of all that a step printed, as a reader sees it."""
    return "\n".join(
        filter(None, (screen.text(screen.lines(command.output, size)) for command in recording.commands))
    )


def held_steps(session: Session, recording: Recording | None) -> int:
    """Return how many of the session's first steps `recording` holds in their present form."""
    held = 0
    if recording is not None:
        for key, step in zip(session.keys, recording.steps, strict=False):
            if key != step.key:
                break
            held += 1
    return held


def is_current(session: Session, recording: Recording | None) -> bool:
    """Tell whether `recording` is that of this session: the same steps, and no other."""
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
            findings += _verify_step(step, recorded, session.terminal)
    return tuple(findings)


def verify_presence(session: Session, recording: Recording | None) -> tuple[Finding, ...]:
    """Report what there is no recording for; at most one finding a page, at the first such step."""
    held = held_steps(session, recording)
    if held == len(session.steps):
        return ()
    lacking = len(session.steps) - held
    steps = "this command" if lacking == 1 else f"this command and {lacking - 1} after it"
    subtype, reason = (
        ("recording-missing", "there is no recording of")
        if recording is None
        else ("recording-stale", "the recording of this page does not hold, in its present form,")
    )
    return (
        Finding(
            session.steps[held].location,
            subtype,
            f"{reason} {steps}: build once on a machine with a Docker engine, and commit the recording",
        ),
    )


def captured(step: Step, recording: StepRecording, size: TerminalSize) -> Mapping[str, str]:
    """Return the values that the step's captures find, by name; those not found are left out."""
    values: dict[str, str] = {}
    if step.captures and not recording.not_run:
        text = step_text(recording, size)
        for capture in step.captures:
            if found := re.search(capture.pattern, text, re.MULTILINE):
                values[capture.name] = (found[1] if found.re.groups else found[0]) or ""
    return values


def _verify_step(step: Step, recording: StepRecording, size: TerminalSize) -> Iterator[Finding]:
    text = step_text(recording, size)
    for problem in _exit_codes(step.expect.exit_codes, recording.commands):
        yield Finding(step.location, "exit-code", f"{problem}{quoted(text)}")
    for pattern in step.expect.match:
        if not re.search(pattern, text, re.MULTILINE):
            yield Finding(step.location, "match", f"the output does not match `{pattern}`{quoted(text)}")
    values = captured(step, recording, size)
    for capture in step.captures:
        if capture.name not in values:
            yield Finding(
                step.location,
                "capture",
                f"`{capture.pattern}`, which should find the value `{capture.name}`, "
                f"finds nothing in the output{quoted(text)}",
            )
    for asked, command in zip(step.commands, recording.commands, strict=False):
        if problem := _untyped(asked, command):
            yield Finding(step.location, "body", problem)
    for command in recording.commands:
        if problem := _unshowable(command):
            yield Finding(step.location, "output-encoding", problem)


def _exit_codes(expected: Sequence[int] | None, commands: Sequence[CommandRecording]) -> Iterator[str]:
    if expected is None:
        return
    each = expected if len(expected) == len(commands) else [expected[0]] * len(commands)
    for command, code in zip(commands, each, strict=True):
        if command.exit_code != code:
            yield (
                f"`{command.command}` ended with exit status {command.exit_code}, expected {code} "
                f"(if that is what the page is to show, say `:exit-code: {command.exit_code}`)"
            )


def _untyped(asked: Command, recorded: CommandRecording) -> str:
    """Say what was to be typed and never was. Only what is typed at a terminal stands in a recording."""
    typed = sum(chunk.stream is Stream.TYPED for chunk in recorded.output)
    missing = asked.typed[typed:]
    if not missing or not _at_terminal(asked.text):
        return ""
    more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    return (
        f"`{asked.text}` ended, or was detached from, before `{missing[0]}`{more} was typed; "
        "remove from the body what comes after its end, or let it end later"
    )


def _at_terminal(command: str) -> bool:
    try:
        line = runline.parse(command.removeprefix("docker run"), allow=None, read=lambda _: "")
    except DockerRunError:
        return False  # reported where the page is read
    return bool(line.container.get("tty"))


def _unshowable(command: CommandRecording) -> str:
    """Say what of the output can't be shown as text; terminals drop NUL silently, so that counts too."""
    data = b"".join(chunk.data for chunk in command.output if chunk.stream is not Stream.TYPED)
    problem = ""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        problem = f"bytes that are not UTF-8 (the first, 0x{data[error.start]:02x}, at byte {error.start})"
    if not problem and b"\0" in data:
        problem = f"NUL bytes (the first at byte {data.index(0)})"
    if not problem:
        return ""
    return (
        f"the output of `{command.command}` holds {problem}, which a page can't show; "
        "print them as text, e.g. with `| od -c` in the container"
    )


def quoted(text: str) -> str:
    """Return the last lines of `text` as the tail of a message."""
    lines = text.splitlines()[-LAST_LINES:]
    if not lines:
        return "; it printed nothing"
    return "; its last lines:\n" + "\n".join(f"    {line}" for line in lines)
