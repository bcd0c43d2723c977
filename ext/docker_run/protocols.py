"""What the parts of a build ask of each other, where more than one thing can answer.

A `Runner` is a way to run sessions; what it stands on, where it needs something at all, is an `Engine`.
One contract suite in `tests/` holds all runners to what is written here, the fake ones of the unit tests
too.
"""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol, TypeVar

from docker_run.model import CommandResult, Environment, Image, RunnerTraits, Session, Step
from docker_run.results import BuildResult


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


class BuildProgress(Progress, Protocol):
    """Told how a whole build goes on."""

    def planned(self, pages: Mapping[str, str]) -> None:
        """Take note of the pages that will be run, each with the reason."""

    def finished(self, page: str, commands: int, seconds: float) -> None:
        """Say that a page has been run and settled."""

    def defect(self, page: str, traceback: str) -> None:
        """Keep where a defect showed, of one page or (an empty name) of all, for those who fix it."""


class Reporter(Protocol):
    """Tells somebody what came of a build: on a screen, in a file, by an exit status."""

    def begin(self) -> None:
        """Take back what was told of an earlier build. Never raises."""

    def report(self, build: BuildResult) -> None:
        """Tell what came of the build. Raises `UnsavedReport`."""


class Engine(Protocol):
    """What the sessions of a build share: opened once in each process that runs some."""

    @property
    def url(self) -> str:
        """What tells it apart from others, e.g. where it listens: `unix:///var/run/docker.sock`."""

    def sweep(self) -> str:
        """Remove what builds that are no longer alive left behind.

        Returns a sentence that says what was removed; empty where nothing was.
        Raises `EngineProblem`.
        """

    def share(self) -> str:
        """Return a name of this build there, for other processes that run sessions of it.

        What they make belongs to the build, and `close` removes what they leave. Raises `EngineProblem`.
        """
        return ""

    def interrupt(self) -> None:
        """End all sessions: what they are running raises `Interrupted`. Called from any thread."""

    def close(self) -> None:
        """Let go of its connections, and remove what is left of this build; the engine itself goes on."""


E_co = TypeVar("E_co", bound=Engine, covariant=True)
E = TypeVar("E", bound=Engine)


class EngineSource(Protocol[E_co]):
    """Where a build comes by an engine: a value, hashable; equal ones are opened once."""

    def expected(self) -> Collection[str]:
        """Return what tells the engines apart that would be tried (`Engine.url`), without asking any."""

    def has_dead_builds(self) -> bool:
        """Return whether builds of this machine died on those engines, without asking any of them."""

    def open(self, context: RunContext) -> E_co:
        """Find the engine, or start it. Raises `EngineProblem`."""

    def join(self, url: str, build: str) -> EngineSource[E_co]:  # noqa: ARG002 (for those who need it)
        """Return the source with which another process opens the engine that this one has found.

        `url` is that engine's, and `build` what it gave (`Engine.share`). It is pickled.
        """
        return self


class RunContext(Protocol):
    """What a build gives to its runners, in each process that runs sessions."""

    @property
    def timeout(self) -> float:
        """Seconds that each command of a step may take that sets no limit of its own."""

    @property
    def max_output(self) -> int:
        """Bytes that a command may print."""

    @property
    def interrupted(self) -> threading.Event:
        """Set when the build is interrupted: what runs is to raise `Interrupted` soon."""

    @property
    def progress(self) -> Progress:
        """Told of what takes a while."""

    def engine(self, source: EngineSource[E]) -> E:
        """Return the engine that `source` opens; all that ask for an equal one get the same.

        It is opened when it is first asked for, and closed when the build ends. Raises `EngineProblem`.
        """


class RunnerSession(Protocol):
    """A session under way: what its steps leave behind lives until it is closed."""

    @abstractmethod
    def run(self, step: Step) -> tuple[CommandResult, ...]:
        """Run the commands of `step`, one after another; an entry for each.

        Before the first, the step's file is put in its place.
        Raises `ImageProblem`, `EngineProblem`, an `Unfinished`, or a `SyntaxProblem`. After an
        `Unfinished` or an `EngineProblem` the session can't run anything more.
        """

    @abstractmethod
    def environment(self) -> Environment:
        """Describe the machine that runs it. Raises `EngineProblem`."""

    def images(self) -> tuple[Image, ...]:
        """Return the images used so far, by name; none, unless a runner says otherwise."""
        return ()


class Runner(Protocol):
    """A way to run sessions, registered under a name (`add_runner`). Inherit from it.

    A runner is a value, best a frozen dataclass of settings: nothing is open in it, it is shared by
    threads, and where sessions run in other processes it is pickled.
    """

    traits: RunnerTraits = RunnerTraits()
    """What authors may write on its pages."""
    source: EngineSource[Engine] | None = None
    """The engine that it stands on; None needs none: then there is nothing to open, to sweep or to close."""

    @abstractmethod
    def session(self, session: Session, context: RunContext) -> AbstractContextManager[RunnerSession]:
        """Open `session`; leaving the context removes all that it made, also after an error.

        Several are open at a time, in threads of their own. Raises `EngineProblem` on entry.
        """

    def prepare(self, sessions: Sequence[Session], context: RunContext) -> None:  # noqa: ARG002
        """Take note of the sessions that will be opened in this process, in this order.

        What they need can be made ready ahead, in other threads; nothing is waited for.
        """
        return

    def places(self) -> Collection[str]:
        """Return the names, besides its own, of places that it serves; such as kinds of labs."""
        return ()

    def definition(self, place: str) -> str:  # noqa: ARG002 (for those who serve several)
        """Return what identifies the machine `place`: when it is another, the place's pages run again.

        It is asked once in each build, also in those that run nothing, and is to be the same on every
        machine: a version or a hash, no path. Raises `ImageProblem` and `OSError`.
        """
        return ""

    def title(self, place: str) -> str:
        """Return what reports call `place`, within a line: `the engine itself`, `a lab`."""
        return place
