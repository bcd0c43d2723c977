"""The two runners that come with the extension: directly on a Docker engine, and on labs of it.

They are values. Docker's own library is imported when an engine is opened, and not before: replay needs
none.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from docker_run.catalogue.build_context import contexts, lab_definition
from docker_run.engine.settings import EngineSettings, Limits
from docker_run.errors import EngineProblem
from docker_run.model import DEFAULT_LAB, DIRECT, LAB, RunnerTraits, Session
from docker_run.protocols import Engine, EngineSource, RunContext, Runner, RunnerSession


class SessionEngine(Engine, Protocol):
    """An engine that can host the sessions of both runners."""

    def prepare(self, sessions: Sequence[Session]) -> None:
        """Begin with what the labs of `sessions` need, in other threads."""

    def session(self, session: Session) -> AbstractContextManager[RunnerSession]:
        """Open `session`; leaving the context removes all that it made. Raises `EngineProblem`."""


@dataclass(frozen=True, slots=True)
class DockerSource(EngineSource["SessionEngine"]):
    """Finds the Docker engine that `settings` ask for, or starts one. Is pickled."""

    settings: EngineSettings
    build: str = ""
    """The build in another process that has opened the engine, where this one only takes part in it."""

    def expected(self) -> tuple[str, ...]:
        """Return the URLs that would be tried, without asking any of them."""
        from docker_run.engine.connection.discovery import expected  # noqa: PLC0415 (see above)

        try:
            return expected(self.settings.engine, environ=os.environ, private=self.settings.private)
        except EngineProblem:
            # A setting that names no engine; opening one says what is wrong with it.
            return ()

    def has_dead_builds(self) -> bool:
        """Return whether builds of this machine died on those engines, without asking any of them."""
        if not (urls := self.expected()):
            return False
        from docker_run.engine.cleanup.build_folder import BuildFolders  # noqa: PLC0415 (see above)

        return BuildFolders().has_dead(urls)

    def open(self, context: RunContext) -> SessionEngine:
        """Find the engine, or start one if the settings allow it. Raises `EngineProblem`."""
        from docker_run.engine.connection.discovery import find  # noqa: PLC0415 (see above)

        url = find(
            self.settings.engine,
            environ=os.environ,
            private=self.settings.private,
            progress=context.progress,
        )
        from docker_run.engine.opening import open_engine  # noqa: PLC0415 (an engine answers)

        limits = Limits(
            seconds=context.timeout, max_output=context.max_output, interrupted=context.interrupted
        )
        return open_engine(
            self.settings,
            environ=os.environ,
            progress=context.progress,
            limits=limits,
            build=self.build,
            url=url,
        )

    def join(self, url: str, build: str) -> DockerSource:
        """Return the source with which another process opens the engine at `url`, as part of `build`."""
        return DockerSource(replace(self.settings, engine=url, private=False), build)


@dataclass(frozen=True)
class DirectRunner(Runner):
    """Runs `docker run` lines as requests to an engine."""

    source: EngineSource[SessionEngine]

    def session(self, session: Session, context: RunContext) -> AbstractContextManager[RunnerSession]:
        """Open `session`. Raises `EngineProblem`."""
        return context.engine(self.source).session(session)

    def title(self, place: str) -> str:  # noqa: ARG002 (it serves one)
        """Return what reports call it."""
        return "the engine itself"


@dataclass(frozen=True)
class LabRunner(Runner):
    """Types commands at the shells of labs, which it starts on an engine."""

    source: EngineSource[SessionEngine]
    kinds: tuple[tuple[str, str], ...] = ()
    """The build context of each kind of a project's own: (name, absolute folder), by name."""
    catalogue: Path | None = None
    """The folder of the images that labs may begin from."""

    traits = RunnerTraits(console=True, machines=True, files=True, images=True)

    def session(self, session: Session, context: RunContext) -> AbstractContextManager[RunnerSession]:
        """Open `session`. Raises `EngineProblem`."""
        return context.engine(self.source).session(session)

    def prepare(self, sessions: Sequence[Session], context: RunContext) -> None:
        """Begin with what the labs of `sessions` need."""
        context.engine(self.source).prepare(sessions)

    def places(self) -> tuple[str, ...]:
        """Return the names of the project's own kinds."""
        return tuple(name for name, _ in self.kinds)

    def definition(self, place: str) -> str:
        """Return the hash of the build context of a kind. Raises `ImageProblem` and `OSError`."""
        kinds = {name: Path(folder) for name, folder in self.kinds}
        return lab_definition(kinds, place, contexts=contexts(self.catalogue))

    def title(self, place: str) -> str:
        """Return what reports call a kind."""
        return "a lab" if place == DEFAULT_LAB else f"a lab of the kind {place}"


def built_in_runners(settings: EngineSettings) -> Mapping[str, Runner]:
    """Return the runners that a project has without registering any; they share an engine."""
    source = DockerSource(settings)
    return {
        DIRECT: DirectRunner(source),
        LAB: LabRunner(source, kinds=settings.labs.kinds, catalogue=settings.catalogue),
    }
