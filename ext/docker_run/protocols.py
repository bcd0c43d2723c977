"""What the parts of a build ask of each other, where more than one thing can answer.

The real engine (`docker_run.engine`) and the fake one of the unit tests both speak `Engine` and
`EngineSession`; one contract suite in `tests/` holds them to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from docker_run.model import CommandRecording, Environment, Image, Session, Step


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the time of day, in UTC."""

    def monotonic(self) -> float:
        """Return seconds from an arbitrary start, for measuring."""


class Progress(Protocol):
    """Told what a run is doing; called from any thread, and never raises."""

    def note(self, message: str) -> None:
        """Say something once that stays on the screen, e.g. what was cleaned up."""

    def image(self, name: str, status: str) -> None:
        """Say how far the pull or build of the image `name` is, e.g. `pulling 3.1 of 4.2 MB`."""

    def command(self, page: str, text: str) -> None:
        """Say that the command `text` of `page` has begun."""


class EngineSession(Protocol):
    """A session under way: what its steps leave behind lives until it is closed."""

    def run(self, step: Step) -> tuple[CommandRecording, ...]:
        """Run the commands of `step`, one after another; an entry for each.

        Before the first, the step's file is put in its place.
        Raises `ImageProblem`, `EngineProblem`, an `Unfinished`, or a `SyntaxProblem`. After an
        `Unfinished` or an `EngineProblem` the session can't run anything more.
        """

    def environment(self) -> Environment:
        """Describe the machine that runs it. Raises `EngineProblem`."""

    def images(self) -> tuple[Image, ...]:
        """Return the images used so far, by name."""


class Engine(Protocol):
    """A Docker engine that can host sessions, several at a time."""

    @property
    def url(self) -> str:
        """Where the engine listens, e.g. `unix:///var/run/docker.sock`."""

    def sweep(self) -> str:
        """Remove what builds that are no longer alive left behind.

        Returns a sentence that says what was removed; empty where nothing was.
        Raises `EngineProblem`.
        """

    def prepare(self, sessions: Sequence[Session]) -> None:
        """Take note of the sessions that will be opened, in this order.

        What they need can be made ready ahead, in other threads; nothing is waited for, nothing raised.
        """

    def session(self, session: Session) -> AbstractContextManager[EngineSession]:
        """Open `session`; leaving the context removes all that it made, also after an error.

        Raises `EngineProblem` on entry.
        """

    def interrupt(self) -> None:
        """End all sessions: what they are running raises `Interrupted`. Called from any thread."""

    def close(self) -> None:
        """Let go of the engine's connections; the engine itself goes on."""
