"""Sessions on labs, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from docker_run.engine.runners import LabRunner
from docker_run.model import Command, CommandResult, Location, Place, Session, Step, TerminalSize
from docker_run.recordings.key import session_keys
from docker_run.terminal import screen

HERE = Location("page.md", 1)
TRAITS = LabRunner.traits
PLACE = Place("lab", "0" * 64, "lab", TRAITS)


def step(*commands: str | tuple[str, ...], **settings: Any) -> Step:  # noqa: ANN401 - fields of a step
    """Return a step of commands; one with typed lines is a tuple."""
    listed = [(command,) if isinstance(command, str) else command for command in commands]
    return Step(HERE, tuple(Command(text, tuple(typed)) for text, *typed in listed), **settings)


def session(
    *steps: Step, images: Sequence[str] = (), page: str = "page", size: TerminalSize | None = None
) -> Session:
    """Return a session of `steps` on labs."""
    terminal = size or TerminalSize()
    keys = session_keys(steps, place=PLACE, terminal=terminal, images=images)
    return Session(page, steps, keys, PLACE, terminal, tuple(images))


def shown(recording: CommandResult, size: TerminalSize | None = None) -> str:
    """Return what a reader sees of a command."""
    return screen.text(screen.lines(recording.output, size or TerminalSize()))
