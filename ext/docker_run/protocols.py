"""The interfaces between the parts of a build that have several implementations.

A `Runner` is a way to run sessions; it may need an `Engine`. A contract suite in `tests/` verifies all
runners, including the fake ones of the unit tests, against the documentation here.
"""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol, TypeVar

from docker_run.build_result import BuildResult
from docker_run.model import Environment, Image, RunnerTraits, Session, Step, StepOutput


class Clock(Protocol):
    """The time."""

    def now(self) -> datetime:
        """Return the date and time, in UTC."""

    def monotonic(self) -> float:
        """Return seconds since an arbitrary start, for measuring durations."""


class Progress(Protocol):
    """Receives the progress of a run. Methods are called from any thread, and never raise."""

    def note(self, message: str) -> None:
        """Report a message that stays on the screen, e.g. what was cleaned up."""

    def image(self, name: str, status: str) -> None:
        """Report the status of pulling or building the image `name`, e.g. `pulling 3.1 of 4.2 MB`."""

    def command(self, page: str, text: str) -> None:
        """Report that the command `text` of `page` has begun."""


class BuildProgress(Progress, Protocol):
    """Receives the progress of a whole build."""

    def planned(self, pages: Mapping[str, str]) -> None:
        """Note the pages that will be run, each with the reason."""

    def finished(self, page: str, commands: int, seconds: float) -> None:
        """Report that a page has been run and settled."""

    def defect(self, page: str, traceback: str) -> None:
        """Save the traceback of a defect, of one page or (an empty name) of all."""


class Reporter(Protocol):
    """Reports the results of a build: on a screen, in a file, by an exit status."""

    def begin(self) -> None:
        """Remove the report of an earlier build. Never raises."""

    def report(self, build: BuildResult) -> None:
        """Report the results of the build. Raises `UnsavedReport`."""


class Engine(Protocol):
    """The engine that the sessions of a build share, opened once in each process that runs sessions."""

    @property
    def url(self) -> str:
        """Identifies the engine, e.g. by its address: `unix:///var/run/docker.sock`."""

    def sweep(self) -> str:
        """Remove what builds that are no longer alive have left.

        Returns a sentence that says what was removed; empty if nothing was.
        Raises `EngineProblem`.
        """

    def share(self) -> str:
        """Return an ID of this build, for other processes that run sessions of it.

        What they create belongs to the build, and `close` removes what they leave. Raises `EngineProblem`.
        """
        return ""

    def interrupt(self) -> None:
        """End all sessions: running commands raise `Interrupted`. Called from any thread."""

    def close(self) -> None:
        """Close connections, and remove what is left of this build; the engine itself is not stopped."""


E_co = TypeVar("E_co", bound=Engine, covariant=True)
E = TypeVar("E", bound=Engine)


class EngineSource(Protocol[E_co]):
    """Opens an engine: a hashable value; equal ones are opened once."""

    def expected(self) -> Collection[str]:
        """Return the URLs (`Engine.url`) of the engines that would be tried, without a request to any."""

    def has_dead_builds(self) -> bool:
        """Return whether builds of this machine died on those engines, without a request to any."""

    def open(self, context: RunContext) -> E_co:
        """Find the engine, or start it. Raises `EngineProblem`."""

    def join(self, url: str, build: str) -> EngineSource[E_co]:  # noqa: ARG002 (for those who need it)
        """Return the source with which another process opens the engine that this process has opened.

        `url` is that of the engine, `build` the result of `Engine.share`. It is pickled.
        """
        return self


class RunContext(Protocol):
    """The build's services for its runners, in each process that runs sessions."""

    @property
    def timeout(self) -> float:
        """The default time limit of a command, in seconds."""

    @property
    def max_output(self) -> int:
        """The limit of a command's output, in bytes."""

    @property
    def interrupted(self) -> threading.Event:
        """Set when the build is interrupted: running commands should raise `Interrupted` soon."""

    @property
    def progress(self) -> Progress:
        """Receives the progress of lengthy operations."""

    def engine(self, source: EngineSource[E]) -> E:
        """Return the engine of `source`, the same for all equal sources.

        It is opened on first use, and closed when the build ends. Raises `EngineProblem`.
        """


class RunnerSession(Protocol):
    """An open session: what its steps create lives until it is closed."""

    @abstractmethod
    def run(self, step: Step) -> StepOutput:
        """Run the commands of `step` in order, and return the result of each.

        The step's file is put in its place first. If an image is unavailable after some commands of an
        optional step were run, the output has their results, and the reason why it is incomplete.
        Raises `ImageProblem`, `EngineProblem`, an `Unfinished`, or a `SyntaxProblem`. After an
        `Unfinished` or an `EngineProblem` the session can't run anything more.
        """

    @abstractmethod
    def environment(self) -> Environment:
        """Return the environment in which it runs. Raises `EngineProblem`."""

    def images(self) -> tuple[Image, ...]:
        """Return the images used so far, sorted by name; by default none."""
        return ()


class Runner(Protocol):
    """A way to run sessions, registered under a name (`add_runner`). Subclass it.

    A runner is a value, preferably a frozen dataclass of settings: it holds no open resources, is shared by
    threads, and is pickled if sessions run in other processes.
    """

    traits: RunnerTraits = RunnerTraits()
    """What authors may write on its pages."""
    source: EngineSource[Engine] | None = None
    """The source of its engine; None if it needs none, so that nothing is opened, swept or closed."""

    @abstractmethod
    def session(self, session: Session, context: RunContext) -> AbstractContextManager[RunnerSession]:
        """Open `session`; leaving the context removes all that it created, also after an error.

        Several sessions are open at a time, each in its own thread. Raises `EngineProblem` on entry.
        """

    def prepare(self, sessions: Sequence[Session], context: RunContext) -> None:  # noqa: ARG002
        """Note the sessions that will be opened in this process, in this order.

        Their needs can be prepared ahead, in other threads; this method must not wait for them.
        """
        return

    def places(self) -> Collection[str]:
        """Return the names of further places that it serves, besides its own: e.g. kinds of labs."""
        return ()

    def definition(self, place: str) -> str:  # noqa: ARG002 (for those who serve several)
        """Return an identifier of the definition of `place`; if it changes, the place's pages run again.

        Called once per build, even if the build runs nothing. It must be the same on every machine: a
        version or a hash, not a path. Raises `ImageProblem` and `OSError`.
        """
        return ""

    def title(self, place: str) -> str:
        """Return the title of `place` for reports, as part of a line: `the engine itself`, `a lab`."""
        return place
